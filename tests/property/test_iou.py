"""What holds for all boxes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainable.losses import box_giou, box_iou

CENTRE = st.floats(-1e3, 1e3, width=32)
SIDE = st.floats(2**-6, 1e3, width=32)
BOXES = st.lists(st.tuples(CENTRE, CENTRE, SIDE, SIDE), min_size=4, max_size=4).map(torch.tensor)


@settings(max_examples=50, deadline=None)
@given(BOXES, BOXES)
def test_iou_is_symmetric_and_between_zero_and_one(a: Tensor, b: Tensor) -> None:
    iou = box_iou(a, b)
    assert torch.equal(iou, box_iou(b, a))
    assert ((iou >= 0) & (iou <= 1 + 1e-2)).all()


@settings(max_examples=50, deadline=None)
@given(BOXES, BOXES)
def test_giou_is_symmetric_and_never_above_iou(a: Tensor, b: Tensor) -> None:
    giou = box_giou(a, b)
    assert torch.equal(giou, box_giou(b, a))
    assert (giou <= box_iou(a, b) + 1e-2).all()
    assert (giou >= -1).all()


@settings(max_examples=50, deadline=None)
@given(BOXES)
def test_a_box_overlaps_itself_fully(a: Tensor) -> None:
    torch.testing.assert_close(box_iou(a, a), torch.ones(4), rtol=0, atol=1e-2)


@settings(max_examples=50, deadline=None)
@given(BOXES, BOXES, st.sampled_from([0.25, 2.0, 16.0]))
def test_iou_does_not_depend_on_the_unit(a: Tensor, b: Tensor, scale: float) -> None:
    torch.testing.assert_close(box_iou(a * scale, b * scale), box_iou(a, b))
