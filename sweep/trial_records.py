"""What a study holds of a trial: its proposal, its reports with what was decided, and its end."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from optuna.trial import FrozenTrial

from search_spaces.space import Json
from sweep.rungs import Decision

State = Literal["RUNNING", "COMPLETE", "PRUNED", "FAILED", "STOPPED"]
"""PRUNED: stopped at a rung. STOPPED: stopped by hand."""

PROPOSAL = "proposal"
END = "end"
_REPORT = "report:"


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the study knows it.

    Attributes:
        index: Consecutive number of the trial in its study, from 0.
        name: The index and the parameters, for people.
        parameters: Dotted configuration key to value, without what is fixed for all trials.
        known_point: Name of the space's known point that it is, if it is one.
        config_hash: Hash of its effective configuration.
        seed: Its random seed.
        max_steps: Its full budget in optimizer steps.
        state: Where it stands.
        reason: Why it ended, where it did not simply complete.
        reports: Optimizer step to metrics: objectives, constraints and headlines; NaN where undefined.
        rung_decisions: Rung to what was decided there.
        started: When it was proposed.
        ended: When it ended.
    """

    index: int
    name: str
    parameters: dict[str, Json]
    known_point: str | None
    config_hash: str
    seed: int
    max_steps: int
    state: State
    reason: str
    reports: dict[int, dict[str, float]]
    rung_decisions: dict[int, Decision]
    started: datetime | None
    ended: datetime | None

    @property
    def best(self) -> dict[str, float]:
        """The highest value so far of each reported metric; NaN where it was never defined."""
        names = {name for metrics in self.reports.values() for name in metrics}
        return {name: _highest(metrics[name] for metrics in self.reports.values()) for name in sorted(names)}

    @property
    def last_step(self) -> int:
        """Optimizer step of the last report, 0 before the first."""
        return max(self.reports, default=0)

    @property
    def last(self) -> dict[str, float]:
        """The metrics of the last report: the result, where the trial is complete. Empty before the first."""
        return self.reports.get(self.last_step, {})

    @property
    def last_rung(self) -> int | None:
        """The last rung at which the trial was compared."""
        return max(self.rung_decisions, default=None)

    def at_rung(self, rung: int) -> dict[str, float]:
        """The metrics with which the trial was compared at a rung: those of its first report there."""
        return self.reports[min(step for step in self.reports if step >= rung)]

    @property
    def failed_at_once(self) -> bool:
        """Whether it failed without a single report."""
        return self.state == "FAILED" and not self.reports

    @property
    def stopped_at_a_rung(self) -> bool:
        """Whether it was decided that the trial ends early."""
        return "STOP" in self.rung_decisions.values()


def read_trial(trial: FrozenTrial) -> TrialRecord | None:
    """The record of an Optuna trial; none where it never became a trial of the sweep."""
    proposal = trial.user_attrs.get(PROPOSAL)
    if proposal is None:
        return None
    reports, decisions = {}, {}
    for key, content in trial.user_attrs.items():
        if key.startswith(_REPORT):
            step = int(key.removeprefix(_REPORT))
            reports[step] = {name: math.nan if value is None else value for name, value in content["metrics"].items()}
            if content["rung"] is not None:
                decisions[content["rung"]] = content["decision"]
    end = trial.user_attrs.get(END, {"state": "RUNNING", "reason": ""})
    return TrialRecord(
        **proposal,
        state=end["state"],
        reason=end["reason"],
        reports=dict(sorted(reports.items())),
        rung_decisions=dict(sorted(decisions.items())),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )


def report_entry(
    step: int, metrics: Mapping[str, float], rung: int | None, decision: Decision
) -> tuple[str, dict[str, Any]]:
    """Key and JSON value under which a report is kept, together with what was decided on it."""
    values = {name: None if math.isnan(value) else float(value) for name, value in metrics.items()}
    return f"{_REPORT}{step:09d}", {"metrics": values, "rung": rung, "decision": decision}


def _highest(values: Iterable[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)
