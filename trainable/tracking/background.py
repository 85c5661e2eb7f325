"""The training's, or the sweep's, side of the publishing process: start it, and give it a bounded time at the end."""

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import trainable
from trainable.tracking.client_environment import URI_VARIABLE
from trainable.tracking.links import resolve_uri
from trainable.tracking.progress import read_progress, unpublished_lines
from trainable.tracking.run_search import SWEEP_DEPTH, run_directories

INTERVAL_S = 3.0
FINAL_TIMEOUT_S = 15.0
GRACE_S = 2.0

_log = logging.getLogger(__name__)


class FolderPublishing:
    """Publishes the runs of a folder, those included that appear later, from one process of its own.

    See `trainable.tracking.worker`. The process has a session of its own, so that Ctrl-C in the terminal ends the
    training and not the publishing, and it runs at a lower priority. Nothing that happens to it reaches the caller, and
    nothing here waits for a server before `close`. When the caller's process dies, the runs that have not ended are
    marked as failed on the server.

    Args:
        directory: the folder. Its own run, where it has one, is the others' parent, and is published first.
        uri: tracking server, credentials included.
        interval_s: pause between two looks at the journals.
        depth: levels below the folder at which runs are looked for; 0 for the folder's own run alone.

    Raises:
        TrackingError: for an address that MLflow cannot write to.
    """

    def __init__(self, directory: Path, uri: str, interval_s: float = INTERVAL_S, *, depth: int = SWEEP_DEPTH) -> None:
        self._directory = directory
        self._uri = resolve_uri(uri)
        self._interval_s = interval_s
        self._depth = depth
        self._process = self._start()

    def keep_running(self) -> None:
        """Start the publishing process again where it has ended, as after a machine ran out of memory."""
        if self._process is not None and self._process.poll() is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = self._start()

    def close(self, timeout_s: float = FINAL_TIMEOUT_S) -> None:
        """Let the process send what is missing, for `timeout_s` at most, and end it; log what is missing after it."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(f"{timeout_s}\n".encode())
            try:
                process.wait(timeout_s + GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._report_missing()

    def _start(self) -> "subprocess.Popen[bytes] | None":
        sources = [str(Path(trainable.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            URI_VARIABLE: self._uri,
            "PYTHONPATH": os.pathsep.join(filter(None, sources)),
        }
        arguments = [str(self._directory.absolute()), str(self._depth), str(os.getpid()), str(self._interval_s)]
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "trainable.tracking.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("the process that publishes the run cannot be started (%s); the run is only journaled", error)
            return None

    def _report_missing(self) -> None:
        missing = [lines for lines in map(_missing_lines, run_directories(self._directory, self._depth)) if lines]
        progress = read_progress(self._directory)
        if missing:
            _log.warning(
                "%d journal lines of %s have not reached the tracking server. Send them once it answers, with: "
                "python -m trainable publish %s",
                sum(missing),
                "the run" if self._depth == 0 else f"{len(missing)} runs",
                self._directory,
            )
        elif progress is not None and self._depth == 0:
            for line in progress.directions:
                _log.info("%s", line)


def _missing_lines(directory: Path) -> int:
    try:
        return unpublished_lines(directory)
    except OSError:
        return 0
