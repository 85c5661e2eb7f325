"""Which moments of a validation are worth looking at again and again."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainable.data import Sequence as RecordedSequence


class Moment(NamedTuple):
    """A frame of a recording.

    Attributes:
        sequence: Number of the recording in its split.
        frame: Number of the frame in the recording.
    """

    sequence: int
    frame: int


def choose_moments(
    sequences: Sequence[RecordedSequence],
    evaluated: npt.NDArray[np.int64],
    *,
    count: int,
    small_area_px2: float,
) -> tuple[Moment, ...]:
    """Choose labelled frames with many small objects, spread over the recordings and within them.

    The same evaluated frames give the same moments, whatever the model and the seed.

    Args:
        sequences: The recordings of the split.
        evaluated: Recording and frame number of each labelled frame that is evaluated, `(frames, 2)`.
        count: How many to choose; fewer where there are fewer frames.
        small_area_px2: Largest area of a small object, in model-input px².
    """
    frames_by_sequence = {
        int(number): np.sort(evaluated[evaluated[:, 0] == number, 1]) for number in np.unique(evaluated[:, 0])
    }
    numbers = list(frames_by_sequence)
    if len(numbers) > count:
        numbers = [numbers[place] for place in np.linspace(0, len(numbers) - 1, count).round().astype(int)]
    shares = [count // len(numbers) + (place < count % len(numbers)) for place in range(len(numbers))]
    return tuple(
        Moment(number, _busiest(sequences[number], part, small_area_px2))
        for number, share in zip(numbers, shares, strict=True)
        for part in np.array_split(frames_by_sequence[number], share)
        if len(part)
    )


def _busiest(sequence: RecordedSequence, frames: npt.NDArray[np.int64], small_area_px2: float) -> int:
    """The frame with the most small objects, then the most objects, then the earliest."""

    def busy(frame: np.int64) -> tuple[int, int, int]:
        labels = sequence.labels(int(frame))
        return int(np.sum(labels["w"] * labels["h"] <= small_area_px2)), len(labels), -int(frame)

    return int(max(frames, key=busy))
