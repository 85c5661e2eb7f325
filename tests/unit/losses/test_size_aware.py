"""The size-aware modules over the one weight function."""

import pytest
import torch
import torch.nn.functional as F

from trainable.errors import ConfigError
from trainable.losses import (
    SizeAwareFocalLoss,
    SizeAwareIOULoss,
    SizeAwareLossWrapper,
    box_loss,
    sigmoid_focal_loss,
    size_weights,
)

TARGET = torch.tensor([[50.0, 50.0, 16.0, 16.0], [50.0, 50.0, 32.0, 32.0], [50.0, 50.0, 64.0, 64.0]])
PREDICTED = TARGET + torch.tensor([3.0, -2.0, 4.0, 1.0])
LOGITS = torch.tensor([[1.0, -1.0], [0.5, 0.0], [-2.0, 1.0]])
CLASSES = torch.tensor([0, 1, 1])
OPTIONS = {"size_aware_weight": 2.5, "small_threshold": 1024, "medium_threshold": 9216, "weight_type": "exponential"}
WEIGHTS = size_weights(TARGET[:, 2] * TARGET[:, 3], **OPTIONS)


@pytest.mark.parametrize("module", [SizeAwareIOULoss(**OPTIONS), SizeAwareFocalLoss(**OPTIONS)])
def test_modules_weigh_with_the_one_function(module: SizeAwareIOULoss | SizeAwareFocalLoss) -> None:
    assert torch.equal(module.compute_size_weights(TARGET), WEIGHTS)
    assert WEIGHTS.tolist() == pytest.approx([1.947, 1.0, 1.0], abs=1e-3)


@pytest.mark.parametrize("kind", ["iou", "giou"])
def test_iou_loss_is_the_weighted_box_loss_in_each_reduction(kind: str) -> None:
    expected = box_loss(PREDICTED, TARGET, kind) * WEIGHTS
    assert torch.equal(SizeAwareIOULoss("none", kind, **OPTIONS)(PREDICTED, TARGET), expected)
    torch.testing.assert_close(SizeAwareIOULoss("mean", kind, **OPTIONS)(PREDICTED, TARGET), expected.sum() / 3)
    torch.testing.assert_close(SizeAwareIOULoss("sum", kind, **OPTIONS)(PREDICTED, TARGET), expected.sum())


def test_focal_loss_is_weighted_row_by_row() -> None:
    plain = sigmoid_focal_loss(LOGITS, F.one_hot(CLASSES, 2).float())
    loss = SizeAwareFocalLoss(**OPTIONS, reduction="none")(LOGITS, CLASSES, TARGET)
    torch.testing.assert_close(loss, plain * WEIGHTS.unsqueeze(1))
    torch.testing.assert_close(SizeAwareFocalLoss(**OPTIONS)(LOGITS, CLASSES, TARGET), loss.sum() / 6)


def test_wrapper_returns_the_losses_and_their_sum() -> None:
    objectness = torch.tensor([[2.0], [0.0], [-1.0]])
    losses = SizeAwareLossWrapper(**OPTIONS)(PREDICTED, LOGITS, objectness, TARGET, CLASSES, TARGET)
    assert set(losses) == {"iou_loss", "cls_loss", "obj_loss", "total_loss"}
    torch.testing.assert_close(losses["iou_loss"], SizeAwareIOULoss("mean", **OPTIONS)(PREDICTED, TARGET))
    torch.testing.assert_close(losses["cls_loss"], SizeAwareFocalLoss(**OPTIONS)(LOGITS, CLASSES, TARGET))
    torch.testing.assert_close(losses["obj_loss"], F.softplus(-objectness).mean())
    torch.testing.assert_close(losses["total_loss"], losses["iou_loss"] + losses["cls_loss"] + losses["obj_loss"])


def test_a_weight_below_one_is_refused_when_the_module_is_made() -> None:
    with pytest.raises(ConfigError, match=r"at least 1, got 0\.5"):
        SizeAwareLossWrapper(size_aware_weight=0.5)
