"""A session in a process of its own: where parts of Ray die, Ray ends the process that drives it."""

import logging
import logging.handlers
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from ray.exceptions import RayTaskError

from sweep.assigning import assigner
from sweep.cluster import Room, cluster
from sweep.folder import Phase, SweepFolder
from sweep.record import SweepRecord, open_study
from sweep.resources import TrialResources
from sweep.session import Session
from sweep.trial_demands import checked_resources
from sweep.tune_scheduler import last_error
from sweep.tune_trainable import TrialFunction
from trainable.errors import EvsweepError, SweepError

LOG_NAME = "session.log"
"""In the sweep's folder for Ray: what Ray prints, and the traceback of what ended a session."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mistake:
    """What a user must mend. An error of a Ray task cannot be sent itself: its class is made up when it is raised.

    Attributes:
        text: What is wrong.
    """

    text: str

    @classmethod
    def of(cls, error: EvsweepError) -> "Mistake":
        """Without the traceback that Ray puts before what a task raised."""
        return cls(str(error.cause if isinstance(error, RayTaskError) else error))


Message: TypeAlias = logging.LogRecord | TrialResources | Mistake | str
"""What a session tells the driver; a text says what ended it."""


class ToDriver:
    """The session's end of the line, which its threads share.

    Args:
        line: The line.
    """

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._lock = threading.RLock()  # a send can lead to a line of the log

    def send(self, message: Message) -> None:
        """Send a message as a whole."""
        with self._lock:
            self._line.send(message)


class SessionProcess:
    """Runs a session, and hands on what it logs. It ends with this process, however that ends.

    This process is forked, so it must not have started Ray itself.

    Args:
        folder: The sweep.
        phase: Its search, or its confirmation.
        trial_function: What a trial runs.
        trials: How many trials are left; -1: as many as the study has.
        resources: What a trial asks for; `None`: that is settled and checked before the first trial.

    Attributes:
        resources: What a trial asks for; `None` until the checks are passed.
        failure: What ended the session before it was done; empty otherwise.
    """

    def __init__(
        self,
        folder: SweepFolder,
        phase: Phase,
        trial_function: TrialFunction,
        trials: int,
        resources: TrialResources | None,
    ) -> None:
        self.resources = resources
        self.failure = ""
        self._folder = folder
        context = multiprocessing.get_context("fork")
        self._line, far_end = context.Pipe()
        folder.ray_directory.mkdir(exist_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = context.Process(
            target=_run, args=(far_end, self._line, folder, phase, trial_function, trials, resources), name="session"
        )
        self._process.start()
        far_end.close()

    def is_running(self, wait_s: float) -> bool:
        """Hand on what was logged; wait up to `wait_s` for more, or for the end.

        Raises:
            SweepError: If the checks before the first trial were not passed.
        """
        if not self._line.poll(wait_s):
            return True
        try:
            self._take(self._line.recv())
        except (EOFError, ConnectionResetError):
            self._process.join()
            if self._process.exitcode:
                self.failure = self.failure or f"the end of its process (exit code {self._process.exitcode})"
            return False
        return True

    def stop(self) -> None:
        """Ask the session to end; its trials stay unfinished."""
        try:
            self._line.send("stop")
        except OSError:  # it has ended
            logger.debug("there is no session to stop")

    def kill(self) -> None:
        """End the process on the spot, and with it the Ray that it started."""
        self._process.kill()
        self._process.join()

    def _take(self, message: Message) -> None:
        match message:
            case logging.LogRecord():
                logging.getLogger(message.name).handle(message)
            case TrialResources():
                self.resources = message
            case Mistake(text) if self.resources is None:
                raise SweepError(text)
            case Mistake(text) | str(text):
                self.failure = f"{text}; more in {self._folder.ray_directory / LOG_NAME}"


def _run(
    line: Connection,
    near_end: Connection,
    folder: SweepFolder,
    phase: Phase,
    trial_function: TrialFunction,
    trials: int,
    resources: TrialResources | None,
) -> None:
    """The process: run the session until it is done, or the driver says so, or is gone."""
    near_end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the driver, too, which then says what to do
    _print_to(folder)
    stop = threading.Event()
    threading.Thread(target=_obey, args=(line, stop), daemon=True).start()
    driver = ToDriver(line)
    logging.getLogger().handlers = [_LogToDriver(driver)]
    record = SweepRecord.read(folder)
    settings = record.settings
    # Ray's shutdown can end the process, so what failed is told before that.
    with _failures_told(driver), cluster(settings.address), _failures_told(driver):
        asked = resources or checked_resources(folder, record, None if trials < 0 else trials, stop.is_set)
        driver.send(asked)
        room = Room(asked, settings.max_concurrent)
        Session(
            trial_function=trial_function,
            assign=assigner(folder, record, phase, asked),
            resources=asked,
            slots=room.trials,
            max_failures=settings.max_failures,
            directory=folder.ray_directory,
        ).run(open_study(folder, phase), trials, should_stop=stop.is_set, on_look=room.look)


@contextmanager
def _failures_told(driver: ToDriver) -> Iterator[None]:
    """Tell the driver what ended the session, and end the process."""
    try:
        yield
    except EvsweepError as error:
        driver.send(Mistake.of(error))
        sys.exit(1)
    except Exception as error:  # whatever ends Ray or Tune
        driver.send(f"{type(error).__name__}: {last_error(str(error))}")
        traceback.print_exc()
        sys.exit(1)


def _obey(line: Connection, stop: threading.Event) -> None:
    try:
        while line.recv() == "stop":
            stop.set()
    except (EOFError, ConnectionResetError):  # the driver is gone
        os._exit(1)


def _print_to(folder: SweepFolder) -> None:
    """Send what Ray and the processes below print to a file, as the driver's terminal shows a table."""
    with (folder.ray_directory / LOG_NAME).open("ab") as file:
        os.dup2(file.fileno(), sys.__stdout__.fileno() if sys.__stdout__ else 1)
        os.dup2(file.fileno(), sys.__stderr__.fileno() if sys.__stderr__ else 2)


class _LogToDriver(logging.handlers.QueueHandler):
    """Hands log lines to the driver."""

    def __init__(self, driver: ToDriver) -> None:
        super().__init__(queue=None)  # type: ignore[arg-type]
        self._driver = driver

    def enqueue(self, record: Any) -> None:
        self._driver.send(record)
