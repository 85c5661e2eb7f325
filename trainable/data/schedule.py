"""The endless order of training windows: a function of the seed, the settings and the number of the step."""

import heapq
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from trainable.data.windows import Chunk, IntArray, SampleKey, num_windows

_STREAM_ORDER, _RANDOM_ORDER = 0, 1


class StreamSchedule:
    """Rows that stream: each takes the next chunk of one shuffled queue when its own has ended.

    The queue holds every chunk once a pass, in a new order every pass, without end. Rows that end at the same step take
    theirs in the order of the rows.

    Args:
        chunks: At least one chunk, none of them empty.
        rows: Number of rows.
        sequence_length: Frames a window.
        seed: Seed of the order.
    """

    def __init__(self, chunks: list[Chunk], *, rows: int, sequence_length: int, seed: int) -> None:
        self._chunks = chunks
        self._lengths = np.array([num_windows(chunk, sequence_length) for chunk in chunks])
        self._sequence_length = sequence_length
        self._seed = seed
        self._queue = self._shuffled_queue()
        self._ordinal = [-1] * rows
        self._begun = [0] * rows
        self._chunk = chunks[:1] * rows
        self._taken = 0
        self._ends = list(range(rows))  # a heap of `step * rows + row`: when each row needs its next chunk

    @property
    def num_windows(self) -> int:
        """Windows in one pass."""
        return int(self._lengths.sum())

    def advance(self, step: int) -> None:
        """Let every row take what it needs up to `step`. Steps must not fall."""
        rows = len(self._ordinal)
        ends = self._ends
        behind = (step + 1) * rows
        while ends and ends[0] < behind:
            index, length = next(self._queue)
            begun, row = divmod(ends[0], rows)
            self._chunk[row], self._begun[row], self._ordinal[row] = self._chunks[index], begun, self._taken
            self._taken += 1
            heapq.heapreplace(ends, ends[0] + length * rows)

    def key(self, row: int, step: int) -> SampleKey:
        """The window of a row at the step to which the schedule was advanced."""
        chunk = self._chunk[row]
        start = chunk.start + (step - self._begun[row]) * self._sequence_length
        stop = min(start + self._sequence_length, chunk.stop)
        return SampleKey(row, chunk.sequence, start, stop, start == chunk.start, "stream", self._ordinal[row])

    def _shuffled_queue(self) -> Iterator[tuple[int, int]]:
        """Index and number of windows of the chunks, pass after pass."""
        number = 0
        while True:
            order = np.random.default_rng((self._seed, _STREAM_ORDER, number)).permutation(len(self._chunks))
            yield from zip(order.tolist(), self._lengths[order].tolist(), strict=True)
            number += 1


class RandomSchedule:
    """Rows that get an unrelated window at every step.

    Without weights every window comes once a pass, in a new order every pass; with weights a pass draws as many windows
    as there are, with replacement.

    Args:
        windows: Sequence and stop of every window, both `(windows,)`; at least one.
        rows: The global batch's rows that are random.
        sequence_length: Frames a window.
        seed: Seed of the order.
        weights: `(windows,)` weight of each window, or none.
    """

    def __init__(
        self,
        windows: tuple[IntArray, IntArray],
        *,
        rows: range,
        sequence_length: int,
        seed: int,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self._owners, self._stops = windows
        self._rows = rows
        self._sequence_length = sequence_length
        self._seed = seed
        self._shares = None if weights is None else weights / weights.sum()
        self._order = lru_cache(maxsize=2)(self._shuffle)

    @property
    def num_windows(self) -> int:
        """Windows in one pass."""
        return len(self._stops)

    def key(self, row: int, step: int) -> SampleKey:
        """The window of a row of the global batch at any step."""
        ordinal = step * len(self._rows) + row - self._rows.start
        number, place = divmod(ordinal, self.num_windows)
        window = self._order(number)[place]
        stop = int(self._stops[window])
        return SampleKey(row, int(self._owners[window]), stop - self._sequence_length, stop, True, "random", ordinal)

    def _shuffle(self, number: int) -> IntArray:
        rng = np.random.default_rng((self._seed, _RANDOM_ORDER, number))
        if self._shares is None:
            return rng.permutation(self.num_windows)
        return rng.choice(self.num_windows, size=self.num_windows, p=self._shares)
