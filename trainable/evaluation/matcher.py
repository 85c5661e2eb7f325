"""COCO's greedy matching, for all area bins and IoU thresholds at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.protocol import IOU_THRESHOLDS
from trainable.evaluation.records import MatchRecords

IGNORED, TRUE_POSITIVE = 1, 2
"""Outcomes of a detection: matched to a truth outside the bin, or inside. 0 is unmatched."""

_SLOT_BITS = 14
_SLOTS = 1 << _SLOT_BITS


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Matches of one setting (with or without classes, with or without the box filter).

    A group is a class, or all classes together.

    Attributes:
        group_start: Where each group begins in `detection`, and the end of the last, `(groups + 1,)`.
        detection: Rows of the detections that take part, by group, best score first, `(d,)`.
        candidate: Places in `detection` of those that overlap a truth, rising, `(candidates,)`. No other can match.
        rank: How many detections of its frame and group are better than a candidate, `(candidates,)`.
        outcome: 0, `IGNORED` or `TRUE_POSITIVE` of a candidate, `(bins, thresholds, candidates)` uint8.
    """

    group_start: NDArray[np.int64]
    detection: NDArray[np.int64]
    candidate: NDArray[np.int64]
    rank: NDArray[np.int64]
    outcome: NDArray[np.uint8]


def match(records: MatchRecords, *, class_agnostic: bool, filtered: bool) -> Matches:
    """Match detections with truths, best detections first.

    A detection takes the free truth of highest IoU inside the bin, or else outside the bin (then it is ignored).

    Args:
        records: The overlapping pairs.
        class_agnostic: Whether a detection may match a truth of another class.
        filtered: Whether only boxes that pass the box filter exist.

    Source: `COCOeval.evaluateImg` of pycocotools. Instead of frame by frame, round k treats the k-th candidate of
    every frame and group together, for they do not compete for truths.
    """
    boxes, truths, (pair_detection, pair_truth, pair_level) = records.detections, records.truths, records.pairs
    num_groups = 1 if class_agnostic else len(records.protocol.class_names)
    group = np.zeros(len(boxes), np.int64) if class_agnostic else boxes.class_id
    cell = boxes.frame * num_groups + group

    rank = np.full(len(boxes), _NEVER)
    taking_part = np.flatnonzero(boxes.passes_filter) if filtered else np.arange(len(boxes))
    rank[taking_part] = _rank_within(cell[taking_part])
    taking_part = taking_part[rank[taking_part] < records.protocol.max_detections[-1]]
    taking_part = taking_part[np.argsort(group[taking_part], kind="stable")]
    place = np.full(len(boxes), -1)
    place[taking_part] = np.arange(len(taking_part))

    possible = place[pair_detection] >= 0
    if filtered:
        possible &= truths.passes_filter[pair_truth]
    if not class_agnostic:
        possible &= boxes.class_id[pair_detection] == truths.class_id[pair_truth]
    pair_detection, pair_truth, pair_level = pair_detection[possible], pair_truth[possible], pair_level[possible]

    candidate, pairs_of_candidate = np.unique(pair_detection, return_counts=True)
    turn = _rank_within(cell[candidate])
    by_turn = np.argsort(turn, kind="stable")
    pairs_by_turn = np.argsort(np.repeat(turn, pairs_of_candidate), kind="stable")
    outcome = _match_in_turns(
        pair_truth[pairs_by_turn],
        pair_level[pairs_by_turn],
        pairs_of_candidate[by_turn],
        np.bincount(turn),
        truths.in_bin.T,
    )
    by_place = np.argsort(place[candidate[by_turn]])
    candidate = candidate[by_turn][by_place]
    return Matches(
        group_start=np.searchsorted(group[taking_part], np.arange(num_groups + 1)),
        detection=taking_part,
        candidate=place[candidate],
        rank=rank[candidate],
        outcome=np.ascontiguousarray(outcome[by_place].transpose(1, 2, 0)),
    )


_NEVER = np.iinfo(np.int64).max


def _match_in_turns(
    truth: NDArray[np.int64],
    level: NDArray[np.uint8],
    pairs_of_candidate: NDArray[np.int64],
    candidates_of_turn: NDArray[np.int64],
    truth_in_bin: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Outcomes `(candidates, bins, thresholds)`, from pairs ordered by turn, candidate, and falling IoU."""
    num_bins, thresholds = truth_in_bin.shape[1], np.arange(len(IOU_THRESHOLDS), dtype=np.uint8)
    taken = np.zeros((len(truth_in_bin), num_bins, len(thresholds)), dtype=np.bool_)
    outcome = np.zeros((len(pairs_of_candidate), num_bins, len(thresholds)), dtype=np.uint8)
    first_pair = np.cumsum(pairs_of_candidate) - pairs_of_candidate
    # A key is largest for a truth in the bin, then for one outside it, and then for the one of highest IoU.
    preference = (np.where(truth_in_bin, TRUE_POSITIVE, IGNORED) * _SLOTS + _SLOTS - 1).astype(np.uint16)

    stop = 0
    for count in candidates_of_turn:
        start, stop = stop, stop + int(count)
        counts = pairs_of_candidate[start:stop]
        pairs = slice(first_pair[start], first_pair[start] + counts.sum())
        starts = first_pair[start:stop] - pairs.start
        slot = (np.arange(len(truth[pairs])) - np.repeat(starts, counts)).astype(np.uint16)
        rows = truth[pairs]
        free = (level[pairs, None] > thresholds)[:, None, :] & ~taken[rows]
        key = (preference[rows] - slot[:, None])[:, :, None] * free
        best = np.maximum.reduceat(key, starts, axis=0)
        outcome[start:stop] = best >> _SLOT_BITS
        taken[rows] |= free & (key == np.repeat(best, counts, axis=0))
    return outcome


def _rank_within(cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier entries are in the same cell, `(n,)`."""
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    is_first = np.concatenate((np.ones(min(1, len(cell)), np.bool_), ordered[1:] != ordered[:-1]))
    first = np.flatnonzero(is_first)
    rank = np.empty(len(cell), np.int64)
    rank[order] = np.arange(len(cell)) - np.repeat(first, np.diff(np.append(first, len(cell))))
    return rank
