"""The trials of a sweep as a user follows them: what the study decided, and how far the run folders are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from search_spaces.objectives import HEADLINE_METRICS
from sweep.folder import Phase, SweepFolder
from sweep.record import SweepRecord, open_study
from sweep.run_progress import RunProgress

if TYPE_CHECKING:
    from sweep.trial_records import TrialRecord

RowState = Literal["RUNNING", "PAUSED", "COMPLETE", "PRUNED", "FAILED", "STOPPED"]


@dataclass(frozen=True)
class TrialRow:
    """One trial of a sweep.

    Attributes:
        index: Its number.
        label: Its known point, its seed where it has one of its own, and its parameters in short.
        state: What became of it.
        reason: Why it was stopped, failed or waits; empty otherwise.
        step: Optimizer steps done.
        max_steps: Its full budget.
        seconds_left: Estimate until its full budget; NaN where it does not run or its speed is not known.
        steps_per_second: NaN where it is not known.
        metrics: The newest validation.
        best: The best value so far of each metric.
        resumed: How often it was continued from a checkpoint.
        seed: Its seed.
        pareto: Whether no other complete trial is at least as good in every objective and better in one.
    """

    index: int
    label: str
    state: RowState
    reason: str
    step: int
    max_steps: int
    seconds_left: float
    steps_per_second: float
    metrics: Mapping[str, float]
    best: Mapping[str, float]
    resumed: int
    seed: int
    pareto: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more will be trained."""
        return self.state not in ("RUNNING", "PAUSED")

    def to_json(self) -> dict[str, object]:
        """The row as JSON types; undefined numbers are `None`."""
        return {
            "index": self.index,
            "label": self.label,
            "state": self.state,
            "reason": self.reason,
            "step": self.step,
            "max_steps": self.max_steps,
            "steps_per_second": defined(self.steps_per_second),
            "seconds_left": defined(self.seconds_left),
            "metrics": {name: defined(value) for name, value in self.metrics.items()},
            "best": {name: defined(value) for name, value in self.best.items()},
            "resumed": self.resumed,
            "seed": self.seed,
            "pareto": self.pareto,
        }


class TrialRows:
    """Reads the trials of a sweep's phase again and again, while a driver and trials write.

    Args:
        folder: The sweep.
        phase: Which trials.

    Attributes:
        record: The sweep's record.
        metrics: The metrics worth a column, objectives first.
    """

    def __init__(self, folder: SweepFolder, phase: Phase = "trials") -> None:
        self.record = SweepRecord.read(folder)
        self.metrics = tuple(dict.fromkeys((*self.record.settings.objectives, *HEADLINE_METRICS)))
        self._folder = folder
        self._phase: Phase = phase
        self._study = open_study(folder, phase)
        self._progress: dict[int, RunProgress] = {}

    def read(self) -> list[TrialRow]:
        """All trials by number."""
        pareto = {trial.index for trial in self._study.pareto()}
        return [self._row(trial, trial.index in pareto) for trial in self._study.trials()]

    def ranked(self) -> list[TrialRow]:
        """The best trial first; those that ran to the full budget come before those that were stopped."""
        rows = {row.index: row for row in self.read()}
        ranked = [rows.pop(trial.index) for trial in self._study.ranked() if trial.index in rows]
        return ranked + list(rows.values())

    def _row(self, trial: "TrialRecord", pareto: bool) -> TrialRow:
        progress = self._progress.get(trial.index)
        if progress is None:
            progress = RunProgress(self._folder.run_directory(self._phase, trial.index))
            self._progress[trial.index] = progress
        progress.refresh()
        step = max(progress.step, trial.last_step)
        metrics = progress.metrics if trial.state == "RUNNING" else trial.last
        paused = trial.state == "RUNNING" and progress.paused != ""
        left = math.nan
        if trial.state == "RUNNING" and progress.steps_per_second > 0:
            left = max(trial.max_steps - step, 0) / progress.steps_per_second
        return TrialRow(
            index=trial.index,
            label=trial.name.partition(" ")[2],
            state="PAUSED" if paused else trial.state,
            reason=progress.paused if paused else trial.reason,
            step=step,
            max_steps=trial.max_steps,
            seconds_left=left,
            steps_per_second=progress.steps_per_second,
            metrics={name: metrics[name] for name in self.metrics if name in metrics},
            best=trial.best,
            resumed=progress.resumed,
            seed=trial.seed,
            pareto=pareto,
        )


def defined(value: float) -> float | None:
    """The value, or `None` for NaN, which JSON cannot hold."""
    return None if math.isnan(value) else value
