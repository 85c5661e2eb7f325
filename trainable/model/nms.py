"""Non-maximum suppression within groups of boxes, compiled for the CPU."""

from collections.abc import Callable

import numba
import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray


def suppress_by_group(
    boxes_xyxy: Float32[np.ndarray, "n 4"],
    scores: Float32[np.ndarray, " n"],
    groups: Int64[np.ndarray, " n"],
    iou_threshold: float,
) -> Int64[np.ndarray, " kept"]:
    """Keeps the boxes that overlap no better box of their own group.

    Boxes are taken in the order of falling score, equal scores in the order given. A box is suppressed if its IoU with
    one already kept is above the threshold.

    Source: Greedy NMS in single precision as in torchvision (`torchvision.ops.nms`). Deviation: groups are kept apart
    by comparison, not by shifting their boxes, which rounds their coordinates.

    Args:
        boxes_xyxy: Left, top, right, bottom.
        scores: Higher is better.
        groups: Boxes of different groups never suppress each other.
        iou_threshold: Largest IoU of two boxes that are both kept.

    Returns:
        Indices of the boxes kept, group by group, each in the order of falling score.
    """
    order = np.lexsort((-scores, groups))
    columns = np.ascontiguousarray(boxes_xyxy[order].T)
    return order[_keep(columns, groups[order], iou_threshold)]


def _keep_sorted(
    columns: Float32[np.ndarray, "4 n"], groups: Int64[np.ndarray, " n"], iou_threshold: float
) -> NDArray[np.bool_]:
    """Which boxes stay; they are sorted by group and falling score."""
    left, top, right, bottom = columns
    areas = (right - left) * (bottom - top)
    zero = np.float32(0)
    keep = np.ones(len(groups), np.bool_)
    start = 0
    while start < len(groups):
        end = start + 1
        while end < len(groups) and groups[end] == groups[start]:
            end += 1
        for better in range(start, end):
            if keep[better]:
                # No branch in this loop, so that it compiles to vector instructions.
                for worse in range(better + 1, end):
                    width = max(min(right[better], right[worse]) - max(left[better], left[worse]), zero)
                    height = max(min(bottom[better], bottom[worse]) - max(top[better], top[worse]), zero)
                    overlap = width * height
                    iou = overlap / (areas[better] + areas[worse] - overlap)
                    keep[worse] &= not iou > iou_threshold
        start = end
    return keep


# numpy's error model: the IoU of two empty boxes is NaN, which suppresses nothing, instead of an exception.
_keep: Callable[..., NDArray[np.bool_]] = numba.njit(cache=True, nogil=True, error_model="numpy")(_keep_sorted)
