"""Precision at COCO's recall points, and recall, from matches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.matcher import Matches
from trainable.evaluation.protocol import IOU_THRESHOLDS, RECALL_THRESHOLDS
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
    num_bins, num_groups = len(matches.hit), len(matches.group_start) - 1
    caps = records.protocol.max_detections
    truths = _count_truths(records, num_groups, filtered=filtered, frame_weight=frame_weight)
    precision = np.full((num_bins, len(IOU_THRESHOLDS), len(RECALL_THRESHOLDS), num_groups), np.nan)
    recall = np.zeros((len(caps), num_bins, len(IOU_THRESHOLDS), num_groups))

    weight = frame_weight[records.detections.frame[matches.detection]]
    for bin_index in range(num_bins):
        in_bin = records.detections.in_bin[bin_index, matches.detection]
        in_bin_before = np.concatenate(([0], np.cumsum(weight * in_bin)))
        hit, ignored = matches.hit[bin_index], matches.ignored[bin_index]
        concerned = np.flatnonzero(hit | ignored * in_bin[matches.candidate])
        place, rank = matches.candidate[concerned], matches.rank[concerned]
        bounds = np.searchsorted(place, matches.group_start)
        for threshold in range(len(IOU_THRESHOLDS)):
            is_hit = hit[concerned] >> threshold & 1
            is_matched = is_hit | ignored[concerned] >> threshold & 1
            matched_before = np.concatenate(([0], np.cumsum(is_matched * in_bin[place] * weight[place])))
            hits = np.flatnonzero(is_hit)
            hit_weight = weight[place[hits]]
            unmatched = in_bin_before[place[hits]] - matched_before[hits]
            unmatched_at_start = in_bin_before[matches.group_start] - matched_before[bounds]
            hit_bounds = np.searchsorted(hits, bounds)
            for group in np.flatnonzero(truths[bin_index]):
                rows = slice(hit_bounds[group], hit_bounds[group + 1])
                precision[bin_index, threshold, :, group] = _precision_at_recalls(
                    np.cumsum(hit_weight[rows]),
                    unmatched[rows] - unmatched_at_start[group],
                    truths[bin_index, group],
                )
            for cap_index, cap in enumerate(caps):
                found_before = np.concatenate(([0], np.cumsum(hit_weight * (rank[hits] < cap))))
                recall[cap_index, bin_index, threshold] = np.diff(found_before[hit_bounds])
    return Curves(precision, recall / np.where(truths > 0, truths, np.nan)[:, None], truths)


def _precision_at_recalls(
    found: NDArray[np.int64], false_positives: NDArray[np.int64], num_truths: np.int64
) -> NDArray[np.float64]:
    """Best precision at each recall point or beyond, `(recall points,)`.

    Args:
        found: True positives up to and with each true positive, `(n,)`.
        false_positives: False positives before each, `(n,)`.
        num_truths: Number of truths.
    """
    best_from_here = np.zeros(len(found) + 1)
    at_hit = found / (false_positives + found + np.spacing(1))
    best_from_here[:-1] = np.maximum.accumulate(at_hit[::-1])[::-1]
    first_reaching = np.searchsorted(found / num_truths, RECALL_THRESHOLDS, side="left")
    return best_from_here[first_reaching]


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
