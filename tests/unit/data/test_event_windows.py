from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.data.event_windows import EventWindows
from trainable.data.raw_events import Events


class ArrayRecording:
    """A recording in memory, in blocks of a chosen size, whose x counts the events."""

    path = Path("memory")
    height, width = 1, 1 << 16

    def __init__(self, times: list[int], block_events: int) -> None:
        self._times = np.array(times, dtype=np.int64)
        self._block_events = block_events

    def blocks(self) -> Iterator[Events]:
        for start in range(0, len(self._times), self._block_events):
            t = self._times[start : start + self._block_events]
            x = np.arange(start, start + len(t), dtype=np.uint16)
            yield Events(x, np.zeros_like(x), np.zeros(len(t), np.uint8), t)


@settings(deadline=None)
@given(
    times=st.lists(st.integers(0, 100), min_size=1, max_size=60),
    ends=st.lists(st.integers(0, 130), min_size=1, max_size=12, unique=True).map(sorted),
    duration=st.integers(0, 40),
    block_events=st.integers(1, 20),
)
def test_windows_hold_exactly_the_events_between_both_ends(
    times: list[int], ends: list[int], duration: int, block_events: int
) -> None:
    windows = EventWindows(ArrayRecording(times, block_events))
    repaired = np.maximum.accumulate(times)
    for end, window in zip(ends, windows.windows(np.array(ends), duration), strict=True):
        expected = np.flatnonzero((repaired >= end - duration) & (repaired <= end))
        assert window.x.tolist() == expected.tolist()
        assert window.t.tolist() == repaired[expected].tolist()
        assert windows.exhausted or windows.latest_us > end


def test_events_whose_time_runs_backwards_are_counted_across_blocks() -> None:
    windows = EventWindows(ArrayRecording([5, 9, 7, 9, 8, 3, 12], block_events=3))
    (window,) = windows.windows(np.array([20]), 20)
    assert window.t.tolist() == [5, 9, 9, 9, 9, 9, 12]
    assert windows.repaired_times == 3


def test_no_more_than_a_window_and_a_block_is_held_in_memory() -> None:
    windows = EventWindows(ArrayRecording(list(range(10_000)), block_events=100))
    ends = np.arange(50, 10_000, 50)
    assert max(window.x.base.size for window in windows.windows(ends, 50)) <= 250
