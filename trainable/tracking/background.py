"""The training's, or the sweep's, side of the publishing process: start it, and give it a bounded time at the end."""

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import trainable
from trainable.tracking.client_environment import URI_VARIABLE

GRACE_S = 2.0

_log = logging.getLogger(__name__)


class BackgroundPublisher:
    """Publishes runs from a process of its own; see `trainable.tracking.worker`.

    The process has a session of its own, so that Ctrl-C in the terminal ends the training and not the publishing, and
    it runs at a lower priority. Nothing that happens to it reaches the training.

    Args:
        directory: the folder of a run whose journal says by now that the run is running.
        uri: address of the server or database, credentials included; see `resolve_uri`.
        interval_s: pause between two looks at the journals.
        depth: levels below the folder at which further runs are looked for.
    """

    def __init__(self, directory: Path, uri: str, interval_s: float, depth: int = 0) -> None:
        sources = [str(Path(trainable.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            URI_VARIABLE: uri,
            "PYTHONPATH": os.pathsep.join(filter(None, sources)),
        }
        self._process: subprocess.Popen[bytes] | None = None
        try:
            arguments = [str(directory.absolute()), str(depth), str(os.getpid()), str(interval_s)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "trainable.tracking.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            _log.warning("the process that publishes the run cannot be started (%s); the run is only journaled", error)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

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
