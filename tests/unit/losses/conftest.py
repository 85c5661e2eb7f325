"""A plain SimOTA, one frame and one object at a time, and random scenes to compare the fast form on."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.types import Anchors


class FrameAssignment(NamedTuple):
    """Foreground mask over all anchors; matched label row and IoU of each foreground anchor, by rising anchor."""

    foreground: Tensor
    matched: Tensor
    iou: Tensor


class Scene(NamedTuple):
    predictions: Tensor
    anchors: Anchors
    labels: Tensor


def first_of_equals(costs: Tensor, count: int) -> Tensor:
    return costs.argsort(stable=True)[:count]


def assign_one_frame(
    predictions: Tensor,
    anchors: Anchors,
    labels: Tensor,
    cheapest: Callable[[Tensor, int], Tensor] = first_of_equals,
) -> FrameAssignment:
    """Assign one frame's objects: `predictions` `(anchors, 5 + classes)`, `labels` `(objects, 5)` without padding."""
    num_anchors, num_classes = predictions.shape[0], predictions.shape[1] - 5
    nothing = FrameAssignment(
        torch.zeros(num_anchors, dtype=torch.bool), torch.zeros(0, dtype=torch.int64), torch.zeros(0)
    )
    x, y = (anchors.x + 0.5) * anchors.stride, (anchors.y + 0.5) * anchors.stride
    radius = 1.5 * anchors.stride
    near = torch.zeros(len(labels), num_anchors, dtype=torch.bool)
    for row, (_, cx, cy, _, _) in enumerate(labels):
        near[row] = (x > cx - radius) & (x < cx + radius) & (y > cy - radius) & (y < cy + radius)
    candidates = near.any(dim=0).nonzero().squeeze(1)
    if len(candidates) == 0:
        return nothing

    boxes = predictions[candidates, :4]
    scores = (predictions[candidates, 5:].sigmoid() * predictions[candidates, 4:5].sigmoid()).sqrt()
    ious = torch.zeros(len(labels), len(candidates))
    costs = torch.zeros(len(labels), len(candidates))
    for row, label in enumerate(labels):
        corner = torch.minimum(boxes[:, :2] + boxes[:, 2:] / 2, label[1:3] + label[3:] / 2)
        overlap = corner - torch.maximum(boxes[:, :2] - boxes[:, 2:] / 2, label[1:3] - label[3:] / 2)
        shared = overlap.clamp(min=0).prod(dim=1)
        ious[row] = shared / (boxes[:, 2:].prod(dim=1) + label[3:].prod() - shared)
        one_hot = F.one_hot(label[0].long(), num_classes).float().expand_as(scores)
        costs[row] = F.binary_cross_entropy(scores, one_hot, reduction="none").sum(dim=1)
        costs[row] += 3 * -torch.log(ious[row] + 1e-8)
        costs[row] += 1e6 * ~near[row, candidates]

    takes = torch.zeros(len(labels), len(candidates), dtype=torch.bool)
    for row in range(len(labels)):
        count = max(1, int(ious[row].topk(min(10, len(candidates))).values.sum()))
        takes[row, cheapest(costs[row], count)] = True
    contested = takes.sum(dim=0) > 1
    takes[:, contested] = F.one_hot(costs[:, contested].argmin(dim=0), len(labels)).T.bool()

    taken = takes.any(dim=0)
    foreground = nothing.foreground.clone()
    foreground[candidates[taken]] = True
    matched = takes[:, taken].long().argmax(dim=0)
    return FrameAssignment(foreground, matched, ious[:, taken].gather(0, matched.unsqueeze(0)).squeeze(0))


def make_anchors(height: int, width: int, strides: tuple[int, ...]) -> Anchors:
    parts = []
    for stride in strides:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        parts.append(torch.stack((x.flatten(), y.flatten(), torch.full((x.numel(),), stride))).float())
    return Anchors(*torch.cat(parts, dim=1))


def make_scene(
    seed: int,
    *,
    frames: int = 4,
    objects: int = 6,
    max_labels: int = 8,
    num_classes: int = 3,
    hw: tuple[int, int] = (96, 160),
    strides: tuple[int, ...] = (8, 16, 32),
    noise: float = 1.0,
) -> Scene:
    """Draw objects, and predictions near the grid cells' own boxes; `noise` 0 makes many equal costs.

    The last frame has no object.
    """
    generator = torch.Generator().manual_seed(seed)
    anchors = make_anchors(*hw, strides)
    scale = torch.tensor([hw[1], hw[0]])
    labels = torch.zeros(frames, max_labels, 5)
    centres = torch.rand(frames, objects, 2, generator=generator) * scale
    sizes = 4 + torch.rand(frames, objects, 2, generator=generator) ** 2 * 60
    classes = torch.randint(num_classes, (frames, objects, 1), generator=generator)
    labels[:, :objects] = torch.cat((classes, centres, sizes), dim=2)
    labels[-1] = 0
    num_anchors = len(anchors.x)
    jitter = torch.randn(frames, num_anchors, 4, generator=generator) * noise
    stride = anchors.stride.unsqueeze(1)
    centre = (torch.stack((anchors.x, anchors.y), dim=1) + 0.5 + 0.5 * jitter[..., :2]) * stride
    size = torch.exp(0.8 + 0.4 * jitter[..., 2:]) * stride
    logits = torch.randn(frames, num_anchors, 1 + num_classes, generator=generator) * noise - 1
    return Scene(torch.cat((centre, size, logits), dim=2), anchors, labels)


@pytest.fixture
def plain_assign() -> Callable[..., FrameAssignment]:
    return assign_one_frame


@pytest.fixture
def scene() -> Callable[..., Scene]:
    return make_scene
