"""What every detection counts as, with its recording: all that a resample of recordings needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.matcher import match
from trainable.evaluation.protocol import IOU_THRESHOLDS
from trainable.evaluation.records import MatchRecords

_ALL_BITS = np.uint16((1 << len(IOU_THRESHOLDS)) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """True and false positives of one setting in score order, by recording.

    A group is a class, or all classes together. Bit t of a mask stands for IoU threshold t.

    Attributes:
        group_start: Where each group begins in `recording`, and the end of the last, `(groups + 1,)` int64.
        recording: The recording of each detection that takes part, by group, best score first, `(d,)` int64.
        true_positive: At which thresholds a detection is a true positive, `(bins, d)` uint16.
        false_positive: At which thresholds it is a false positive; where neither, it does not count,
            `(bins, d)` uint16.
        found: True positives within each cap on detections, `(caps, bins, thresholds, groups, recordings)` int64.
        truths: `(bins, groups, recordings)` int64.
    """

    group_start: NDArray[np.int64]
    recording: NDArray[np.int64]
    true_positive: NDArray[np.uint16]
    false_positive: NDArray[np.uint16]
    found: NDArray[np.int64]
    truths: NDArray[np.int64]


def ranked_outcomes(records: MatchRecords, *, class_agnostic: bool, filtered: bool) -> Outcomes:
    """Match detections with truths and say what each counts as.

    Args:
        records: The match records.
        class_agnostic: Whether a detection may match a truth of another class.
        filtered: Whether only boxes that pass the box filter exist.
    """
    matches = match(records, class_agnostic=class_agnostic, filtered=filtered)
    num_bins, num_groups = len(matches.hit), len(matches.group_start) - 1
    recording = records.frame_sequence[records.detections.frame[matches.detection]]

    true_positive = np.zeros((num_bins, len(recording)), np.uint16)
    true_positive[:, matches.candidate] = matches.hit
    false_positive = np.where(records.detections.in_bin[:, matches.detection], _ALL_BITS, np.uint16(0))
    false_positive[:, matches.candidate] &= ~(matches.hit | matches.ignored)

    size = num_groups, len(records.sequence_names)
    group = np.searchsorted(matches.group_start, matches.candidate, side="right") - 1
    cell = group * size[1] + recording[matches.candidate]
    caps = records.protocol.max_detections
    found = np.zeros((len(caps), num_bins, len(IOU_THRESHOLDS), *size), np.int64)
    for cap_index, cap in enumerate(caps):
        within = matches.rank < cap
        for bin_index, hit in enumerate(matches.hit):
            for threshold in range(len(IOU_THRESHOLDS)):
                counted = within & (hit >> threshold & 1 > 0)
                found[cap_index, bin_index, threshold] = _count(cell[counted], size)

    kept = records.truths.passes_filter if filtered else np.ones(len(records.truths), np.bool_)
    group = np.zeros(len(records.truths), np.int64) if class_agnostic else records.truths.class_id
    cell = group * size[1] + records.frame_sequence[records.truths.frame]
    truths = np.stack([_count(cell[kept & in_bin], size) for in_bin in records.truths.in_bin])
    return Outcomes(matches.group_start, recording, true_positive, false_positive, found, truths)


def _count(cell: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    """How many rows fall into each cell, `(groups, recordings)`."""
    return np.bincount(cell, minlength=size[0] * size[1]).reshape(size)
