"""The endless order of training windows: a function of the seed, the settings and the number of the step."""

import heapq
from collections.abc import Iterator
from functools import lru_cache
from itertools import count

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
        self._rows = rows
        self._sequence_length = sequence_length
        self._seed = seed
        self._queue = self._shuffled_queue()
        # When each row needs its next chunk, as `step * rows + row`: a heap, of which the first is taken first.
        self._ends = list(range(rows))
        self._taken = [(row, 0, 0) for row in range(rows)]  # each row's last entry of `_ends`, chunk and its ordinal

    @property
    def num_windows(self) -> int:
        """Windows in one pass."""
        return int(self._lengths.sum())

    def advance(self, step: int) -> None:
        """Let every row take what it needs up to `step`. Steps must not fall."""
        rows, ends, taken, queue = self._rows, self._ends, self._taken, self._queue
        behind = (step + 1) * rows
        while ends and (begun := ends[0]) < behind:
            ordinal, index, length = next(queue)
            heapq.heapreplace(ends, begun + length * rows)
            taken[begun % rows] = begun, index, ordinal

    def key(self, row: int, step: int) -> SampleKey:
        """The window of a row at the step to which the schedule was advanced."""
        begun, index, ordinal = self._taken[row]
        chunk = self._chunks[index]
        start = chunk.start + (step - begun // self._rows) * self._sequence_length
        stop = min(start + self._sequence_length, chunk.stop)
        return SampleKey(row, chunk.sequence, start, stop, start == chunk.start, "stream", ordinal)

    def _shuffled_queue(self) -> Iterator[tuple[int, int, int]]:
        """Ordinal, index and number of windows of the chunks, pass after pass."""
        for number in count():
            order = np.random.default_rng((self._seed, _STREAM_ORDER, number)).permutation(len(self._chunks))
            yield from zip(
                count(number * len(self._chunks)), order.tolist(), self._lengths[order].tolist(), strict=False
            )


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
