"""The assignment, losses and gradients of RVT's original YOLOX head on crafted predictions."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from trainable.losses import assign, detection_losses


class Case(NamedTuple):
    predictions: Tensor
    anchors: tuple[Tensor, Tensor, Tensor]
    labels: Tensor
    expected: dict[str, np.ndarray]


@pytest.fixture(params=range(4))
def case(request: pytest.FixtureRequest, shared_dir: Path) -> Case:
    with np.load(shared_dir / "golden" / f"yolox_head_{request.param}.npz", allow_pickle=False) as archive:
        expected = {key: archive[key] for key in archive.files}
    x, y, stride = (torch.from_numpy(expected[key]) for key in ("anchor_x", "anchor_y", "anchor_stride"))
    predictions = torch.from_numpy(expected["predictions"]).requires_grad_()
    return Case(predictions, (x, y, stride), torch.from_numpy(expected["labels"]), expected)


def test_assignment_is_exactly_that_of_the_original_head(case: Case) -> None:
    assignment = assign(case.predictions, case.anchors, case.labels)
    frames_with_objects = [frame for frame in range(len(case.labels)) if f"foreground_{frame}" in case.expected]
    assert frames_with_objects == [0, 1, 3]
    for frame in frames_with_objects:
        chosen = assignment.foreground[frame]
        foreground = np.zeros(case.predictions.shape[1], dtype=bool)
        foreground[assignment.anchor[frame][chosen].numpy()] = True
        np.testing.assert_array_equal(foreground, case.expected[f"foreground_{frame}"])
        np.testing.assert_array_equal(assignment.matched[frame][chosen].numpy(), case.expected[f"matched_{frame}"])
        np.testing.assert_allclose(assignment.iou[frame][chosen].numpy(), case.expected[f"iou_{frame}"], rtol=1e-6)
    assert not assignment.foreground[2].any()


def test_losses_are_those_of_the_original_head(case: Case) -> None:
    losses = detection_losses(case.predictions, case.anchors, case.labels, num_classes=case.predictions.shape[2] - 5)
    computed = {
        "loss": losses.total,
        "iou_loss": losses.iou,
        "conf_loss": losses.conf,
        "cls_loss": losses.cls,
        "num_fg": losses.num_fg,
    }
    for key, value in computed.items():
        assert value.item() == pytest.approx(case.expected[key].item(), rel=1e-6), key


def test_gradient_is_that_of_the_original_head(case: Case) -> None:
    num_classes = case.predictions.shape[2] - 5
    detection_losses(case.predictions, case.anchors, case.labels, num_classes=num_classes).total.backward()
    assert case.predictions.grad is not None
    assert np.abs(case.expected["gradient"]).max() > 1e-2
    np.testing.assert_allclose(case.predictions.grad.numpy(), case.expected["gradient"], atol=1e-7, rtol=0)
