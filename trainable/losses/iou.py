"""Overlap of boxes in centre form, and the losses made of it."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

IouLoss = Literal["iou", "giou"]

_SMALLEST_AREA_PX2 = 1e-16


def box_iou(a_cxcywh: Float[Tensor, "*#n 4"], b_cxcywh: Float[Tensor, "*#n 4"]) -> Float[Tensor, "*n"]:
    """Intersection over union of boxes `(..., 4)` in pixels; leading dimensions broadcast.

    Two boxes without area have the IoU 0.

    Source: YOLOX (Megvii-BaseDetection/YOLOX). Deviation: its pairwise form has no small number in the denominator and
    gives NaN for two boxes without area; here both forms have it.
    """
    intersection, union = _intersection_and_union(a_cxcywh, b_cxcywh)
    return intersection / (union + _SMALLEST_AREA_PX2)


def pairwise_iou(
    a_cxcywh: Float[Tensor, "*batch n 4"], b_cxcywh: Float[Tensor, "*batch m 4"]
) -> Float[Tensor, "*batch n m"]:
    """Intersection over union of every box of `a` with every box of `b`, `(..., n, 4)` and `(..., m, 4)` in pixels."""
    return box_iou(a_cxcywh.unsqueeze(-2), b_cxcywh.unsqueeze(-3))


def box_giou(a_cxcywh: Float[Tensor, "*#n 4"], b_cxcywh: Float[Tensor, "*#n 4"]) -> Float[Tensor, "*n"]:
    """Generalised intersection over union in [-1, 1] of boxes `(..., 4)` in pixels; leading dimensions broadcast.

    Source: Rezatofighi et al., Generalized Intersection over Union, CVPR 2019, algorithm 1.
    """
    intersection, union = _intersection_and_union(a_cxcywh, b_cxcywh)
    (a_x, a_y, a_w, a_h), (b_x, b_y, b_w, b_h) = a_cxcywh.unbind(-1), b_cxcywh.unbind(-1)
    hull_w = torch.maximum(a_x + a_w / 2, b_x + b_w / 2) - torch.minimum(a_x - a_w / 2, b_x - b_w / 2)
    hull_h = torch.maximum(a_y + a_h / 2, b_y + b_h / 2) - torch.minimum(a_y - a_h / 2, b_y - b_h / 2)
    hull = hull_w * hull_h
    iou = intersection / (union + _SMALLEST_AREA_PX2)
    return (iou - (hull - union) / hull.clamp(min=_SMALLEST_AREA_PX2)).clamp(-1.0, 1.0)


def box_loss(
    predicted_cxcywh: Float[Tensor, "*n 4"], target_cxcywh: Float[Tensor, "*n 4"], kind: IouLoss
) -> Float[Tensor, "*n"]:
    """Loss of each predicted box: `1 - IoU²` for `iou`, `1 - GIoU` for `giou`.

    Source: YOLOX (Megvii-BaseDetection/YOLOX), which squares the IoU.
    """
    match kind:
        case "iou":
            return 1 - box_iou(predicted_cxcywh, target_cxcywh) ** 2
        case "giou":
            return 1 - box_giou(predicted_cxcywh, target_cxcywh)


def _intersection_and_union(
    a_cxcywh: Float[Tensor, "*#n 4"], b_cxcywh: Float[Tensor, "*#n 4"]
) -> tuple[Float[Tensor, "*n"], Float[Tensor, "*n"]]:
    (a_x, a_y, a_w, a_h), (b_x, b_y, b_w, b_h) = a_cxcywh.unbind(-1), b_cxcywh.unbind(-1)
    width = torch.minimum(a_x + a_w / 2, b_x + b_w / 2) - torch.maximum(a_x - a_w / 2, b_x - b_w / 2)
    height = torch.minimum(a_y + a_h / 2, b_y + b_h / 2) - torch.maximum(a_y - a_h / 2, b_y - b_h / 2)
    intersection = width.clamp(min=0) * height.clamp(min=0)
    return intersection, a_w * a_h + b_w * b_h - intersection
