"""Losses of matched predictions, weighted by the size of their truth: modules over the functions of this package."""

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from trainable.losses.focal import sigmoid_focal_loss
from trainable.losses.iou import IouLoss, box_loss
from trainable.losses.size_weights import SizeAwareSettings
from trainable.types import WeightType

Reduction = Literal["none", "mean", "sum"]


class _SizeWeighted(nn.Module):
    """What the size-aware losses share: the weighting and the reduction."""

    def __init__(self, settings: SizeAwareSettings, reduction: Reduction) -> None:
        super().__init__()
        self.settings = settings
        self.reduction = reduction

    def compute_size_weights(self, target_boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
        """Weights of boxes `(..., 4)` as cx, cy, width and height in model-input pixels, see `size_weights`."""
        return self.settings.box_weights(target_boxes)

    def _reduce(self, losses: Tensor) -> Tensor:
        match self.reduction:
            case "none":
                return losses
            case "mean":
                return losses.mean()
            case "sum":
                return losses.sum()


class SizeAwareIOULoss(_SizeWeighted):
    """IoU or GIoU loss of matched boxes, times the size weight of the truth.

    Args:
        reduction: `none`, `mean` or `sum` over the weighted losses; `mean` divides by the number of boxes.
        loss_type: `iou` for `1 - IoU²`, `giou` for `1 - GIoU`.
        size_aware_weight: Largest weight, at least 1.
        small_threshold: Area in model-input px².
        medium_threshold: Area in model-input px².
        weight_type: The shape of the fall, see `size_weights`.

    Raises:
        ConfigError: A weight or threshold is out of its range.
    """

    def __init__(
        self,
        reduction: Reduction = "none",
        loss_type: IouLoss = "iou",
        size_aware_weight: float = 2.0,
        small_threshold: float = 32 * 32,
        medium_threshold: float = 96 * 96,
        weight_type: WeightType = "exponential",
    ) -> None:
        super().__init__(
            SizeAwareSettings(weight_type, size_aware_weight, small_threshold, medium_threshold), reduction
        )
        self.loss_type = loss_type

    def forward(self, pred: Float[Tensor, "n 4"], target: Float[Tensor, "n 4"]) -> Tensor:
        """Weighted loss `(n,)`, or a scalar when reduced, of boxes cx, cy, width and height in model-input pixels."""
        losses = box_loss(pred.float(), target.float(), self.loss_type)
        return self._reduce(losses * self.compute_size_weights(target))


class SizeAwareFocalLoss(_SizeWeighted):
    """Focal loss of matched predictions' class logits, times the size weight of the truth.

    Args:
        alpha: Weight of the positive class.
        gamma: How strongly easy predictions are scaled down.
        size_aware_weight: Largest weight, at least 1.
        small_threshold: Area in model-input px².
        medium_threshold: Area in model-input px².
        weight_type: The shape of the fall, see `size_weights`.
        reduction: `none`, `mean` or `sum`; `mean` divides by the number of logits.

    Raises:
        ConfigError: A weight or threshold is out of its range.
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        size_aware_weight: float = 2.0,
        small_threshold: float = 32 * 32,
        medium_threshold: float = 96 * 96,
        weight_type: WeightType = "exponential",
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            SizeAwareSettings(weight_type, size_aware_weight, small_threshold, medium_threshold), reduction
        )
        self.alpha = alpha
        self.gamma = gamma

    def forward(
        self, pred: Float[Tensor, "n classes"], target: Int[Tensor, " n"], target_boxes: Float[Tensor, "n 4"]
    ) -> Tensor:
        """Weighted focal loss.

        Args:
            pred: Class logits `(n, classes)`.
            target: Class numbers `(n,)`, integers.
            target_boxes: Truth of each prediction `(n, 4)`, cx, cy, width and height in model-input pixels.

        Returns:
            Losses `(n, classes)`, or a scalar when reduced.
        """
        targets = F.one_hot(target, pred.shape[1]).float()
        losses = sigmoid_focal_loss(pred.float(), targets, alpha=self.alpha, gamma=self.gamma)
        return self._reduce(losses * self.compute_size_weights(target_boxes).unsqueeze(1))


class SizeAwareLossWrapper(nn.Module):
    """The three losses of matched predictions together: weighted IoU, weighted focal and plain objectness.

    Args:
        size_aware_weight: Largest weight, at least 1.
        small_threshold: Area in model-input px².
        medium_threshold: Area in model-input px².
        weight_type: The shape of the fall, see `size_weights`.
        loss_type: `iou` for `1 - IoU²`, `giou` for `1 - GIoU`.

    Raises:
        ConfigError: A weight or threshold is out of its range.
    """

    def __init__(
        self,
        size_aware_weight: float = 2.0,
        small_threshold: float = 32 * 32,
        medium_threshold: float = 96 * 96,
        weight_type: WeightType = "exponential",
        loss_type: IouLoss = "iou",
    ) -> None:
        super().__init__()
        self.iou_loss = SizeAwareIOULoss(
            "mean", loss_type, size_aware_weight, small_threshold, medium_threshold, weight_type
        )
        self.focal_loss = SizeAwareFocalLoss(
            size_aware_weight=size_aware_weight,
            small_threshold=small_threshold,
            medium_threshold=medium_threshold,
            weight_type=weight_type,
        )

    def forward(
        self,
        pred_reg: Float[Tensor, "n 4"],
        pred_cls: Float[Tensor, "n classes"],
        pred_obj: Float[Tensor, "n 1"],
        target_reg: Float[Tensor, "n 4"],
        target_cls: Int[Tensor, " n"],
        target_boxes: Float[Tensor, "n 4"],
    ) -> dict[str, Tensor]:
        """Mean losses of n predictions that all have a truth, as scalars.

        Args:
            pred_reg: Predicted boxes `(n, 4)`, cx, cy, width and height in model-input pixels.
            pred_cls: Class logits `(n, classes)`.
            pred_obj: Objectness logits `(n, 1)`, all of which should say "object".
            target_reg: Boxes that the predictions should equal `(n, 4)`, in the same form.
            target_cls: Class numbers `(n,)`, integers.
            target_boxes: Boxes whose areas give the class loss its weights `(n, 4)`.

        Returns:
            `iou_loss`, `cls_loss`, `obj_loss` and their sum, `total_loss`.
        """
        iou_loss = self.iou_loss(pred_reg, target_reg)
        cls_loss = self.focal_loss(pred_cls, target_cls, target_boxes)
        logits = pred_obj.float()
        obj_loss = F.binary_cross_entropy_with_logits(logits, logits.new_ones(logits.shape))
        return {
            "iou_loss": iou_loss,
            "cls_loss": cls_loss,
            "obj_loss": obj_loss,
            "total_loss": iou_loss + cls_loss + obj_loss,
        }
