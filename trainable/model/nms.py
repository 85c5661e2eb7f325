"""Non-maximum suppression within groups of boxes, compiled for the CPU."""

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
    return order[_keep_sorted(columns, groups[order], iou_threshold)]


# numpy's error model: the IoU of two empty boxes is NaN, which suppresses nothing, instead of an exception.
@numba.njit(cache=True, nogil=True, error_model="numpy")
def _keep_sorted(columns: NDArray[np.float32], groups: NDArray[np.int64], iou_threshold: float) -> NDArray[np.bool_]:
    """Which boxes stay. They are sorted by group and falling score; `columns` is `(4, n)`."""
    left, top, right, bottom = columns
    areas = (right - left) * (bottom - top)
    zero = np.float32(0)
    keep = np.ones(len(groups), np.bool_)
    start = 0
    while start < len(groups):
        end = start + 1
        while end < len(groups) and groups[end] == groups[start]:
            end += 1
        for best in range(start, end):
            if not keep[best]:
                continue
            # Slices walked from 0, without a branch, compile to faster code than indices from `best + 1` on.
            rest = slice(best + 1, end)
            rest_left, rest_top, rest_right, rest_bottom = left[rest], top[rest], right[rest], bottom[rest]
            rest_areas, rest_keep = areas[rest], keep[rest]
            for other in range(len(rest_keep)):
                width = max(min(right[best], rest_right[other]) - max(left[best], rest_left[other]), zero)
                height = max(min(bottom[best], rest_bottom[other]) - max(top[best], rest_top[other]), zero)
                overlap = width * height
                rest_keep[other] &= not overlap / (areas[best] + rest_areas[other] - overlap) > iou_threshold
        start = end
    return keep
