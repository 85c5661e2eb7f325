"""Publishes every run of a folder to one tracking server, from one process.

A sweep has a run in its own folder and hundreds below it, of which few grow at a time. Each look costs a run that did
not grow one `stat`; a run that has ended and arrived keeps nothing but its journal's size in memory.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainable.errors import TrackingError, TrackingServerError
from trainable.tracking.journal import JOURNAL_NAME, end_of
from trainable.tracking.links import public_uri
from trainable.tracking.progress import read_progress
from trainable.tracking.publisher import Publisher
from trainable.tracking.run_search import run_directories

LONGEST_PAUSE_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """A run as it was when it was last published.

    Attributes:
        publisher: What sends its journal; none before it is needed, and after the run has ended and arrived.
        size: Bytes of the journal at the last look that sent all of it; -1 before.
        refused: Whether the last attempt failed for a reason of this run's own.
        attempts: Attempts since the last one that left nothing to do.
        retry_s: Monotonic time before which a refused or an unnested run is left alone.
    """

    publisher: Publisher | None = None
    size: int = -1
    refused: bool = False
    attempts: int = 0
    retry_s: float = 0.0


class FolderPublisher:
    """Sends the journals of a folder, which may still be growing and becoming more, to one tracking server.

    The folder's own run comes first, so that its children find it, and is looked at again between them where it is due.
    A run that the server refuses, or whose journal is damaged, is tried again ever more rarely and holds up no other.

    Args:
        directory: the folder of a run, or of a run and its children.
        uri: address of the server or database, credentials included; see `resolve_uri`.
        depth: levels below the folder at which runs are looked for; 0 for the folder's own run alone.
        interval_s: shortest time between two looks at the folder's own run, and before a run is tried again.

    Attributes:
        is_complete: whether the last `flush` looked at every journal and left nothing to send.
    """

    def __init__(self, directory: Path, uri: str, *, depth: int, interval_s: float) -> None:
        self._directory = directory
        self._uri = uri
        self._depth = depth
        self._interval_s = interval_s
        self._runs: dict[Path, _Run] = {}
        self._suspect: Path | None = None
        self._logged: set[str] = set()
        self.is_complete = False

    def flush(self, interrupted: Callable[[], bool] = lambda: False, *, retry_all: bool = False) -> None:
        """Look at every journal once, and send what the server lacks.

        Args:
            interrupted: asked before each run; where it answers true, the rest is left for the next call.
            retry_all: also try the runs again that were refused a short while ago.

        Raises:
            TrackingServerError: where the server is taken to be down: after the first such failure no other run is
                tried. The next call tries another run first, in case the failure was that run's own.
        """
        self.is_complete = False
        suspect, self._suspect = self._suspect, None
        order = sorted(run_directories(self._directory, self._depth), key=lambda directory: directory == suspect)
        self._runs = {directory: self._runs.get(directory) or _Run() for directory in order}
        own_s = time.monotonic()
        for directory in order:
            if interrupted():
                return
            if time.monotonic() - own_s >= self._interval_s and self._directory in self._runs:
                self._publish(self._directory, retry_all)
                own_s = time.monotonic()
            self._publish(directory, retry_all)
        self.is_complete = not any(run.refused for run in self._runs.values())

    def mark_lost(self, alive_ms: int) -> None:
        """Take every run that has not ended for FAILED, from the next flush on; see `Publisher.mark_lost`."""
        for directory in run_directories(self._directory, self._depth):
            run = self._runs.setdefault(directory, _Run())
            try:
                if run.publisher is not None or not self._has_arrived(directory, run, _journal_bytes(directory)):
                    run.publisher = run.publisher or Publisher(directory, self._uri)
                    run.publisher.mark_lost(alive_ms)
                    run.size = -1
            except TrackingError as error:
                self._refuse(run, error)

    def _publish(self, directory: Path, retry: bool) -> None:
        run = self._runs[directory]
        size = _journal_bytes(directory)
        if not (retry or time.monotonic() >= run.retry_s or (size != run.size and not run.refused)):
            return
        if run.publisher is None:
            if self._has_arrived(directory, run, size):
                run.size = size
                return
        elif size == run.size and run.publisher.is_complete:
            return
        try:
            run.publisher = run.publisher or Publisher(directory, self._uri)
            run.publisher.flush()
        except TrackingServerError:
            self._suspect = directory
            raise
        except TrackingError as error:
            self._refuse(run, error)
            return
        run.size = size
        run.refused = False
        if not run.publisher.is_complete:
            self._postpone(run)
            return
        run.attempts = 0
        if run.publisher.has_ended:
            run.publisher = None

    def _has_arrived(self, directory: Path, run: _Run, size: int) -> bool:
        """Whether a run without a publisher has ended and is on the server; for an earlier process it noted so."""
        if run.size >= 0:
            return size == run.size
        progress = read_progress(directory)
        return (
            progress is not None
            and (progress.uri, progress.position, progress.nested) == (public_uri(self._uri), size, True)
            and end_of(directory) is not None
        )

    def _refuse(self, run: _Run, error: TrackingError) -> None:
        run.refused = True
        self._postpone(run)
        if str(error) not in self._logged:
            self._logged.add(str(error))
            _log.warning("%s", error)

    def _postpone(self, run: _Run) -> None:
        run.retry_s = time.monotonic() + min(self._interval_s * 2**run.attempts, LONGEST_PAUSE_S)
        run.attempts = min(run.attempts + 1, 30)


def _journal_bytes(directory: Path) -> int:
    """The journal's size; 0 where it was removed."""
    try:
        return (directory / JOURNAL_NAME).stat().st_size
    except FileNotFoundError:
        return 0
