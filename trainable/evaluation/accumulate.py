"""Precision at COCO's recall points, and recall, from matches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.matcher import TRUE_POSITIVE, Matches
from trainable.evaluation.protocol import RECALL_THRESHOLDS
from trainable.evaluation.records import MatchRecords


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Precision and recall of one setting; NaN where a bin holds no truth.

    Attributes:
        precision: `(bins, thresholds, recall points, groups)` float64.
        recall: `(caps, bins, thresholds, groups)` float64.
        truths: `(bins, groups)` int64.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    truths: NDArray[np.int64]


def accumulate(records: MatchRecords, matches: Matches, *, filtered: bool, frame_weight: NDArray[np.int64]) -> Curves:
    """Rank all detections of a group by score and read precision off at each recall.

    Args:
        records: The boxes.
        matches: Their matches in one setting.
        filtered: The setting's box filter, as it was given to `match`.
        frame_weight: How often each frame counts, `(frames,)`.

    Source: `COCOeval.accumulate` of pycocotools, evaluated only where precision can peak, at true positives. A
    weighted frame gives what repeating it gives, as long as no two detections of different outcome share a score.
    """
    num_bins, num_thresholds, _ = matches.outcome.shape
    num_groups = len(matches.group_start) - 1
    caps = records.protocol.max_detections
    truths = _count_truths(records, num_groups, filtered=filtered, frame_weight=frame_weight)
    precision = np.full((num_bins, num_thresholds, len(RECALL_THRESHOLDS), num_groups), np.nan)
    recall = np.full((len(caps), num_bins, num_thresholds, num_groups), np.nan)

    weight = frame_weight[records.detections.frame[matches.detection]]
    bounds = np.searchsorted(matches.candidate, matches.group_start)
    for bin_index in range(num_bins):
        weight_in_bin = weight * records.detections.in_bin[bin_index, matches.detection]
        seen = np.concatenate(([0], np.cumsum(weight_in_bin)))
        for group in range(num_groups):
            if truths[bin_index, group] == 0:
                continue
            rows = slice(bounds[group], bounds[group + 1])
            place = matches.candidate[rows]
            outcome = matches.outcome[bin_index, :, rows]
            hits = (outcome == TRUE_POSITIVE) * weight[place]
            found = np.cumsum(hits, axis=1)
            matched = np.cumsum((outcome > 0) * weight_in_bin[place], axis=1)
            false_positives = seen[place + 1] - seen[matches.group_start[group]] - matched
            precision[bin_index, :, :, group] = _precision_at_recalls(
                hits, found, false_positives, int(truths[bin_index, group])
            )
            for cap_index, cap in enumerate(caps):
                found_within = hits[:, matches.rank[rows] < cap].sum(axis=1)
                recall[cap_index, bin_index, :, group] = found_within / truths[bin_index, group]
    return Curves(precision, recall, truths)


def _precision_at_recalls(
    hits: NDArray[np.int64], found: NDArray[np.int64], false_positives: NDArray[np.int64], num_truths: int
) -> NDArray[np.float64]:
    """Best precision at each recall point or beyond it, `(thresholds, recall points)`; inputs `(thresholds, n)`."""
    at_hit = np.where(hits > 0, found / (false_positives + found + np.spacing(1)), 0.0)
    best_from_here = np.zeros((len(at_hit), at_hit.shape[1] + 1))
    best_from_here[:, :-1] = np.maximum.accumulate(at_hit[:, ::-1], axis=1)[:, ::-1]
    recall = found / num_truths
    first_reaching = [np.searchsorted(row, RECALL_THRESHOLDS, side="left") for row in recall]
    return np.take_along_axis(best_from_here, np.stack(first_reaching), axis=1)


def _count_truths(
    records: MatchRecords, num_groups: int, *, filtered: bool, frame_weight: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Truths in each bin and group, `(bins, groups)`."""
    boxes = records.truths
    weight = frame_weight[boxes.frame]
    if filtered:
        weight = weight * boxes.passes_filter
    group = boxes.class_id if num_groups > 1 else np.zeros(len(boxes), np.int64)
    counts = [np.bincount(group, weights=weight * row, minlength=num_groups) for row in boxes.in_bin]
    return np.stack(counts).astype(np.int64)
