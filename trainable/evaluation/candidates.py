"""Which detections overlap which truths, and how far."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.protocol import IOU_THRESHOLDS

_PAIRS_AT_ONCE = 1 << 19


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
    by_frame = np.argsort(detection_frame, kind="stable")
    detections_in_frame = np.bincount(detection_frame, minlength=num_frames)
    first_in_frame = np.cumsum(detections_in_frame) - detections_in_frame
    x1, y1, w, h = np.ascontiguousarray(detection_xywh[by_frame].T)
    x2, y2, area = w + x1, h + y1, w * h

    found_detection, found_truth, found_iou = [], [], []
    for rows in _chunks(detections_in_frame[truth_frame]):
        count = detections_in_frame[truth_frame[rows]]
        truth = np.repeat(np.arange(rows.start, rows.stop), count)
        starts = first_in_frame[truth_frame[rows]] - (np.cumsum(count) - count)
        detection = np.arange(len(truth)) + np.repeat(starts, count)
        tx, ty, tw, th = truth_xywh.T
        overlap_w = np.minimum(x2[detection], np.repeat((tw + tx)[rows], count)) - np.maximum(
            x1[detection], np.repeat(tx[rows], count)
        )
        touching = np.flatnonzero(overlap_w > 0)
        detection, truth, overlap_w = detection[touching], truth[touching], overlap_w[touching]
        overlap_h = np.minimum(y2[detection], (th + ty)[truth]) - np.maximum(y1[detection], ty[truth])
        touching = np.flatnonzero(overlap_h > 0)
        detection, truth = detection[touching], truth[touching]
        intersection = overlap_w[touching] * overlap_h[touching]
        iou = intersection / (area[detection] + (tw * th)[truth] - intersection)
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
