"""Lets Ray Tune take its trials from the study, and tells the study how they ended."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from sweep.assigning import Assign
from sweep.proposals import Proposal
from sweep.study import SweepStudy
from sweep.trial_log import LOG_NAME
from sweep.tune_state import NotKept


@dataclass
class LiveTrial:
    """A trial that Tune runs.

    Attributes:
        proposal: The trial.
        log: The file in which its process says everything.
        stopped_early: Whether the scheduler has ended it.
        error: Why its process failed for good; empty while it did not.
    """

    proposal: Proposal
    log: Path
    stopped_early: bool = False
    error: str = ""


class StudySearcher(NotKept, Searcher):
    """Asks the study for a trial whenever one can run.

    Tune would ask for one more than can run, without waiting for what the running ones find out. It saves its search
    algorithm now and then: that is left out, as the study keeps everything.

    Args:
        study: The study.
        assign: What turns a proposal into an assignment.
        slots: How many trials may run at once now.

    Attributes:
        live: The trials that Tune runs, by Tune's own identity of each.
    """

    def __init__(self, study: SweepStudy, assign: Assign, slots: Callable[[], int]) -> None:
        super().__init__()
        self._study = study
        self._assign = assign
        self._slots = slots
        self.live: dict[str, LiveTrial] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next trial's assignment; None while no more can run, FINISHED where the study has none left."""
        if len(self.live) >= self._slots():
            return None
        proposal = self._study.ask()
        if proposal is None:
            return str(Searcher.FINISHED)
        assignment = self._assign(proposal)
        self.live[trial_id] = LiveTrial(proposal, assignment.folder / LOG_NAME)
        return assignment.to_dict()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the study how a trial ended.

        Args:
            trial_id: Tune's identity of the trial.
            result: The trial's last report.
            error: Whether its process failed more often than is tolerated.
        """
        trial = self.live.get(trial_id)
        if trial is None:
            return
        self._end(trial, result or {}, error)
        # Not before the study has it: where the disk refuses, Tune runs the trial again, which tells its end again.
        del self.live[trial_id]

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""

    def _end(self, trial: LiveTrial, result: dict[str, Any], error: bool) -> None:
        index, max_steps = trial.proposal.index, trial.proposal.config.training.max_steps
        step = result.get("training_step", 0)
        if error:
            self._study.fail(index, f"{trial.error}; its log: {trial.log}")
        elif result.get("failure"):
            self._study.fail(index, result["failure"])
        elif result.get("stopped"):
            self._study.halt(index, result["stopped"])
        elif trial.stopped_early:
            self._study.prune(index)
        elif step >= max_steps:
            self._study.complete(index, step, reported_metrics(result))
        else:
            self._study.fail(index, f"it ended at step {step} of {max_steps} without saying why")


def reported_metrics(result: dict[str, Any]) -> dict[str, float]:
    """The metrics of a report, and some figures of Tune's own."""
    return {name: value for name, value in result.items() if isinstance(value, float)}
