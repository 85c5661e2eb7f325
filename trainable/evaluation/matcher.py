"""COCO's greedy matching, for all area bins and IoU thresholds at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.ordering import narrow, rank_within
from trainable.evaluation.records import MatchRecords

_ALL_BITS = np.uint16(0xFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Matches of one setting (with or without classes, with or without the box filter).

    A group is a class, or all classes together. Bit t of a mask stands for IoU threshold t.

    Attributes:
        group_start: Where each group begins in `detection`, and the end of the last, `(groups + 1,)` int64.
        detection: Rows of the detections that take part, by group, best score first, `(d,)` int64.
        candidate: Places in `detection` of those that overlap a truth, rising, `(candidates,)` int64. No other can
            match.
        rank: How many detections of its frame and group are better than a candidate, `(candidates,)` int64.
        hit: At which thresholds a candidate is a true positive, `(bins, candidates)` uint16.
        ignored: At which thresholds it matched a truth outside the bin instead, `(bins, candidates)` uint16.
    """

    group_start: NDArray[np.int64]
    detection: NDArray[np.int64]
    candidate: NDArray[np.int64]
    rank: NDArray[np.int64]
    hit: NDArray[np.uint16]
    ignored: NDArray[np.uint16]


def match(records: MatchRecords, *, class_agnostic: bool, filtered: bool) -> Matches:
    """Match detections with truths, best detections first.

    A detection takes the free truth of highest IoU inside the bin, or else outside the bin (then it is ignored).

    Args:
        records: The overlapping pairs.
        class_agnostic: Whether a detection may match a truth of another class.
        filtered: Whether only boxes that pass the box filter exist.

    Source: `COCOeval.evaluateImg` of pycocotools. Instead of frame by frame, round k treats the k-th candidate of
    every frame and group together, for these do not compete for truths.
    """
    boxes, truths, pairs = records.detections, records.truths, records.pairs
    num_groups = 1 if class_agnostic else len(records.protocol.class_names)
    group = np.zeros(len(boxes), np.int64) if class_agnostic else boxes.class_id

    taking_part = np.flatnonzero(boxes.passes_filter) if filtered else np.arange(len(boxes))
    rank = np.zeros(len(boxes), np.int64)
    rank[taking_part] = rank_within(group[taking_part], boxes.frame[taking_part])
    taking_part = taking_part[rank[taking_part] < records.protocol.max_detections[-1]]
    taking_part = taking_part[np.argsort(narrow(group[taking_part]), kind="stable")]
    place = np.full(len(boxes), -1)
    place[taking_part] = np.arange(len(taking_part))

    possible = place[pairs.detection] >= 0
    if filtered:
        possible &= truths.passes_filter[pairs.truth]
    if not class_agnostic:
        possible &= boxes.class_id[pairs.detection] == truths.class_id[pairs.truth]
    candidate, pairs_of_candidate = np.unique(pairs.detection[possible], return_counts=True)
    turn = rank_within(group[candidate], boxes.frame[candidate])
    by_turn = np.argsort(narrow(turn), kind="stable")
    pairs_by_turn = np.flatnonzero(possible)[np.argsort(narrow(np.repeat(turn, pairs_of_candidate)), kind="stable")]
    hit, ignored = _match_in_turns(
        pairs.truth[pairs_by_turn],
        pairs.level[pairs_by_turn],
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
        hit=np.ascontiguousarray(hit[by_place].T),
        ignored=np.ascontiguousarray(ignored[by_place].T),
    )


def _match_in_turns(
    truth: NDArray[np.int64],
    level: NDArray[np.uint8],
    pairs_of_candidate: NDArray[np.int64],
    candidates_of_turn: NDArray[np.int64],
    truth_in_bin: NDArray[np.bool_],
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Masks `hit` and `ignored`, each `(candidates, bins)`, from pairs ordered by turn, candidate and falling IoU."""
    reached = ((1 << level.astype(np.uint16)) - 1).astype(np.uint16)[:, None]
    inside = truth_in_bin * _ALL_BITS
    taken = np.zeros(truth_in_bin.shape, dtype=np.uint16)
    hit = np.zeros((len(pairs_of_candidate), truth_in_bin.shape[1]), dtype=np.uint16)
    ignored = np.zeros_like(hit)
    first_pair = np.cumsum(pairs_of_candidate) - pairs_of_candidate
    last_candidates = np.cumsum(candidates_of_turn)
    for start, stop in zip(last_candidates - candidates_of_turn, last_candidates, strict=True):
        first, count = first_pair[start:stop], pairs_of_candidate[start:stop]
        choices = [(row := np.flatnonzero(count > choice), first[row] + choice) for choice in range(count.max())]
        for row, pair in choices:
            free = reached[pair] & ~taken[truth[pair]] & inside[truth[pair]]
            won = free & ~hit[start + row]
            hit[start + row] |= won
            taken[truth[pair]] |= won
        for row, pair in choices:
            free = reached[pair] & ~taken[truth[pair]] & ~inside[truth[pair]]
            won = free & ~hit[start + row] & ~ignored[start + row]
            ignored[start + row] |= won
            taken[truth[pair]] |= won
    return hit, ignored
