"""What is done beside the main work."""

import logging
import time
from itertools import pairwise

import pytest

from sweep.paced import SHARE, Paced


def test_calls_keep_their_distance() -> None:
    calls: list[float] = []
    paced = Paced(lambda: calls.append(time.monotonic()), every_s=0.05)
    until_s = time.monotonic() + 0.3
    while time.monotonic() < until_s:
        paced()
    assert 3 <= len(calls) <= 7  # at 0 s, and at 0.3 s the last one
    assert min(later - earlier for earlier, later in pairwise(calls)) >= 0.05


def test_a_slow_call_is_made_rarely() -> None:
    calls: list[float] = []

    def slow() -> None:
        calls.append(time.monotonic())
        time.sleep(0.02)

    paced = Paced(slow, every_s=0.0)
    until_s = time.monotonic() + 0.02 / SHARE / 2
    while time.monotonic() < until_s:
        paced()
    assert len(calls) == 1


def test_a_call_that_fails_is_logged_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> None:
        raise ValueError("no terminal")

    paced = Paced(failing, every_s=0.0)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            paced()
            time.sleep(0.01)
    assert sum(record.exc_info is not None for record in caplog.records) == 1
