"""What two detectors find in the same moments, and where they differ most."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainable.moment_file import MomentFile, RecordedMoment

LEAST_SCORE = 0.25
"""Detections below it are neither counted nor drawn."""

LEAST_IOU = 0.5
"""Overlap from which on a detection counts as a label's."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What a detector found in a moment.

    Attributes:
        labels: Records of `BOX_DTYPE`, in model-input px.
        small: Which labels are small, `(labels,)` bool.
        found: Which labels a detection matches, `(labels,)` bool.
        detections: Those with at least `LEAST_SCORE`, best first, records of `BOX_DTYPE`.
        right: Which of them match a label, `(detections,)` bool.
    """

    labels: NDArray[np.void]
    small: NDArray[np.bool_]
    found: NDArray[np.bool_]
    detections: NDArray[np.void]
    right: NDArray[np.bool_]

    @property
    def num_found(self) -> int:
        """Labels found."""
        return int(self.found.sum())

    @property
    def num_small_found(self) -> int:
        """Small labels found."""
        return int((self.found & self.small).sum())

    @property
    def num_false(self) -> int:
        """Detections of nothing."""
        return int((~self.right).sum())

    def summary(self) -> str:
        """The counts in words."""
        false = f"{self.num_false} false detection{'' if self.num_false == 1 else 's'}"
        return (
            f"{self.num_found} of {len(self.labels)} labels found, {self.num_small_found} of {int(self.small.sum())} "
            f"small ones, {false}"
        )


@dataclass(frozen=True, eq=False)
class ComparedMoment:
    """A moment in which two detectors looked for objects.

    Attributes:
        moment: Events and labels, and the reference's detections.
        reference: What the reference found.
        candidate: What the candidate found.
    """

    moment: RecordedMoment
    reference: Findings
    candidate: Findings

    @property
    def name(self) -> str:
        """Recording and time."""
        return f"{self.moment.sequence}, {self.moment.time_us / 1e6:.2f} s"

    @cached_property
    def gain(self) -> tuple[int, int]:
        """How many more small labels the candidate finds; then, of all labels, less the additional false detections."""
        small = self.candidate.num_small_found - self.reference.num_small_found
        found = self.candidate.num_found - self.reference.num_found
        return small, found - (self.candidate.num_false - self.reference.num_false)

    def differing_small_labels(self) -> list[int]:
        """Numbers of the small labels that only one of the two finds, the smallest first."""
        labels = self.reference.labels
        differing = np.flatnonzero(self.reference.small & (self.reference.found != self.candidate.found))
        areas = labels["w"][differing] * labels["h"][differing]
        return [int(number) for number in differing[np.argsort(areas, kind="stable")]]


def compared_moments(reference: MomentFile, candidate: MomentFile, small_area_px2: float) -> tuple[ComparedMoment, ...]:
    """The moments that both recorded from the same data, in order of recording and time.

    Args:
        reference: One run's moments.
        candidate: Another run's, with the same classes.
        small_area_px2: Largest area of a small label, in model-input px².
    """
    if reference.class_names != candidate.class_names:
        return ()
    others = {(moment.sequence, moment.frame): moment for moment in candidate.moments}
    compared = []
    for moment in sorted(reference.moments, key=lambda one: (one.sequence, one.frame)):
        other = others.get((moment.sequence, moment.frame))
        if other is not None and moment.events.size and _same_data(moment, other):
            findings = (find(one.labels, one.detections, small_area_px2) for one in (moment, other))
            compared.append(ComparedMoment(moment, *findings))
    return tuple(compared)


def largest_differences(
    compared: Sequence[ComparedMoment], most: int
) -> tuple[list[ComparedMoment], list[ComparedMoment]]:
    """Where the candidate gains most, and where it loses most, each with the largest difference first.

    Args:
        compared: Moments.
        most: How many of each at most.
    """
    rising = sorted(compared, key=lambda one: one.gain)
    losses = [one for one in rising if one.gain < (0, 0)]
    gains = [one for one in reversed(rising) if one.gain > (0, 0)]
    return gains[:most], losses[:most]


def find(labels: NDArray[np.void], detections: NDArray[np.void], small_area_px2: float) -> Findings:
    """Match detections with labels of their class, the best first; each takes the free label that it overlaps most.

    Args:
        labels: Records of `BOX_DTYPE`.
        detections: Likewise.
        small_area_px2: Largest area of a small label, in px² of the boxes' pixels.
    """
    shown = detections[detections["class_confidence"] >= LEAST_SCORE]
    shown = shown[np.argsort(-shown["class_confidence"], kind="stable")]
    overlap = _iou(shown, labels)
    overlap[shown["class_id"][:, None] != labels["class_id"][None]] = 0
    found, right = np.zeros(len(labels), np.bool_), np.zeros(len(shown), np.bool_)
    for row in range(len(shown) if len(labels) else 0):
        free = np.where(found, 0, overlap[row])
        best = int(np.argmax(free))
        right[row] = free[best] >= LEAST_IOU
        found[best] |= right[row]
    small = labels["w"].astype(np.float64) * labels["h"] <= small_area_px2
    return Findings(labels, np.asarray(small), found, shown, right)


def _iou(boxes: NDArray[np.void], others: NDArray[np.void]) -> NDArray[np.float64]:
    """Intersection over union, `(boxes, others)`; 0 where both are empty."""
    shared = np.ones((len(boxes), len(others)))
    for start, size in (("x", "w"), ("y", "h")):
        begin, other_begin = boxes[start].astype(np.float64)[:, None], others[start].astype(np.float64)[None]
        end, other_end = begin + boxes[size][:, None], other_begin + others[size][None]
        shared *= np.maximum(0, np.minimum(end, other_end) - np.maximum(begin, other_begin))
    area, other_area = (records["w"].astype(np.float64) * records["h"] for records in (boxes, others))
    union = area[:, None] + other_area[None] - shared
    overlap: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def _same_data(moment: RecordedMoment, other: RecordedMoment) -> bool:
    """Whether two runs saw the same events and were told the same labels."""
    return (
        np.array_equal(moment.events, other.events)
        and len(moment.labels) == len(other.labels)
        and all(np.array_equal(moment.labels[name], other.labels[name]) for name in ("x", "y", "w", "h", "class_id"))
    )
