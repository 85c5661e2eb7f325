"""SimOTA for all frames at once against the plain form of `conftest.py`, and its rules one by one."""

from collections.abc import Callable

import pytest
import torch

import trainable.losses.assignment as assignment_module
from trainable.losses import Assignment, assign
from trainable.types import Anchors


def assert_equal_to_plain(result: Assignment, scene, plain_assign: Callable) -> int:
    """Compare every frame, and return the number of foreground anchors."""
    for frame, labels in enumerate(scene.labels):
        rows = (labels.sum(dim=1) > 0).nonzero().squeeze(1)
        expected = plain_assign(scene.predictions[frame], scene.anchors, labels[rows])
        chosen = result.foreground[frame]
        anchors = result.anchor[frame][chosen]
        assert torch.equal(anchors, expected.foreground.nonzero().squeeze(1))
        if len(anchors):
            assert torch.equal(result.matched[frame][chosen], rows[expected.matched])
            torch.testing.assert_close(result.iou[frame][chosen], expected.iou, rtol=1e-6, atol=0)
    return int(result.foreground.sum())


@pytest.mark.parametrize("seed", range(10))
def test_all_frames_at_once_agree_with_one_object_at_a_time(seed: int, scene: Callable, plain_assign: Callable) -> None:
    strides = [(8, 16, 32), (4, 8, 16, 32), (3, 6, 12, 24)][seed % 3]
    crowd = scene(seed, objects=1 + 3 * seed, max_labels=30, strides=strides, hw=(96, 144), num_classes=1 + seed % 8)
    assert assert_equal_to_plain(assign(*crowd), crowd, plain_assign) > 0


@pytest.mark.parametrize("seed", range(6))
def test_equal_costs_go_to_the_lower_anchor(seed: int, scene: Callable, plain_assign: Callable) -> None:
    regular = scene(seed, noise=0.0)
    regular.labels[..., 1:3] = (regular.labels[..., 1:3] / 8).round() * 8
    regular.labels[..., 3:] = (regular.labels[..., 3:] / 8).ceil() * 8
    assert assert_equal_to_plain(assign(*regular), regular, plain_assign) > 0


@pytest.mark.parametrize("seed", range(6))
def test_objects_on_one_spot_contest_the_same_anchors(seed: int, scene: Callable, plain_assign: Callable) -> None:
    pile = scene(seed, objects=12, max_labels=12)
    pile.labels[:-1, :, 1:3] = 48 + 0.1 * pile.labels[:-1, :, 1:3]
    assert assert_equal_to_plain(assign(*pile), pile, plain_assign) > 0


def test_an_object_short_of_anchors_takes_those_near_another(scene: Callable, plain_assign: Callable) -> None:
    lone = scene(0, frames=2, objects=2, hw=(64, 64), strides=(32,), noise=0.0)
    lone.labels[0, 0] = torch.tensor([0.0, -47.0, 16.0, 40.0, 40.0])
    lone.labels[0, 1] = torch.tensor([1.0, 16.0, 16.0, 80.0, 80.0])
    lone.predictions[0, :, :4] = torch.tensor([16.0, 16.0, 78.0, 78.0])
    result = assign(*lone)
    assert_equal_to_plain(result, lone, plain_assign)
    assert set(result.matched[0][result.foreground[0]].tolist()) == {1}
    lone.labels[0, 0, 1] = -49.0
    assert_equal_to_plain(assign(*lone), lone, plain_assign)


def test_padding_rows_may_stand_between_objects(scene: Callable, plain_assign: Callable) -> None:
    gaps = scene(3)
    gaps.labels[0, 1] = 0
    gaps.labels[1, 0] = 0
    result = assign(*gaps)
    assert_equal_to_plain(result, gaps, plain_assign)
    assert 1 not in result.matched[0][result.foreground[0]]


def test_chunks_of_frames_do_not_change_the_result(scene: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = scene(1, frames=7)
    whole = assign(*scenes)
    monkeypatch.setattr(assignment_module, "_CHUNK_PAIRS_CPU", 3 * 8 * scenes.predictions.shape[1])
    parts = assign(*scenes)
    for name in ("anchor", "foreground", "matched", "iou"):
        assert torch.equal(getattr(whole, name), getattr(parts, name))


def test_number_of_scales_given_or_counted_gives_the_same(scene: Callable) -> None:
    scenes = scene(2)
    counted, given = assign(*scenes), assign(*scenes, num_scales=3)
    assert torch.equal(counted.anchor, given.anchor)
    assert torch.equal(counted.matched, given.matched)


def test_an_anchor_exactly_a_stride_and_a_half_away_is_no_candidate() -> None:
    anchors = Anchors(torch.arange(8.0), torch.zeros(8), torch.full((8,), 8.0))
    predictions = torch.zeros(1, 8, 6)
    predictions[..., :4] = torch.tensor([32.0, 4.0, 80.0, 80.0])
    labels = torch.tensor([[[0.0, 32.0, 4.0, 80.0, 80.0]]])
    result = assign(predictions, anchors, labels)
    assert result.anchor[0][result.foreground[0]].tolist() == [3, 4]


def test_an_object_far_outside_the_grid_is_left_out(scene: Callable) -> None:
    scenes = scene(4)
    scenes.labels[0, :, 1:3] += 10_000
    result = assign(*scenes)
    assert not result.foreground[0].any()
    assert result.foreground[1].any()


@pytest.mark.parametrize(("frames", "max_labels"), [(0, 4), (3, 0), (3, 4)])
def test_nothing_to_assign_gives_no_foreground(frames: int, max_labels: int, scene: Callable) -> None:
    scenes = scene(0)
    result = assign(scenes.predictions[:frames], scenes.anchors, torch.zeros(frames, max_labels, 5))
    assert result.foreground.shape[0] == frames
    assert not result.foreground.any()


def test_a_class_without_logit_is_an_error(scene: Callable) -> None:
    scenes = scene(0)
    scenes.labels[0, 0, 0] = 3
    with pytest.raises(IndexError, match="out of bounds"):
        assign(*scenes)


def test_half_precision_predictions_are_assigned_in_float32(scene: Callable) -> None:
    scenes = scene(5)
    half = scenes.predictions.half()
    low, full = assign(half, scenes.anchors, scenes.labels), assign(half.float(), scenes.anchors, scenes.labels)
    assert low.iou.dtype == torch.float32
    assert torch.equal(low.matched, full.matched)
    assert torch.equal(low.iou, full.iou)


def test_infinite_and_distant_boxes_are_not_preferred(scene: Callable) -> None:
    scenes = scene(6)
    scenes.predictions[0, ::2, 2:4] = torch.inf
    scenes.predictions[1, ::2, :2] = -1e30
    result = assign(*scenes)
    assert result.foreground[:2].any(dim=1).all()
    assert torch.isfinite(result.iou).all()
