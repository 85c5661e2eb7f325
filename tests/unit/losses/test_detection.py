"""The sum of the named terms: weighting, size bins, empty batches, precision, and no waiting for the device."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from trainable.losses import DetectionLosses, SizeAwareSettings, assign, detection_losses, size_weights
from trainable.object_sizes import AreaBin
from trainable.types import LossTerm

STEP = SizeAwareSettings("step", 3.0, 300.0, 900.0, terms=("iou",))


def losses_and_gradient(scene, **options) -> tuple[DetectionLosses, torch.Tensor]:
    predictions = scene.predictions.clone().requires_grad_()
    losses = detection_losses(predictions, scene.anchors, scene.labels, num_classes=3, **options)
    losses.total.backward()
    assert predictions.grad is not None
    return losses, predictions.grad


def foreground_weights(scene, settings: SizeAwareSettings) -> torch.Tensor:
    assignment = assign(*scene)
    frame, slot = assignment.foreground.nonzero(as_tuple=True)
    return settings.box_weights(scene.labels[frame, assignment.matched[frame, slot], 1:])


@pytest.mark.parametrize("terms", [("iou",), ("cls",), ("obj",), ("iou", "cls", "obj")])
def test_weights_of_one_are_the_plain_loss_to_the_bit(terms: tuple[LossTerm, ...], scene: Callable) -> None:
    plain, plain_gradient = losses_and_gradient(scene(0))
    ones = SizeAwareSettings(size_aware_weight=1.0, terms=terms)
    weighted, gradient = losses_and_gradient(scene(0), size_aware=ones)
    assert torch.equal(plain.total, weighted.total)
    assert torch.equal(plain_gradient, gradient)
    assert weighted.mean_weight == 1


def test_plain_loss_multiplies_nothing_by_a_weight(scene: Callable) -> None:
    class CountMultiplications(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func.overloadpacket is torch.ops.aten.mul
            return func(*args, **(kwargs or {}))

    def multiplications(**options) -> int:
        scenes = scene(0)
        with CountMultiplications() as mode:
            detection_losses(*scenes, num_classes=3, **options)
        return mode.count

    ones = dataclasses.replace(STEP, size_aware_weight=1.0, terms=("iou", "cls", "obj"))
    weighing = 2  # the box's area, and its scale to the area space
    assert multiplications(size_aware=ones) == multiplications() + weighing + len(ones.terms)


@pytest.mark.parametrize(("term", "raised"), [("iou", "iou"), ("cls", "cls"), ("obj", "conf")])
def test_a_term_is_weighted_only_if_named(term: LossTerm, raised: str, scene: Callable) -> None:
    plain, _ = losses_and_gradient(scene(1))
    weighted, _ = losses_and_gradient(scene(1), size_aware=dataclasses.replace(STEP, terms=(term,)))
    for name in ("iou", "conf", "cls"):
        if name == raised:
            assert getattr(weighted, name) > getattr(plain, name)
        else:
            assert torch.equal(getattr(weighted, name), getattr(plain, name))


def test_weighted_terms_are_the_sums_of_weighted_foreground_losses(scene: Callable) -> None:
    scenes = scene(2)
    settings = dataclasses.replace(STEP, terms=("iou", "cls", "obj"))
    weights = foreground_weights(scenes, settings)
    assert len(set(weights.tolist())) > 1
    assignment = assign(*scenes)
    frame, slot = assignment.foreground.nonzero(as_tuple=True)
    predicted = scenes.predictions[frame, assignment.anchor[frame, slot]]
    truth = scenes.labels[frame, assignment.matched[frame, slot]]
    iou = assignment.iou[frame, slot]

    targets = torch.zeros(len(frame), 3)
    targets[torch.arange(len(frame)), truth[:, 0].long()] = iou
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
    cls = cross_entropy(predicted[:, 5:], targets, reduction="none").sum(dim=1)
    everywhere = cross_entropy(scenes.predictions[..., 4], torch.zeros(scenes.predictions.shape[:2]), reduction="none")
    everywhere[frame, assignment.anchor[frame, slot]] = weights * cross_entropy(
        predicted[:, 4], torch.ones(len(frame)), reduction="none"
    )

    losses, _ = losses_and_gradient(scenes, size_aware=settings)
    torch.testing.assert_close(losses.iou, 5 * (weights * (1 - iou**2)).sum() / len(frame))
    torch.testing.assert_close(losses.cls, (weights * cls).sum() / len(frame))
    torch.testing.assert_close(losses.conf, everywhere.sum() / len(frame))
    torch.testing.assert_close(losses.total, losses.iou + losses.conf + losses.cls)


@pytest.mark.parametrize("normalize", [False, True])
def test_mean_weight_is_that_of_the_foreground_before_normalisation(normalize: bool, scene: Callable) -> None:
    settings = dataclasses.replace(STEP, normalize=normalize)
    losses, _ = losses_and_gradient(scene(3), size_aware=settings)
    torch.testing.assert_close(losses.mean_weight, foreground_weights(scene(3), settings).mean())
    assert losses.mean_weight > 1


def test_normalised_weights_have_mean_one(scene: Callable) -> None:
    scenes = scene(4)
    scenes.labels[..., 3:] = torch.where(scenes.labels[..., 3:] > 0, 10.0, 0.0)
    plain, gradient = losses_and_gradient(scenes)
    normalised, same_gradient = losses_and_gradient(scenes, size_aware=dataclasses.replace(STEP, normalize=True))
    torch.testing.assert_close(normalised.total, plain.total)
    torch.testing.assert_close(same_gradient, gradient)
    assert normalised.mean_weight == 3


def test_area_scale_moves_the_thresholds_to_other_pixels(scene: Callable) -> None:
    sensor = SizeAwareSettings("step", 3.0, 4 * 300.0, 4 * 900.0, area_scale=4.0)
    in_input, _ = losses_and_gradient(scene(5), size_aware=STEP)
    in_sensor, _ = losses_and_gradient(scene(5), size_aware=sensor)
    assert torch.equal(in_input.total, in_sensor.total)


def test_bins_split_the_box_and_class_terms(scene: Callable) -> None:
    bins = (AreaBin("tiny", 0, 200), AreaBin("rest", 200, float("inf")), AreaBin("none", 1e6, 2e6))
    losses, _ = losses_and_gradient(scene(6), size_aware=STEP, area_bins=bins)
    for term in ("iou", "cls"):
        parts = losses.by_bin[f"{term}/tiny"] + losses.by_bin[f"{term}/rest"]
        torch.testing.assert_close(parts, getattr(losses, term).detach())
        assert losses.by_bin[f"{term}/tiny"] > 0
    assert 0 < losses.by_bin["conf/tiny"] + losses.by_bin["conf/rest"] < losses.conf
    assert losses.by_bin["foreground/tiny"] + losses.by_bin["foreground/rest"] == pytest.approx(1)
    assert all(losses.by_bin[f"{term}/none"] == 0 for term in ("iou", "conf", "cls", "foreground"))
    assert not any(value.requires_grad for value in losses.by_bin.values())


@pytest.mark.parametrize("max_labels", [0, 3])
def test_frames_without_objects_teach_only_objectness(max_labels: int, scene: Callable) -> None:
    empty = scene(7)._replace(labels=torch.zeros(4, max_labels, 5))
    settings = dataclasses.replace(STEP, terms=("iou", "cls", "obj"), normalize=True)
    losses, gradient = losses_and_gradient(empty, size_aware=settings)
    logits = empty.predictions[..., 4]
    torch.testing.assert_close(losses.total, torch.nn.functional.softplus(logits).sum())
    assert losses.iou == losses.cls == losses.num_fg == 0
    assert losses.mean_weight == 1
    torch.testing.assert_close(gradient[..., 4], torch.sigmoid(logits))
    assert not gradient[..., [0, 1, 2, 3, 5, 6, 7]].any()


def test_giou_pulls_on_boxes_that_do_not_overlap(scene: Callable) -> None:
    scenes = scene(8)
    scenes.predictions[..., :2] += 500
    _, by_iou = losses_and_gradient(scenes)
    _, by_giou = losses_and_gradient(scenes, iou_loss="giou")
    assert not by_iou[..., :4].any()
    assert by_giou[..., :2].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_are_float32_also_under_autocast(dtype: torch.dtype, scene: Callable) -> None:
    scenes = scene(9)
    low = scenes._replace(predictions=scenes.predictions.to(dtype))
    expected = detection_losses(low.predictions.float(), low.anchors, low.labels, num_classes=3, size_aware=STEP)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = detection_losses(*low, num_classes=3, size_aware=STEP)
    assert losses.total.dtype == torch.float32
    assert torch.equal(losses.total, expected.total)


@pytest.mark.parametrize("channel", [0, 2, 4, 6])
def test_nan_in_the_predictions_is_not_hidden(channel: int, scene: Callable) -> None:
    scenes = scene(10)
    scenes.predictions[..., channel] = torch.nan
    assert detection_losses(*scenes, num_classes=3).total.isnan()


def test_boxes_far_outside_or_without_area_give_finite_losses_and_gradients(scene: Callable) -> None:
    scenes = scene(11)
    scenes.predictions[0, :, :2] *= 1e4
    scenes.predictions[1, :, 2:4] = 0
    scenes.predictions[2, :, 2:4] = 1e15
    for kind in ("iou", "giou"):
        losses, gradient = losses_and_gradient(scenes, iou_loss=kind)
        assert torch.isfinite(losses.total)
        assert torch.isfinite(gradient).all()


def test_boxes_are_weighed_with_the_one_function() -> None:
    areas = torch.tensor([100.0, 500.0, 5000.0])
    boxes = torch.stack((areas, areas, areas / 10, torch.full((3,), 10.0)), dim=1)
    expected = size_weights(
        areas, weight_type="step", size_aware_weight=3.0, small_threshold=300.0, medium_threshold=900.0
    )
    assert torch.equal(STEP.box_weights(boxes), expected)
    assert expected.tolist() == [3, 2, 1]


def test_wrong_number_of_channels_is_refused(scene: Callable) -> None:
    with pytest.raises(ValueError, match=r"5 \+ num_classes = 12 channels, got shape \(4, 315, 8\)"):
        detection_losses(*scene(0), num_classes=7)


class RefuseReadingBack(TorchDispatchMode):
    """Fails on operations whose result's size or value the host must know, for which a GPU would be waited for."""

    OPERATIONS = frozenset({"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "unique_dim"})

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket.__name__ not in self.OPERATIONS, f"{func} needs a value on the host"
        if func.overloadpacket is torch.ops.aten.index:
            assert not any(index is not None and index.dtype == torch.bool for index in args[1])
        return func(*args, **(kwargs or {}))


def test_nothing_is_read_back_from_the_device_when_the_scales_are_given(scene: Callable) -> None:
    scenes = scene(12)
    predictions = scenes.predictions.requires_grad_()
    settings = dataclasses.replace(STEP, terms=("iou", "cls", "obj"), normalize=True)
    options = {"num_classes": 3, "size_aware": settings, "iou_loss": "giou"}
    with RefuseReadingBack():
        losses = detection_losses(predictions, scenes.anchors, scenes.labels, num_scales=3, **options)
        losses.total.backward()
    with pytest.raises(AssertionError, match="unique"), RefuseReadingBack():
        detection_losses(predictions, scenes.anchors, scenes.labels, **options)
