"""The process that publishes a run, or a sweep's runs, while they train.

Started as `python -m trainable.tracking.worker DIRECTORY DEPTH PARENT_PID INTERVAL_S`; see `FolderPublisher`.

A process and not a thread, because MLflow's import, its database's creation and every batch are Python work: in a
thread they would hold the interpreter's lock while the training waits for it at every operation. The process that
started it, a training or the driver of a sweep, ends it by a line on standard input with the seconds it may still take;
when that one dies instead, standard input ends, or this process gets another parent: it sends once more what the
journals hold, and marks the runs that have not ended as failed on the server. It never writes to a journal.
"""

import logging
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trainable.errors import TrackingServerError
from trainable.tracking.client_environment import URI_VARIABLE, client_environment
from trainable.tracking.journal import now_ms

if TYPE_CHECKING:
    from trainable.tracking.folder_publisher import FolderPublisher

LONGEST_PAUSE_S = 60.0
FINAL_PAUSE_S = 1.0
ORPHAN_S = 10.0
"""Time in which publishing is tried again once the starter has died, and the longest wait for its death once its pipe
has ended."""

_log = logging.getLogger("trainable.tracking")


def main() -> int:
    """Publish until the process that started this one is done; 0 when everything has arrived, else 1."""
    directory, depth, starter_pid, interval_s = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    os.nice(5)
    starter = _Starter(int(starter_pid))
    with client_environment():
        from trainable.tracking.folder_publisher import FolderPublisher  # slow: imports MLflow

        folder = FolderPublisher(
            Path(directory), os.environ[URI_VARIABLE], depth=int(depth), interval_s=float(interval_s)
        )
        return _publish_until_end(folder, starter, float(interval_s))


class _Starter:
    """The process that started this one.

    Attributes:
        alive_ms: When it was last seen alive.
        left_s: Seconds left to finish, once it has ended or has asked for the end; None before.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.alive_ms = now_ms()
        self.left_s: float | None = None

    def is_alive(self) -> bool:
        """Whether it is there now."""
        alive = os.getppid() == self._pid
        if alive:
            self.alive_ms = now_ms()
        return alive

    def wait(self, pause_s: float) -> bool:
        """Pause, at most until the end; whether the end has come."""
        until_s = time.monotonic() + pause_s
        while self.left_s is None:
            if not self.is_alive():
                self.left_s = ORPHAN_S
            elif select.select([sys.stdin], [], [], min(max(until_s - time.monotonic(), 0.0), 1.0))[0]:
                line = sys.stdin.readline()
                self.left_s = float(line) if line else self._wait_for_death()
            elif time.monotonic() >= until_s:
                break
        return self.left_s is not None

    def has_ended(self) -> bool:
        """Whether the end has come."""
        return self.wait(0.0)

    def _wait_for_death(self) -> float:
        """Wait until a starter whose pipe has ended is gone (one that only drops its tracking stays)."""
        deadline_s = time.monotonic() + ORPHAN_S
        while self.is_alive() and time.monotonic() < deadline_s:
            time.sleep(0.1)
        return ORPHAN_S


def _publish_until_end(folder: "FolderPublisher", starter: _Starter, interval_s: float) -> int:
    reported: set[str] = set()
    pause_s = 0.0
    while not starter.wait(pause_s):
        reached = _attempt(lambda: folder.flush(starter.has_ended), reported)
        pause_s = interval_s if reached else min(max(interval_s, 2 * pause_s), LONGEST_PAUSE_S)
    deadline_s = time.monotonic() + (starter.left_s or 0.0)
    if not starter.is_alive():
        folder.mark_lost(starter.alive_ms)
    while not _attempt(lambda: folder.flush(retry_all=True), reported):
        if time.monotonic() + FINAL_PAUSE_S > deadline_s:
            return 1
        time.sleep(FINAL_PAUSE_S)
    return 0 if folder.is_complete else 1


def _attempt(action: Callable[[], None], reported: set[str]) -> bool:
    """Whether the server could be reached; a kind of failure is logged once until things work again."""
    try:
        action()
    except TrackingServerError as error:
        kind = type(error.__cause__).__name__ + getattr(error.__cause__, "error_code", "")
        if kind not in reported:
            reported.add(kind)
            _log.warning("%s The training goes on, and publishing is tried again.", error)
        return False
    if reported:
        _log.warning("The tracking server takes the run again; what was missing has arrived.")
        reported.clear()
    return True


if __name__ == "__main__":
    sys.exit(main())
