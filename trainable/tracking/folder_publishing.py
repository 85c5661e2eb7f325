"""What the driver of a sweep uses: one process publishes the sweep's run and all runs below it."""

import logging
from pathlib import Path

from trainable.tracking.background import BackgroundPublisher
from trainable.tracking.links import resolve_uri
from trainable.tracking.progress import unpublished_lines
from trainable.tracking.run_search import SWEEP_DEPTH, run_directories
from trainable.tracking.run_tracking import INTERVAL_S

FINAL_TIMEOUT_S = 60.0

_log = logging.getLogger(__name__)


class FolderPublishing:
    """Publishes every run of a folder, those included that appear later, from one process.

    When the process that made this dies, the runs that have not ended are marked as failed on the server. Nothing here
    waits for a server before `close`, and nothing that happens to the publishing process reaches the caller.

    Args:
        directory: the folder; its own run, if it has one, is the parent, and is published first.
        uri: tracking server, credentials included.
        interval_s: pause between two looks at the journals.

    Raises:
        TrackingError: for an address that MLflow cannot write to.
    """

    def __init__(self, directory: Path, uri: str, interval_s: float = INTERVAL_S) -> None:
        self._directory = directory
        self._uri = resolve_uri(uri)
        self._interval_s = interval_s
        self._publisher = self._start()

    def keep_running(self) -> None:
        """Start the publishing process again where it has ended, as after a machine ran out of memory."""
        if not self._publisher.is_running:
            self._publisher.close(timeout_s=0.0)
            self._publisher = self._start()

    def close(self, timeout_s: float = FINAL_TIMEOUT_S) -> None:
        """Publish what is missing for a bounded time, and log what is still missing after it.

        Args:
            timeout_s: longest wait for the server.
        """
        self._publisher.close(timeout_s)
        runs = list(run_directories(self._directory, SWEEP_DEPTH))
        missing = [lines for lines in map(_missing_lines, runs) if lines]
        if missing:
            _log.warning(
                "%d journal lines of %d runs have not reached the tracking server. Send them once it answers, with: "
                "python -m trainable publish %s",
                sum(missing),
                len(missing),
                self._directory,
            )

    def _start(self) -> BackgroundPublisher:
        return BackgroundPublisher(self._directory, self._uri, self._interval_s, depth=SWEEP_DEPTH)


def _missing_lines(directory: Path) -> int:
    try:
        return unpublished_lines(directory)
    except OSError:
        return 0
