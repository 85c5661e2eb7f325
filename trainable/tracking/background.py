"""The training's side of the publishing process: start it, and give it a bounded time at the end."""

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import trainable
from trainable.tracking.client_environment import URI_VARIABLE
from trainable.tracking.journal import JOURNAL_NAME

GRACE_S = 2.0

_log = logging.getLogger(__name__)


class BackgroundPublisher:
    """Publishes a run's journal from a process of its own; see `trainable.tracking.worker`.

    The process has a session of its own, so that Ctrl-C in the terminal ends the training and not the publishing, and
    it runs at a lower priority. Nothing that happens to it reaches the training.

    Args:
        directory: the run's folder, whose journal says by now that the run is running.
        uri: address of the server or database, credentials included; see `resolve_uri`.
        interval_s: pause between two looks at the journal.
    """

    def __init__(self, directory: Path, uri: str, interval_s: float) -> None:
        sources = [str(Path(trainable.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            URI_VARIABLE: uri,
            "PYTHONPATH": os.pathsep.join(filter(None, sources)),
        }
        self._process: subprocess.Popen[bytes] | None = None
        try:
            journal_bytes = (directory / JOURNAL_NAME).stat().st_size
            arguments = [str(directory.absolute()), str(os.getpid()), str(interval_s), str(journal_bytes)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "trainable.tracking.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("the process that publishes the run cannot be started (%s); the run is only journaled", error)

    def close(self, timeout_s: float) -> None:
        """Let the process send what is missing, for `timeout_s` at most, and end it."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(f"{timeout_s}\n".encode())
        try:
            process.wait(timeout_s + GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
