"""Overlaps that can be worked out by hand."""

import pytest
import torch

from trainable.losses import box_giou, box_iou, box_loss, pairwise_iou

UNIT = torch.tensor([[0.0, 0.0, 2.0, 2.0]])


@pytest.mark.parametrize(
    ("other", "iou", "giou"),
    [
        ((0.0, 0.0, 2.0, 2.0), 1.0, 1.0),
        ((1.0, 0.0, 2.0, 2.0), 1 / 3, 1 / 3),
        ((1.0, 1.0, 2.0, 2.0), 1 / 7, 1 / 7 - 2 / 9),
        ((2.0, 0.0, 2.0, 2.0), 0.0, 0.0),
        ((4.0, 0.0, 2.0, 2.0), 0.0, -1 / 3),
        ((0.0, 0.0, 0.0, 0.0), 0.0, 0.0),
    ],
)
def test_overlap_and_generalised_overlap(other: tuple[float, ...], iou: float, giou: float) -> None:
    boxes = torch.tensor([other])
    assert box_iou(UNIT, boxes).item() == pytest.approx(iou)
    assert box_giou(UNIT, boxes).item() == pytest.approx(giou)
    assert box_loss(boxes, UNIT, "iou").item() == pytest.approx(1 - iou**2)
    assert box_loss(boxes, UNIT, "giou").item() == pytest.approx(1 - giou)


def test_two_boxes_without_area_do_not_overlap() -> None:
    point = torch.zeros(1, 4)
    assert box_iou(point, point).item() == 0
    assert torch.isfinite(box_giou(point, point)).all()


def test_pairwise_compares_every_pair_in_each_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, 3, 4, generator=generator)
    b = torch.rand(2, 5, 4, generator=generator)
    pairs = pairwise_iou(a, b)
    assert pairs.shape == (2, 3, 5)
    for batch in range(2):
        for row in range(3):
            assert torch.equal(pairs[batch, row], box_iou(a[batch, row].expand(5, 4), b[batch]))
