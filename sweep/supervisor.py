"""Runs a sweep to its end, whatever ends the sessions in between."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sweep.driver_lock import driver_lock
from sweep.failure_brake import FailureBrake
from sweep.folder import Phase, SweepFolder
from sweep.interruption import Interruption, hang_up_ignored
from sweep.paced import Paced
from sweep.parent_run import FINAL_TIMEOUT_S, ParentRun
from sweep.record import SweepRecord, open_study
from sweep.resources import TrialResources
from sweep.session_process import SessionProcess
from sweep.settling import Settling
from sweep.trial import run_trial
from sweep.trial_records import TrialRecord
from sweep.tune_trainable import TrialFunction
from trainable.errors import SweepError
from trainable.run_folder import RunFolder
from trainable.tracking import RunStatus

FRUITLESS_SESSIONS = 5
"""Sessions in a row without any news of a trial after which a sweep is given up."""
BACKOFF_S = (2.0, 5.0, 15.0, 60.0)
"""Pause before the next session, by how many were fruitless before it."""
LOOK_S, WATCH_S, JOURNAL_S, BRAKE_S = 0.5, 1.0, 2.0, 1.0
HURRIED_PUBLISHING_S = 10.0
"""Longest wait for the tracking server where somebody waits for the end."""

logger = logging.getLogger(__name__)


def run_sweep(
    folder: SweepFolder,
    *,
    phase: Phase = "trials",
    trial_function: TrialFunction = run_trial,
    watch: Callable[[], None] | None = None,
) -> None:
    """Run what is left of a sweep's phase.

    All that counts is in the sweep's folder. A run, a `resume`, an `extend` and the recovery after Ray has died are the
    same: a session that begins with what is unfinished. Ctrl-C, SIGTERM, SIGHUP and a request to stop end the session,
    and its trials can be gone on with. So does a cause that lets one trial after the other fail at once.

    Args:
        folder: The sweep.
        phase: Its search, or its confirmation.
        trial_function: What a trial runs.
        watch: Called about once a second, in this thread.

    Raises:
        SweepError: If another process runs the sweep, the cluster cannot be used, the sweep had to be given up, or all
            its trials failed.
        KeyboardInterrupt: After Ctrl-C.
        SystemExit: After SIGTERM and SIGHUP.
    """
    with driver_lock(folder):
        folder.stop_request().unlink(missing_ok=True)  # what stopped it the last time
        _Supervisor(folder, phase, trial_function, watch or _nothing).run()


class _Supervisor:
    def __init__(
        self, folder: SweepFolder, phase: Phase, trial_function: TrialFunction, watch: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._phase: Phase = phase
        self._trial_function = trial_function
        self._record = SweepRecord.read(folder)
        self._study = open_study(folder, phase)
        self._settling = Settling(folder, phase)
        self._watch = Paced(watch, WATCH_S)
        self._journal = Paced(self._update_journals, JOURNAL_S)
        self._look_for_failures = Paced(self._find_common_cause, BRAKE_S)
        self._interruption = Interruption()
        self._brake = FailureBrake(folder, phase, [])
        self._common_cause = ""
        self._stopped = ""
        self._parent: ParentRun | None = None
        self._resources: TrialResources | None = None

    def run(self) -> None:
        self._study.take_over()
        trials = self._study.trials()
        self._settling.all(trials)
        self._brake = FailureBrake(self._folder, self._phase, trials)
        try:
            if self._trials_left() != 0:
                self._run_sessions()
            parent = self._parent_run()  # where nothing was left, it publishes what is not published yet
            if not self._stopped and (no_result := self._brake.no_result(self._study.trials())):
                raise SweepError(no_result)
        except BaseException as error:
            if self._parent is not None:
                interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
                self._end(self._parent, "KILLED" if interrupted else "FAILED", str(error) or type(error).__name__)
            raise
        self._end(parent, "KILLED" if self._stopped else "FINISHED", self._stopped)
        self._interruption.raise_again()

    def _run_sessions(self) -> None:
        fruitless, news = 0, self._news(self._study.trials())
        while True:
            failure = self._run_session()
            trials = self._study.trials()
            if self._common_cause and not self._stopped:
                raise SweepError(f"{self._folder.name} is stopped: {self._common_cause}")
            if self._stopped or not (failure or any(trial.state == "RUNNING" for trial in trials)):
                return
            self._settling.all(trials)
            before, news = news, self._news(trials)
            fruitless = fruitless + 1 if news == before else 0
            if fruitless == FRUITLESS_SESSIONS:
                raise SweepError(
                    f"{self._folder.name} is given up: {fruitless} sessions in a row ended without news of any trial, "
                    f"the last one by {failure or 'itself'}. Mend that, and go on with "
                    f"`{self._folder.command('resume')}`"
                )
            pause_s = BACKOFF_S[min(fruitless, len(BACKOFF_S) - 1)]
            logger.warning("the session ended by %s; the next one begins in %g s", failure or "itself", pause_s)
            self._pause(pause_s)
            if self._stopped:
                return

    def _run_session(self) -> str:
        """Run a session to its end; what ended it before it was done, or an empty text."""
        left = self._trials_left()
        with hang_up_ignored():  # the terminal's end reaches what runs below, too, which this process then ends
            session = SessionProcess(self._folder, self._phase, self._trial_function, left, self._resources)
        try:
            with self._interruption.noticed():
                while session.is_running(LOOK_S):
                    self._resources = session.resources
                    if self._resources is not None:
                        self._parent_run()
                    if not (self._stopped or self._common_cause) and self._should_stop():
                        session.stop()
                    self._watch()
                    self._journal()
        finally:
            session.kill()  # it has ended, unless this process is in a hurry
        self._find_common_cause()
        return session.failure

    def _pause(self, pause_s: float) -> None:
        """Wait, unless the sweep is to stop."""
        until_s = time.monotonic() + pause_s
        with self._interruption.noticed():
            while time.monotonic() < until_s and not self._should_stop():
                time.sleep(min(LOOK_S, pause_s))
                self._watch()
                self._journal()

    def _trials_left(self) -> int:
        """How many trials are still to run, unfinished ones included; -1: as many as the study has."""
        if self._phase == "confirm":
            return -1
        trials = self._study.trials()
        unfinished = sum(trial.state == "RUNNING" for trial in trials)
        return max(0, self._record.settings.trials - len(trials)) + unfinished

    def _should_stop(self) -> bool:
        if self._interruption.signal is not None:
            self._stopped = f"ended by {self._interruption.signal.name}"
        elif self._folder.stop_request().exists():
            self._stopped = self._folder.stop_request().read_text().strip() or "stopped by hand"
        self._look_for_failures()
        return bool(self._stopped or self._common_cause)

    def _find_common_cause(self) -> None:
        self._common_cause = self._common_cause or self._brake.common_cause(self._study.trials())

    def _parent_run(self) -> ParentRun:
        if self._parent is None:
            self._parent = ParentRun(self._folder, self._record, phase=self._phase)
        return self._parent

    def _update_journals(self) -> None:
        if self._parent is not None:
            self._parent.update(self._study)
        self._settling.due(self._study.trials())

    def _end(self, parent: ParentRun, status: RunStatus, reason: str) -> None:
        go_on = f"{reason}; `{self._folder.command('resume')}` goes on with it" if reason else ""
        self._settling.all(self._study.trials(), unfinished=go_on)
        parent.update(self._study)
        parent.close(status, reason, HURRIED_PUBLISHING_S if status == "KILLED" else FINAL_TIMEOUT_S)

    def _news(self, trials: Sequence[TrialRecord]) -> tuple[int, int, int]:
        """What grows with every report, every end of a trial and every checkpoint."""
        running = [trial.index for trial in trials if trial.state == "RUNNING"]
        folders = (RunFolder(self._folder.run_directory(self._phase, index)) for index in running)
        checkpoints = [_written_ns(folder.last_checkpoint) for folder in folders]
        return sum(len(trial.reports) for trial in trials), len(trials) - len(running), sum(checkpoints)


def _written_ns(file: Path) -> int:
    """When a file was written; 0 where there is none."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _nothing() -> None:
    pass
