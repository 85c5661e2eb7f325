"""The process that publishes a run while it trains.

Started as `python -m trainable.tracking.worker DIRECTORY PARENT_PID INTERVAL_S JOURNAL_BYTES`, the last being the
journal's size at that time.

A process and not a thread, because MLflow's import, its database's creation and every batch are Python work: in a
thread they would hold the interpreter's lock while the training waits for it at every operation. The training ends it
by a line on standard input with the seconds it may still take; when the training dies instead, standard input ends, or
this process gets another parent: it sends once more what the journal holds, and marks the run on the server as failed.
It never writes to the journal.
"""

import logging
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trainable.errors import TrackingError
from trainable.tracking.client_environment import URI_VARIABLE, client_environment

if TYPE_CHECKING:
    from trainable.tracking.publisher import Publisher

LONGEST_PAUSE_S = 60.0
FINAL_PAUSE_S = 1.0
ORPHAN_S = 10.0
"""Time to publish once the training has died, and the longest wait for its death once its pipe has ended."""

_log = logging.getLogger("trainable.tracking")


def main() -> int:
    """Publish until the training is done; 0 when all of the journal has arrived, else 1."""
    directory, parent_pid, interval_s, journal_bytes = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    os.nice(5)
    with client_environment():
        from trainable.tracking.publisher import Publisher  # slow: imports MLflow

        publisher = Publisher(Path(directory), os.environ[URI_VARIABLE])
        return _publish_until_end(publisher, int(parent_pid), float(interval_s), int(journal_bytes))


def _publish_until_end(publisher: "Publisher", parent_pid: int, interval_s: float, journal_bytes: int) -> int:
    reported: set[str] = set()
    pause_s = 0.0
    while (end_s := _wait_for_end(pause_s, parent_pid)) is None:
        arrived = _attempt(publisher.flush, reported)
        pause_s = interval_s if arrived else min(max(interval_s, 2 * pause_s), LONGEST_PAUSE_S)
    deadline_s = time.monotonic() + end_s
    if os.getppid() != parent_pid:
        _attempt(lambda: publisher.mark_lost(journal_bytes), reported)
    while not _attempt(publisher.flush, reported):
        if time.monotonic() + FINAL_PAUSE_S > deadline_s:
            return 1
        time.sleep(FINAL_PAUSE_S)
    return 0


def _attempt(action: Callable[[], object], reported: set[str]) -> bool:
    """Whether the action succeeded; a kind of failure is logged once until things work again."""
    try:
        action()
    except TrackingError as error:
        kind = type(error.__cause__).__name__ + getattr(error.__cause__, "error_code", "")
        if kind not in reported:
            reported.add(kind)
            _log.warning("%s The training goes on, and publishing is tried again.", error)
        return False
    if reported:
        _log.warning("The tracking server takes the run again; what was missing has arrived.")
        reported.clear()
    return True


def _wait_for_end(pause_s: float, parent_pid: int) -> float | None:
    """Pause; the seconds left to finish once the training has ended, None while it goes on."""
    until_s = time.monotonic() + pause_s
    while True:
        if os.getppid() != parent_pid:
            return ORPHAN_S
        left_s = max(until_s - time.monotonic(), 0.0)
        if select.select([sys.stdin], [], [], min(left_s, 1.0))[0]:
            line = sys.stdin.readline()
            return float(line) if line else _wait_for_death(parent_pid)
        if time.monotonic() >= until_s:
            return None


def _wait_for_death(parent_pid: int) -> float:
    """Wait until a training whose pipe has ended is gone (one that only drops its tracking stays); then as above."""
    deadline_s = time.monotonic() + ORPHAN_S
    while os.getppid() == parent_pid and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return ORPHAN_S


if __name__ == "__main__":
    sys.exit(main())
