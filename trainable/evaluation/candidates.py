"""Which detections overlap which truths, and how far."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.ordering import narrow
from trainable.evaluation.protocol import IOU_THRESHOLDS

_PAIRS_AT_ONCE = 1 << 16


class Pairs(NamedTuple):
    """Detections and truths of the same frame whose IoU reaches the lowest threshold, whatever their classes.

    Ordered by detection, and for each detection from its best truth to its worst.
    """

    detection: NDArray[np.int64]
    """Row of the detection, `(pairs,)`."""
    truth: NDArray[np.int64]
    """Row of the truth, `(pairs,)`."""
    level: NDArray[np.uint8]
    """How many IoU thresholds the pair reaches, 1 to 10, `(pairs,)`."""


def overlapping_pairs(
    detection_frame: NDArray[np.int64],
    detection_xywh: NDArray[np.float64],
    truth_frame: NDArray[np.int64],
    truth_xywh: NDArray[np.float64],
    num_frames: int,
) -> Pairs:
    """Find all pairs that could match.

    Args:
        detection_frame: `(detections,)`, in any order.
        detection_xywh: Left, top, width, height, `(detections, 4)`.
        truth_frame: `(truths,)`, rising.
        truth_xywh: Left, top, width, height, `(truths, 4)`.
        num_frames: Number of frames.

    Source: the IoU of pycocotools (`bbIou`), with its operations in its order so that the bits agree. Among truths of
    equal IoU the last comes first, because pycocotools lets an equal truth replace an earlier one.
    """
    by_frame = np.argsort(narrow(detection_frame), kind="stable")
    detections_in_frame = np.bincount(detection_frame, minlength=num_frames)
    first_in_frame = np.cumsum(detections_in_frame) - detections_in_frame
    dx1, dy1, dw, dh = np.ascontiguousarray(detection_xywh[by_frame].T)
    tx1, ty1, tw, th = np.ascontiguousarray(truth_xywh.T)
    dx2, dy2, detection_area = dw + dx1, dh + dy1, dw * dh
    tx2, ty2, truth_area = tw + tx1, th + ty1, tw * th

    found_detection, found_truth, found_iou = [], [], []
    for rows in _chunks(detections_in_frame[truth_frame]):
        frame = truth_frame[rows]
        count = detections_in_frame[frame]
        truth = np.repeat(np.arange(rows.start, rows.stop), count)
        detection = np.arange(len(truth)) + np.repeat(first_in_frame[frame] - (np.cumsum(count) - count), count)
        overlap_w = np.minimum(dx2[detection], tx2[truth]) - np.maximum(dx1[detection], tx1[truth])
        touching = np.flatnonzero(overlap_w > 0)
        detection, truth, overlap_w = detection[touching], truth[touching], overlap_w[touching]
        overlap_h = np.minimum(dy2[detection], ty2[truth]) - np.maximum(dy1[detection], ty1[truth])
        touching = np.flatnonzero(overlap_h > 0)
        detection, truth = detection[touching], truth[touching]
        intersection = overlap_w[touching] * overlap_h[touching]
        iou = intersection / (detection_area[detection] + truth_area[truth] - intersection)
        matching = np.flatnonzero(iou >= IOU_THRESHOLDS[0])
        found_detection.append(by_frame[detection[matching]])
        found_truth.append(truth[matching])
        found_iou.append(iou[matching])

    if not found_iou:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
    detection, truth, iou = np.concatenate(found_detection), np.concatenate(found_truth), np.concatenate(found_iou)
    order = np.lexsort((-truth, -iou, detection))
    level = np.searchsorted(IOU_THRESHOLDS, iou[order], side="right").astype(np.uint8)
    return Pairs(detection[order], truth[order], level)


def _chunks(pairs_of_truth: NDArray[np.int64]) -> Iterator[slice]:
    """Ranges of truths with a bounded number of pairs (or one truth, if that alone has more)."""
    total = np.cumsum(pairs_of_truth)
    start = 0
    while start < len(total):
        done = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, done + _PAIRS_AT_ONCE, side="right")), start + 1)
        yield slice(start, stop)
        start = stop
