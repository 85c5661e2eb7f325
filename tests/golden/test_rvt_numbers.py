"""The whole detector against the numbers of the original RVT, with weights drawn from their names."""

import importlib.util
import json

import numpy as np
import pytest
import torch

from trainable.losses import detection_losses
from trainable.model import AttentionOptions, Detector, postprocess

SIZES = {
    "tiny": {"embed_dim": 32, "attention": AttentionOptions(dim_head=32), "fpn_depth": 0.33},
    "small": {"embed_dim": 48, "attention": AttentionOptions(dim_head=24), "fpn_depth": 0.33},
    "base": {"embed_dim": 64, "attention": AttentionOptions(dim_head=32), "fpn_depth": 0.67},
}
CASES = ["rvt_tiny_c3_128x192", "rvt_tiny_c8_192x256", "rvt_small_c2_128x128", "rvt_base_c3_64x128"]


@pytest.fixture(scope="module")
def deterministic_weights(shared_dir):
    path = shared_dir / "golden" / "deterministic_weights.py"
    spec = importlib.util.spec_from_file_location("deterministic_weights", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.deterministic_weights


@pytest.fixture(scope="module")
def case(shared_dir, deterministic_weights):
    """Builds a golden case: the detector with its weights, and the numbers of the original."""

    def build(name, **changes):
        golden = np.load(shared_dir / "golden" / f"{name}.npz")
        meta = json.loads(str(golden["meta"]))
        detector = Detector(
            input_hw=(meta["height"], meta["width"]),
            num_classes=meta["num_classes"],
            patch_size=meta["patch_size"],
            partition_split=meta["partition_split"],
            **SIZES[meta["size"]],
            **changes,
        )
        shapes = {key: list(value.shape) for key, value in detector.state_dict().items()}
        weights = deterministic_weights(shapes)
        detector.load_rvt_state_dict({f"mdl.{key}": torch.from_numpy(value) for key, value in weights.items()})
        return detector, golden

    return build


def last_step(detector, golden):
    features, _ = detector.backbone(torch.from_numpy(golden["events"]))
    return {stage: maps[-1] for stage, maps in features.items()}


@pytest.mark.parametrize("size", SIZES)
def test_state_dict_has_rvts_keys_and_shapes(shared_dir, size):
    expected = json.loads((shared_dir / "golden" / "rvt_state_dict_shapes.json").read_text())[size]
    detector = Detector(input_hw=(64, 64), num_classes=3, partition_split=1, **SIZES[size])
    assert {key: list(value.shape) for key, value in detector.state_dict().items()} == expected


@pytest.mark.parametrize("time_batched", [True, False])
@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_features_predictions_and_detections_are_rvts(case, name, time_batched):
    detector, golden = case(name, time_batched=time_batched)
    features = last_step(detector.eval(), golden)
    np.testing.assert_allclose(features[4], golden["feature_4"], atol=1e-4)
    np.testing.assert_allclose(features[1].mean(dim=(2, 3)), golden["feature_1_mean"], atol=1e-4)

    predictions = detector.detect(features)
    boxes, probabilities = np.split(golden["predictions"], [4], axis=-1)
    np.testing.assert_allclose(predictions[..., :4] / 100, boxes / 100, rtol=0, atol=1e-4)
    np.testing.assert_allclose(predictions[..., 4:], probabilities, rtol=0, atol=1e-4)

    for frame, detections in enumerate(postprocess(predictions, detector.num_classes, 0.3, 0.45)):
        np.testing.assert_allclose(detections, golden[f"detections_{frame}"], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_are_rvts(case, name):
    detector, golden = case(name)
    predictions = detector.train().predict(last_step(detector, golden))
    labels = torch.from_numpy(golden["labels"])
    losses = detection_losses(predictions, detector.anchors(), labels, num_classes=detector.num_classes)
    for term, key in (("total", "loss"), ("iou", "iou_loss"), ("conf", "conf_loss"), ("cls", "cls_loss")):
        np.testing.assert_allclose(getattr(losses, term).item(), golden[f"loss_{key}"], rtol=1e-3)
    np.testing.assert_allclose(losses.num_fg.item(), golden["loss_num_fg"], rtol=1e-6)

    losses.total.backward()
    norms = {name: parameter.grad.norm().item() for name, parameter in detector.named_parameters()}
    expected = dict(zip(golden["grad_keys"].tolist(), golden["grad_norms"].tolist(), strict=True))
    assert norms.keys() == expected.keys()
    np.testing.assert_allclose([norms[key] for key in expected], list(expected.values()), rtol=1e-2)


@pytest.mark.parametrize("index", range(4))
def test_detections_of_crafted_predictions_are_yoloxs(shared_dir, index):
    golden = np.load(shared_dir / "golden" / f"yolox_head_{index}.npz")
    meta = json.loads(str(golden["meta"]))
    frames = postprocess(
        torch.from_numpy(golden["scores_predictions"]),
        meta["num_classes"],
        meta["confidence_threshold"],
        meta["nms_threshold"],
    )
    for frame, detections in enumerate(frames):
        np.testing.assert_allclose(detections, golden[f"detections_{frame}"], atol=1e-4)
