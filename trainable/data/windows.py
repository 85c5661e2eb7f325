"""Windows: the pieces of a sequence that a batch row gets at once."""

from collections.abc import Sequence as Several
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Source = Literal["stream", "random", "eval"]


class SequenceSummary(Protocol):
    """What sampling needs to know of a sequence."""

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        ...

    @property
    def labelled_frames(self) -> IntArray:
        """Frames that have labels, `(labelled,)` int64, rising."""
        ...


class SampleKey(NamedTuple):
    """Names what one row of one batch holds."""

    row: int
    """The row in the global batch; a recurrent state belongs to it."""
    sequence: int
    """Index of the sequence."""
    start: int
    """First frame."""
    stop: int
    """The frame after the last; the window is filled up with empty frames behind it."""
    is_first: bool
    """Whether the recurrent state starts from zero."""
    source: Source
    """How the window was chosen."""
    ordinal: int
    """Number of the sub-sequence in its source's endless order; its augmentation is drawn from this."""


class Chunk(NamedTuple):
    """A stretch of a sequence that is streamed from end to end."""

    sequence: int
    start: int
    stop: int


def num_windows(chunk: Chunk, sequence_length: int) -> int:
    """How many windows a chunk takes; the last may be shorter."""
    return -(-(chunk.stop - chunk.start) // sequence_length)


def training_chunks(sequences: Several[SequenceSummary], sequence_length: int) -> list[Chunk]:
    """Stretches for streaming in training, such that every window of them has a label.

    A sequence is cut wherever two labelled frames lie more than `sequence_length` frames apart. A stretch begins so
    early that its first label falls into its first window, at the end of it where there are enough frames, and stops
    behind its last label. A sequence without labels gives none.

    Source: RVT's streaming sequences with guaranteed labels.
    """
    chunks = []
    for index, sequence in enumerate(sequences):
        labelled = sequence.labelled_frames
        if len(labelled) == 0:
            continue
        gaps = np.flatnonzero(np.diff(labelled) > sequence_length)
        firsts = labelled[np.concatenate([[0], gaps + 1])]
        lasts = labelled[np.concatenate([gaps, [len(labelled) - 1]])]
        starts = np.maximum(firsts - sequence_length + 1, 0)
        chunks += [Chunk(index, start, stop) for start, stop in zip(starts.tolist(), (lasts + 1).tolist(), strict=True)]
    return chunks


def random_windows(sequences: Several[SequenceSummary], sequence_length: int) -> tuple[IntArray, IntArray]:
    """Windows for random sampling: one ends at each labelled frame that has enough frames before it.

    Returns:
        Sequence index and the frame after the window's last, both `(windows,)` int64.

    Source: RVT's random access sequences.
    """
    stops = [sequence.labelled_frames + 1 for sequence in sequences]
    stops = [stop[stop >= sequence_length] for stop in stops]
    owners = np.repeat(np.arange(len(stops)), [len(stop) for stop in stops])
    return owners, np.concatenate([np.zeros(0, dtype=np.int64), *stops])
