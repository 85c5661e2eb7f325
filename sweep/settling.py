"""Journals how trials ended whose own processes could not do so any more."""

import logging
import time
from collections.abc import Mapping, Sequence

from sweep.folder import Phase, SweepFolder
from sweep.trial_records import State, TrialRecord
from trainable.errors import EvsweepError
from trainable.run_lock import run_lock
from trainable.tracking import RunStatus, settle

CLOSING_S = 15.0
"""How long a trial's process may take to journal its end before it is looked whether it did."""
EXIT_S = 5.0
"""How long to wait for a process that still runs."""

_STATUS: Mapping[State, RunStatus] = {
    "COMPLETE": "FINISHED",
    "PRUNED": "KILLED",
    "STOPPED": "KILLED",
    "FAILED": "FAILED",
}

logger = logging.getLogger(__name__)


class Settling:
    """Sees to it that every trial that has ended says so in its journal.

    A journal that holds its run's end is left alone, and so is one whose process still runs.

    Args:
        folder: The sweep.
        phase: Which trials.
    """

    def __init__(self, folder: SweepFolder, phase: Phase) -> None:
        self._folder = folder
        self._phase: Phase = phase
        self._seen_s: dict[int, float] = {}
        self._settled: set[int] = set()

    def due(self, trials: Sequence[TrialRecord]) -> None:
        """Settle the trials that ended a while ago, while others run.

        Args:
            trials: All trials.
        """
        now_s = time.monotonic()
        for trial in trials:
            if trial.state == "RUNNING" or trial.index in self._settled:
                continue
            if now_s - self._seen_s.setdefault(trial.index, now_s) >= CLOSING_S:
                self._settle(trial, "", wait_s=0.0)

    def all(self, trials: Sequence[TrialRecord], *, unfinished: str = "") -> None:
        """Settle all trials that have ended, while no trial runs.

        Args:
            trials: All trials.
            unfinished: Why unfinished ones do not run any more; empty: they are left alone.
        """
        for trial in trials:
            if trial.index not in self._settled:
                self._settle(trial, unfinished, wait_s=EXIT_S)

    def _settle(self, trial: TrialRecord, unfinished: str, *, wait_s: float) -> None:
        status = _STATUS.get(trial.state, "KILLED" if unfinished else None)
        directory = self._folder.run_directory(self._phase, trial.index)
        if status is None:
            return
        self._settled.add(trial.index)
        if not directory.is_dir():
            return
        try:
            with run_lock(directory, wait_s=wait_s):
                settle(directory, status, trial.reason or unfinished)
        except (EvsweepError, OSError) as error:
            logger.warning("the end of trial %d is not journaled: %s", trial.index, error)
