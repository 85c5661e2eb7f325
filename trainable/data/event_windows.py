"""Time windows over a recording's stream of events, with times that run backwards repaired."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from trainable.data.raw_events import Events, Recording


class EventWindows:
    """Cuts a recording into time windows, holding no more of it in memory than a window and a block.

    Times that run backwards are raised to the latest time before them, and counted.

    Source: `uzh-rpg/RVT`, `scripts/genx/preprocess_dataset.py`: the running maximum, and windows that own both of their
    ends. Deviation: events are streamed, where RVT holds all times in memory.

    Args:
        recording: The recording to read, from its beginning.

    Attributes:
        repaired_times: Number of events so far whose time ran backwards.
        latest_us: Latest time read so far, in microseconds.
        exhausted: Whether the recording was read to its end.
    """

    def __init__(self, recording: Recording) -> None:
        self.repaired_times = 0
        self.latest_us = 0
        self.exhausted = False
        self._blocks = recording.blocks()
        self._pending = Events(
            np.empty(0, np.uint16), np.empty(0, np.uint16), np.empty(0, np.uint8), np.empty(0, np.int64)
        )

    def windows(self, ends_us: npt.NDArray[np.int64], duration_us: int) -> Iterator[Events]:
        """The events of each window `end - duration <= t <= end`.

        Args:
            ends_us: `(windows,)` rising ends in microseconds.
            duration_us: Length of a window; windows may overlap or leave gaps.

        Raises:
            DataError: When the recording turns out to be damaged.
        """
        for end_us in ends_us:
            start_us = end_us - duration_us
            self._read_past(start_us, end_us)
            times = self._pending.t
            first = int(np.searchsorted(times, start_us, side="left"))
            last = int(np.searchsorted(times, end_us, side="right"))
            yield self._pending.slice(first, last)

    def _read_past(self, start_us: int, end_us: int) -> None:
        """Read until an event later than `end_us` is at hand, and forget those before `start_us`."""
        kept: list[Events] = []
        while not self.exhausted and self.latest_us <= end_us:
            block = next(self._blocks, None)
            if block is None:
                self.exhausted = True
            elif (repaired := self._repaired(block)).t[-1] >= start_us:
                kept.append(repaired)
        if kept:
            first = int(np.searchsorted(self._pending.t, start_us, side="left"))
            parts = [self._pending.slice(first, len(self._pending.t)), *kept]
            self._pending = Events(
                np.concatenate([part.x for part in parts]),
                np.concatenate([part.y for part in parts]),
                np.concatenate([part.polarity for part in parts]),
                np.concatenate([part.t for part in parts]),
            )

    def _repaired(self, block: Events) -> Events:
        if block.t[0] >= self.latest_us and np.all(block.t[1:] >= block.t[:-1]):
            times = block.t
        else:
            times = np.maximum(np.maximum.accumulate(block.t), self.latest_us)
            self.repaired_times += int(np.count_nonzero(times != block.t))
        self.latest_us = int(times[-1])
        return block._replace(t=times)
