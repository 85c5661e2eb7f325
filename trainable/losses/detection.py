"""The detection loss: named terms over the anchors that SimOTA assigns."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from trainable.losses.assignment import Assignment, assign, is_object
from trainable.losses.iou import IouLoss, box_loss
from trainable.losses.size_weights import SizeAwareSettings
from trainable.object_sizes import COCO_AREA_BINS, AreaBin

IOU_TERM_WEIGHT = 5.0


@dataclass(frozen=True)
class DetectionLosses:
    """The loss of one step, all scalars; only `total`, `iou`, `conf` and `cls` carry a gradient.

    Attributes:
        total: Sum of the three terms.
        iou: Box term, with its factor 5.
        conf: Objectness term.
        cls: Class term.
        num_fg: Foreground anchors for each object, as RVT logs it; 0 without objects.
        mean_weight: Mean over the foreground anchors of all frames of the size weight of each anchor's object, before
            any normalisation. It is how many times the weights enlarge a term if the anchors' losses do not depend on
            size. 1 for the plain loss and where no anchor is foreground.
        by_bin: For each size bin, `iou/<bin>`, `conf/<bin>` and `cls/<bin>`: what the foreground anchors whose object
            lies in the bin add to the term, weights included; and `foreground/<bin>`: their share of all foreground
            anchors. All are 0 where the bin is empty. A term divided by its share is the bin's mean loss, also for
            averages over many steps. The bins' `conf` leave out the background, so they do not add up to the term. An
            area on the edge of two bins counts in both, as in COCO's metrics.
    """

    total: Float[Tensor, ""]
    iou: Float[Tensor, ""]
    conf: Float[Tensor, ""]
    cls: Float[Tensor, ""]
    num_fg: Float[Tensor, ""]
    mean_weight: Float[Tensor, ""]
    by_bin: dict[str, Tensor]


@dataclass(frozen=True)
class _Foreground:
    """The candidate slots of all frames with what they predict and what they should; `(frames, slots, ...)`."""

    mask: Tensor
    anchor: Tensor
    box_cxcywh: Tensor
    class_logits: Tensor
    truth_cxcywh: Tensor
    class_targets: Tensor
    count: Tensor


def detection_losses(
    predictions: Float[Tensor, "frames anchors channels"],
    anchors: tuple[Tensor, Tensor, Tensor],
    labels: Float[Tensor, "frames max_labels 5"],
    *,
    num_classes: int,
    size_aware: SizeAwareSettings | None = None,
    iou_loss: IouLoss = "iou",
    area_bins: Sequence[AreaBin] = COCO_AREA_BINS,
    num_scales: int | None = None,
) -> DetectionLosses:
    """Compute the loss of a step's labelled frames. Nothing is read back from the device if `num_scales` is given.

    Each term is a sum divided by the number of foreground anchors of all frames (at least 1):

    - iou: 5 times the box loss of the foreground anchors;
    - conf: binary cross entropy of every anchor's objectness, 1 for foreground;
    - cls: binary cross entropy of the foreground anchors' classes, the target being the IoU in the object's class.

    With `size_aware`, a foreground anchor's loss in the named terms is multiplied by the weight of its object's area;
    background keeps weight 1. Without it nothing is multiplied, so the loss is the plain one to the bit.

    Computed in float32, also under autocast. NaN in the predictions is passed on.

    Args:
        predictions: Decoded boxes cx, cy, width and height in input pixels, objectness logit and `num_classes` class
            logits.
        anchors: Column and row in cells and stride in input pixels, each `(anchors,)`, see `trainable.types.Anchors`.
        labels: Rows of class number, cx, cy, width and height in input pixels; zero rows are padding. Class
            numbers must be below `num_classes`.
        num_classes: Number of class logits.
        size_aware: The weighting by size, or none.
        iou_loss: `iou` for `1 - IoU²`, `giou` for `1 - GIoU`.
        area_bins: Ranges of object areas in input px² for `by_bin`.
        num_scales: Number of different strides among the anchors; counted when absent.

    Returns:
        The terms, their sum and what is worth logging.

    Raises:
        ValueError: The predictions do not have `5 + num_classes` channels.

    Source: YOLOX's head as RVT (uzh-rpg/RVT) trains it, without the L1 term, which RVT leaves off. `assign` lists the
    deviations of the assignment.
    """
    if predictions.shape[-1] != 5 + num_classes:
        raise ValueError(
            f"predictions must have 5 + num_classes = {5 + num_classes} channels, got shape {tuple(predictions.shape)}"
        )
    with torch.autocast(predictions.device.type, enabled=False):
        predictions, labels = predictions.float(), labels.float()
        assignment = assign(predictions, anchors, labels, num_scales=num_scales)
        foreground = _gather_foreground(predictions, labels, assignment)
        return _sum_terms(predictions, labels, foreground, size_aware, iou_loss, area_bins)


def _sum_terms(
    predictions: Tensor,
    labels: Tensor,
    foreground: _Foreground,
    size_aware: SizeAwareSettings | None,
    iou_loss: IouLoss,
    area_bins: Sequence[AreaBin],
) -> DetectionLosses:
    mask, divisor = foreground.mask, foreground.count.clamp(min=1)
    box_losses = box_loss(foreground.box_cxcywh, foreground.truth_cxcywh, iou_loss)
    class_losses = F.binary_cross_entropy_with_logits(
        foreground.class_logits, foreground.class_targets, reduction="none"
    ).sum(dim=2)
    objectness_targets = _scatter(foreground, mask.float(), predictions.shape[1])
    objectness_losses = F.binary_cross_entropy_with_logits(predictions[..., 4], objectness_targets, reduction="none")

    mean_weight = torch.ones_like(divisor)
    if size_aware is not None:
        weights, mean_weight = _weigh(foreground, size_aware)
        if "iou" in size_aware.terms:
            box_losses = box_losses * weights
        if "cls" in size_aware.terms:
            class_losses = class_losses * weights
        if "obj" in size_aware.terms:
            anchor_weights = _scatter(foreground, torch.where(mask, weights, 0.0), predictions.shape[1])
            objectness_losses = objectness_losses * torch.where(objectness_targets > 0, anchor_weights, 1.0)

    box_losses = IOU_TERM_WEIGHT * torch.where(mask, box_losses, 0.0)
    class_losses = torch.where(mask, class_losses, 0.0)
    iou, cls, conf = (losses.sum() / divisor for losses in (box_losses, class_losses, objectness_losses))
    losses_by_term = {
        "iou": box_losses,
        "conf": objectness_losses.detach().gather(1, foreground.anchor),
        "cls": class_losses,
    }
    return DetectionLosses(
        total=iou + conf + cls,
        iou=iou,
        conf=conf,
        cls=cls,
        num_fg=foreground.count / is_object(labels).sum().clamp(min=1),
        mean_weight=mean_weight,
        by_bin=_split_by_bin(foreground, losses_by_term, divisor, area_bins),
    )


def _gather_foreground(predictions: Tensor, labels: Tensor, assignment: Assignment) -> _Foreground:
    """Look up what each slot predicts and should predict.

    Background slots get equal boxes of one pixel, whose loss and gradient are zero whatever their anchor predicts.
    """
    mask = assignment.foreground
    predicted = predictions.gather(1, assignment.anchor.unsqueeze(2).expand(-1, -1, predictions.shape[2]))
    truth = labels.gather(1, assignment.matched.unsqueeze(2).expand(-1, -1, 5))
    one_hot = truth[..., :1] == torch.arange(predictions.shape[2] - 5, device=truth.device)
    return _Foreground(
        mask=mask,
        anchor=assignment.anchor,
        box_cxcywh=torch.where(mask.unsqueeze(2), predicted[..., :4], 1.0),
        class_logits=predicted[..., 5:],
        truth_cxcywh=torch.where(mask.unsqueeze(2), truth[..., 1:], 1.0),
        class_targets=one_hot * assignment.iou.unsqueeze(2),
        count=mask.sum().float(),
    )


def _weigh(foreground: _Foreground, size_aware: SizeAwareSettings) -> tuple[Tensor, Tensor]:
    """The factor of each slot `(frames, slots)`, and the mean weight over the foreground before normalisation."""
    weights = size_aware.box_weights(foreground.truth_cxcywh)
    total = torch.where(foreground.mask, weights, 0.0).sum()
    mean = torch.where(foreground.count > 0, total / foreground.count, 1.0)
    return (weights / mean if size_aware.normalize else weights), mean


def _scatter(foreground: _Foreground, values: Tensor, num_anchors: int) -> Tensor:
    """Put slots' values at their anchors `(frames, anchors)`; values of background slots must be 0."""
    by_anchor = values.new_zeros(values.shape[0], num_anchors)
    return by_anchor.scatter_add(1, foreground.anchor, values)


@torch.no_grad()
def _split_by_bin(
    foreground: _Foreground, losses_by_term: dict[str, Tensor], divisor: Tensor, area_bins: Sequence[AreaBin]
) -> dict[str, Tensor]:
    areas_px2 = foreground.truth_cxcywh[..., 2] * foreground.truth_cxcywh[..., 3]
    by_bin = {}
    for area_bin in area_bins:
        inside = foreground.mask & (areas_px2 >= area_bin.lower_px2) & (areas_px2 <= area_bin.upper_px2)
        for term, losses in losses_by_term.items():
            by_bin[f"{term}/{area_bin.name}"] = torch.where(inside, losses, 0.0).sum() / divisor
        by_bin[f"foreground/{area_bin.name}"] = inside.sum() / divisor
    return by_bin
