"""Lets the study decide which of Ray Tune's trials go on."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from sweep.study import SweepStudy
from sweep.tune_search import LiveTrial, reported_metrics
from sweep.tune_state import NotKept

_LONGEST_REASON = 300
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class StudyScheduler(NotKept, FIFOScheduler):
    """Hands every report to the study, and stops the trials that the study decides to stop.

    Args:
        study: The study.
        live: The trials that Tune runs, by Tune's own identity of each.
    """

    def __init__(self, study: SweepStudy, live: Mapping[str, LiveTrial]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._study = study
        self._live = live

    def on_trial_result(self, tune_controller: object, trial: Trial, result: dict[str, Any]) -> str:
        """CONTINUE or STOP; a trial that says why it ends is left to do so."""
        if result["failure"] or result["stopped"]:
            return str(FIFOScheduler.CONTINUE)
        live = self._live[trial.trial_id]
        decision = self._study.report(live.proposal.index, result["training_step"], reported_metrics(result))
        live.stopped_early = decision == "STOP"
        return decision

    def on_trial_error(self, tune_controller: object, trial: Trial) -> None:
        """Note why the trial's process failed; the search is told next, if it is not started again."""
        live = self._live.get(trial.trial_id)
        if live is not None:
            live.error = failure_of(trial)


def failure_of(trial: Trial) -> str:
    """Why the process of a trial failed the last time."""
    return last_error(Path(trial.error_file).read_text()) if trial.error_file else "its process failed"


def last_error(log: str) -> str:
    """The last error in a log of tracebacks: what follows the last indented line."""
    lines = [line for line in _COLOUR.sub("", log).splitlines() if line.strip()]
    indented = [number for number, line in enumerate(lines) if line[0].isspace()]
    text = " ".join(lines[indented[-1] + 1 :] if indented else lines[-1:])
    text = text.partition(" Worker exit type:")[0]
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."
