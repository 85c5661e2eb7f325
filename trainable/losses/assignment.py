"""SimOTA: which anchors learn which object, for all frames of a step at once and without waiting for the device."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainable.losses.iou import pairwise_iou

CENTRE_RADIUS = 1.5
"""How many strides an anchor's centre may lie from an object's centre, in each direction, to be its candidate."""

OUTSIDE_COST = 1e6
IOU_COST_WEIGHT = 3.0
MAX_MATCHES = 10
"""At most so many anchors learn one object."""

_CANDIDATES_PER_SCALE = 9
"""An open square of three strides contains the centres of at most 3 x 3 cells."""

_CHUNK_PAIRS_CPU = 2**21
_CHUNK_PAIRS = 2**24
"""Frames are assigned in chunks of at most so many label-anchor pairs: on a CPU few, since caches are small."""

_SMALLEST_LOG = -100.0


@dataclass(frozen=True)
class Assignment:
    """The candidate anchors of every frame, and what was decided for each.

    Every frame has the same number of slots. Candidates come first, by rising anchor number; slots left over are
    background and name anchor 0.

    Attributes:
        anchor: Number of the slot's anchor, `(frames, slots)` int64.
        foreground: Whether the anchor learns an object, `(frames, slots)` bool.
        matched: Row of that object in the frame's labels, `(frames, slots)` int64; 0 in background slots.
        iou: IoU of the anchor's predicted box with that object, `(frames, slots)` float32; 0 in background slots.
    """

    anchor: Int[Tensor, "frames slots"]
    foreground: Bool[Tensor, "frames slots"]
    matched: Int[Tensor, "frames slots"]
    iou: Float[Tensor, "frames slots"]


@torch.no_grad()
def assign(
    predictions: Float[Tensor, "frames anchors channels"],
    anchors: tuple[Tensor, Tensor, Tensor],
    labels: Float[Tensor, "frames max_labels 5"],
    *,
    num_scales: int | None = None,
) -> Assignment:
    """Assign objects to anchors by simplified optimal transport (SimOTA).

    An anchor is a candidate of its frame if the centre of some object lies within 1.5 strides of its own, horizontally
    and vertically. Each object takes its k cheapest candidates, also those of other objects; k is the whole part of the
    sum of its 10 largest IoUs with the frame's candidates, but at least 1. The cost is the binary cross entropy of the
    class scores `sqrt(class · objectness)`, plus 3 times `-ln(IoU)`, plus 1e6 for candidates of other objects only. A
    candidate taken by several objects goes to the frame's object for which it costs least. Equal costs go to the lower
    anchor number, and to the earlier label.

    A label row is an object if its five numbers have a positive sum; all others are padding.

    Memory: at most 2**24 label-anchor pairs at a time (2**21 on a CPU), about 0.6 GB if every anchor were a candidate.
    Of 30 frames with 100 labels and 20,000 anchors on four scales that is 8 frames at a time, each with at most 3,600
    candidates: about 0.1 GB.

    Args:
        predictions: Decoded boxes cx, cy, width and height in input pixels, objectness logit and class logits.
        anchors: Column and row in cells and stride in input pixels, each `(anchors,)`, see `trainable.types.Anchors`.
        labels: Rows of class number, cx, cy, width and height in input pixels.
        num_scales: Number of different strides. When absent it is counted, for which a GPU must be waited for.

    Returns:
        The assignment, without gradient.

    Source: Ge et al., YOLOX, 2021, section 2.1, in the variant that RVT (uzh-rpg/RVT) trains with: candidates by centre
    distance alone. Deviations: equal costs are decided as above instead of at random; an object whose frame has no
    candidate is left out instead of failing; padding rows may stand between objects.
    """
    frames, num_anchors = predictions.shape[:2]
    max_labels = labels.shape[1]
    if num_scales is None:
        num_scales = torch.unique(anchors[2]).numel()
    num_slots = min(num_anchors, _CANDIDATES_PER_SCALE * num_scales * max_labels)
    if frames == 0 or num_slots == 0:
        nothing = torch.zeros(frames, 0, dtype=torch.int64, device=predictions.device)
        return Assignment(nothing, nothing.bool(), nothing, nothing.float())
    pairs = _CHUNK_PAIRS_CPU if predictions.device.type == "cpu" else _CHUNK_PAIRS
    chunk = max(1, pairs // (max_labels * num_anchors))
    parts = [
        _assign_frames(frame_predictions.float(), anchors, frame_labels.float(), num_slots)
        for frame_predictions, frame_labels in zip(
            torch.split(predictions, chunk), torch.split(labels, chunk), strict=True
        )
    ]
    return Assignment(
        anchor=torch.cat([part.anchor for part in parts]),
        foreground=torch.cat([part.foreground for part in parts]),
        matched=torch.cat([part.matched for part in parts]),
        iou=torch.cat([part.iou for part in parts]),
    )


def is_object(labels: Float[Tensor, "*n 5"]) -> Bool[Tensor, "*n"]:
    """Tell objects from padding among label rows of class number, cx, cy, width and height."""
    return labels.sum(dim=-1) > 0


def _assign_frames(
    predictions: Tensor, anchors: tuple[Tensor, Tensor, Tensor], labels: Tensor, num_slots: int
) -> Assignment:
    valid = is_object(labels)
    reach = _reach(anchors)
    centres = torch.where(valid.unsqueeze(2), labels[..., 1:3], torch.inf)
    anchor, is_candidate = _compact(_is_near(centres, reach).any(dim=1), num_slots)
    candidates = predictions.gather(1, anchor.unsqueeze(2).expand(-1, -1, predictions.shape[2]))
    boxes = torch.where(is_candidate.unsqueeze(2), candidates[..., :4], 0.0)

    ious = pairwise_iou(labels[..., 1:], boxes)
    costs = _class_costs(candidates[..., 4:], is_candidate, labels[..., 0], valid)
    costs -= (ious + 1e-8).log_().clamp_(max=0.0).mul_(IOU_COST_WEIGHT)
    costs += torch.where(_is_near(centres, reach[:, anchor]), 0.0, OUTSIDE_COST)

    most = min(MAX_MATCHES, num_slots)
    num_matches = ious.topk(most, dim=2).values.sum(dim=2).long().clamp(1, most)
    cost, slot = _cheapest(costs, most)
    chosen = (torch.arange(most, device=slot.device) < num_matches.unsqueeze(2)) & (cost != torch.inf)
    return _settle(ious, costs, anchor, slot, chosen)


def _settle(ious: Tensor, costs: Tensor, anchor: Tensor, slot: Tensor, chosen: Tensor) -> Assignment:
    """Give each slot that some label chose to one label: its only chooser, or else the one that it costs least."""
    label = torch.arange(slot.shape[1], device=slot.device).view(1, -1, 1).expand_as(slot)
    slot, count, label = slot.flatten(1), chosen.flatten(1).long(), label.flatten(1)
    times_chosen = torch.zeros_like(anchor).scatter_add_(1, slot, count)
    only_chooser = torch.zeros_like(anchor).scatter_add_(1, slot, count * label)
    foreground = times_chosen > 0
    matched = torch.where(times_chosen > 1, costs.min(dim=1).indices, only_chooser)
    iou = ious.gather(1, matched.unsqueeze(1)).squeeze(1)
    return Assignment(anchor, foreground, matched, iou.masked_fill(~foreground, 0.0))


def _reach(anchors: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Left, top, right and bottom `(4, anchors)` in pixels of the region whose objects an anchor may learn."""
    column, row, stride = (values.float() for values in anchors)
    x, y, radius = (column + 0.5) * stride, (row + 0.5) * stride, CENTRE_RADIUS * stride
    return torch.stack((x - radius, y - radius, x + radius, y + radius))


def _is_near(centres: Tensor, reach: Tensor) -> Tensor:
    """Whether each label's centre lies in reach, `(frames, max_labels, n)`; `reach` `(4, n)` or `(4, frames, n)`."""
    left, top, right, bottom = reach.view(4, -1, 1, reach.shape[-1])
    x, y = centres[..., :1], centres[..., 1:]
    near: Tensor = x > left
    near &= x < right
    near &= y > top
    near &= y < bottom
    return near


def _compact(mask: Tensor, num_slots: int) -> tuple[Tensor, Tensor]:
    """Positions of each row's true values in rising order, filled up with 0; and which of them are such positions."""
    rank = mask.cumsum(dim=1)
    slot = torch.where(mask, rank - 1, num_slots)
    position = torch.arange(mask.shape[1], device=mask.device).expand_as(slot)
    positions = torch.zeros(mask.shape[0], num_slots + 1, dtype=torch.int64, device=mask.device)
    positions = positions.scatter_(1, slot, position)[:, :num_slots]
    is_position = torch.arange(num_slots, device=mask.device) < rank[:, -1:]
    return positions, is_position


def _class_costs(logits: Tensor, is_candidate: Tensor, classes: Tensor, valid: Tensor) -> Tensor:
    """`(frames, max_labels, slots)`: cross entropy of each slot's scores with each label's class.

    Infinite for slots without candidate and for padding labels. The entropy differs between labels only by their class,
    so it is computed once for each slot and class; padding labels read an additional first class.
    """
    scores = (logits[..., 1:].sigmoid() * logits[..., :1].sigmoid()).sqrt()
    if_absent = -torch.log1p(-scores).clamp(min=_SMALLEST_LOG)
    if_present = -torch.log(scores).clamp(min=_SMALLEST_LOG)
    by_class = if_absent.sum(dim=2, keepdim=True) - if_absent + if_present
    by_class = F.pad(by_class, (1, 0), value=torch.inf).masked_fill_(~is_candidate.unsqueeze(2), torch.inf)
    frame = torch.arange(len(classes), device=classes.device).unsqueeze(1)
    label_class = torch.where(valid, classes.long() + 1, 0)
    return by_class.transpose(1, 2).contiguous()[frame, label_class]


def _cheapest(costs: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` smallest costs of each row and their slots, cheapest first, equal costs by rising slot.

    `topk` leaves the order of equal values open, so cost and slot are packed into one integer: the bits of a double
    rise with its value if that is not negative, and the lowest 29 of a double that was a float are free.
    """
    slots = torch.arange(costs.shape[2], device=costs.device)
    keys = costs.double().view(torch.int64) | slots
    slot = keys.topk(count, dim=2, largest=False).values & (2**29 - 1)
    return costs.gather(2, slot), slot
