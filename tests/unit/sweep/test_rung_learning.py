"""What a search algorithm is shown of trials that were stopped early."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search_spaces.objectives import parse_objectives
from sweep.goals import Goals
from sweep.rung_learning import ENOUGH, RungLearning
from sweep.rungs import Decision
from sweep.samplers import build_sampler
from sweep.trial_records import State, TrialRecord

RUNGS = (10, 30)
FULL = 100
X = {"x": FloatDistribution(0.0, 1.0)}
ONE, TWO = (Goals(tuple(parse_objectives(names)), ()) for names in (("AP",), ("AP_S", "AP")))


class Watching(BaseSampler):
    """An algorithm that keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[FrozenTrial] = []

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        self.shown = [one for one in study.get_trials() if one.number != trial.number]
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return 0.5


def trial(
    values: Mapping[int, float], *, state: State = "PRUNED", x: float = 0.5, goals: Goals = ONE
) -> tuple[FrozenTrial, TrialRecord]:
    """A trial with AP, and half of it as AP_S, at steps."""
    reports = {step: {"AP": value, "AP_S": value / 2} for step, value in values.items()}
    decisions: dict[int, Decision] = {rung: "CONTINUE" for rung in RUNGS if rung in values}
    record = TrialRecord(
        index=0,
        name="",
        parameters={},
        known_point=None,
        config_hash="",
        seed=0,
        max_steps=FULL,
        state=state,
        reason="",
        reports=reports,
        rung_decisions=decisions,
        started=datetime(2026, 1, 1),
        ended=None,
    )
    final = list(goals.entry(record.last).values) if state == "COMPLETE" else None
    told = TrialState[state] if state in ("RUNNING", "COMPLETE", "PRUNED") else TrialState.FAIL
    return optuna.trial.create_trial(state=told, params={"x": x}, distributions=X, values=final), record


def shown(trials: list[tuple[FrozenTrial, TrialRecord]], goals: Goals = ONE) -> list[tuple[str, list[float] | None]]:
    watching = Watching()
    study = optuna.create_study(
        directions=["maximize"] * len(goals.objectives), sampler=RungLearning(watching, trials, goals, RUNGS)
    )
    study.ask().suggest_float("x", 0.0, 1.0)
    return [(one.state.name, one.values) for one in watching.shown]


def test_below_enough_results_at_any_rung_trials_are_shown_as_they_are() -> None:
    few = [trial({10: 0.1})] * (ENOUGH - 1) + [trial({10: 0.2, 30: 0.3, 100: 0.4}, state="COMPLETE")]
    assert shown(few[1:]) == [("PRUNED", None)] * (ENOUGH - 2) + [("COMPLETE", [0.4])]


def test_results_are_those_of_the_highest_rung_with_enough_of_them() -> None:
    stopped = [trial({10: 0.1 * place}) for place in range(ENOUGH)]
    assert shown(stopped) == [("COMPLETE", [0.1 * place]) for place in range(ENOUGH)]
    further = [trial({10: 0.1, 30: 0.2}) for _ in range(ENOUGH)]
    assert shown([*stopped, *further]) == [("PRUNED", None)] * ENOUGH + [("COMPLETE", [0.2])] * ENOUGH


def test_a_trial_at_full_budget_counts_with_what_it_had_at_the_rung() -> None:
    lucky = trial({10: 0.05, 30: 0.1, 100: 0.2}, state="COMPLETE")
    assert shown([lucky] + [trial({10: 0.3})] * ENOUGH)[0] == ("COMPLETE", [0.05])


def test_enough_results_at_full_budget_count_alone() -> None:
    complete = [trial({10: 0.1, 30: 0.2, 100: 0.4}, state="COMPLETE")] * ENOUGH
    assert shown([*complete, trial({10: 0.9})]) == [("COMPLETE", [0.4])] * ENOUGH + [("PRUNED", None)]


def test_stopped_trials_show_every_objective() -> None:
    assert shown([trial({10: 0.4}, goals=TWO)] * ENOUGH, TWO) == [("COMPLETE", [0.2, 0.4])] * ENOUGH


def test_running_trials_stay_running_and_failed_ones_failed() -> None:
    others = [trial({}, state="RUNNING"), trial({}, state="FAILED"), trial({10: float("nan")}, state="STOPPED")]
    assert [state for state, _ in shown([trial({10: 0.4})] * ENOUGH + others)[ENOUGH:]] == ["RUNNING", "FAIL", "FAIL"]


@pytest.mark.parametrize("search", ["tpe", "gp"])
def test_an_algorithm_prefers_what_was_good_at_a_rung_to_a_bad_trial_at_full_budget(search: Any) -> None:
    first = trial({10: 0.01, 30: 0.02, 100: 0.03}, state="COMPLETE", x=0.05)
    stopped = [trial({10: 1 - abs(x - 0.9)}, x=x) for x in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)]
    drawn = []
    for draw in range(8):
        sampler = RungLearning(build_sampler(search, 0, draw), [first, *stopped], ONE, RUNGS)
        drawn.append(optuna.create_study(direction="maximize", sampler=sampler).ask().suggest_float("x", 0.0, 1.0))
    assert sum(x > 0.6 for x in drawn) >= 6
