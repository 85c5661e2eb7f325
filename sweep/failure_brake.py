"""Stops a sweep whose trials all fail for the same reason, before its points are burnt."""

from collections.abc import Sequence

from sweep.folder import Phase, SweepFolder
from sweep.trial_log import LOG_NAME
from sweep.trial_records import TrialRecord

FAILURES_IN_A_ROW = 3
"""Trials that fail one after the other without a single report, after which the cause is taken to be a common one."""


class FailureBrake:
    """Looks for a cause that lets every trial fail, such as a dataset that is gone or weights that cannot be read.

    Args:
        folder: The sweep.
        phase: Its search, or its confirmation.
        before: All trials when the driver starts; those that have ended by then do not count.
    """

    def __init__(self, folder: SweepFolder, phase: Phase, before: Sequence[TrialRecord]) -> None:
        self._folder = folder
        self._phase: Phase = phase
        self._before = {trial.index for trial in before if trial.state != "RUNNING"}

    def common_cause(self, trials: Sequence[TrialRecord]) -> str:
        """Why no further trial should begin, with what to do; empty where trials do not fail one after the other."""
        ended = [trial for trial in trials if trial.ended is not None and trial.index not in self._before]
        last = sorted(ended, key=lambda trial: (trial.ended, trial.index))[-FAILURES_IN_A_ROW:]
        if len(last) < FAILURES_IN_A_ROW or not all(trial.failed_at_once for trial in last):
            return ""
        return (
            f"{len(last)} trials in a row failed before their first report, which points to a common cause:\n"
            + self._told(last)
        )

    def no_result(self, trials: Sequence[TrialRecord]) -> str:
        """Why a sweep that has ended has no result, with what to do; empty where some trial did not fail."""
        if not trials or any(trial.state != "FAILED" for trial in trials):
            return ""
        return f"no trial of {self._folder.name} completed, as all failed:\n{self._told(trials[-FAILURES_IN_A_ROW:])}"

    def _told(self, failed: Sequence[TrialRecord]) -> str:
        lines = [
            f"  - trial {trial.index}: {trial.reason}; its log: "
            f"{self._folder.run_directory(self._phase, trial.index) / LOG_NAME}"
            for trial in failed
        ]
        return (
            "\n".join(lines)
            + f"\nMend it, and try the failed trials again with `{self._folder.command('resume', '--failed')}`"
        )
