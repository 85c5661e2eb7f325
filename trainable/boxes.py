"""Box formats: Prophesee's box record and conversions between corner and centre form."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

BOX_DTYPE = np.dtype(
    [
        ("t", "<i8"),
        ("x", "<f4"),
        ("y", "<f4"),
        ("w", "<f4"),
        ("h", "<f4"),
        ("class_id", "<u4"),
        ("track_id", "<u4"),
        ("class_confidence", "<f4"),
    ]
)
"""One box: time in microseconds, left, top, width and height in pixels, class, track and confidence."""


def cxcywh_to_xyxy(boxes_cxcywh: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Centre, width and height to left, top, right and bottom, `(..., 4)` in pixels."""
    centre, size = boxes_cxcywh[..., :2], boxes_cxcywh[..., 2:]
    return torch.cat((centre - size / 2, centre + size / 2), dim=-1)


def xyxy_to_cxcywh(boxes_xyxy: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """Left, top, right and bottom to centre, width and height, `(..., 4)` in pixels."""
    top_left, bottom_right = boxes_xyxy[..., :2], boxes_xyxy[..., 2:]
    return torch.cat(((top_left + bottom_right) / 2, bottom_right - top_left), dim=-1)
