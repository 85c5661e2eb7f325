"""What a search algorithm learns from where trials are stopped early: the results of one rung, all at the same step."""

from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sweep.goals import Goals
from sweep.samplers import quiet
from sweep.trial_records import TrialRecord

ENOUGH = 6
"""Results at a rung from which the algorithm may learn; before, it takes the rung below."""


class RungLearning(BaseSampler):
    """A search algorithm that is shown the trials as they were at the highest rung that enough of them have reached.

    Optuna takes any trial at full budget for better than any that was stopped. But the first trials go on from a rung
    whatever they are worth, as there is nothing yet to compare them with, so the algorithm would first search around
    those; and of several objectives it would see no values of stopped trials at all. Results of one rung can be
    compared. What was stopped below it counts as worse than all of them, as its results were when it was stopped.
    Constraints, which bind results at full budget, are heeded once there are enough of those.

    Source: Falkner et al. 2018 (BOHB), whose model is that of the largest budget with enough results. Deviation: trials
    stopped below it are used as well.

    Args:
        algorithm: The search algorithm; it must keep nothing in the study.
        trials: Optuna's trials with their records.
        goals: What results are judged by.
        rungs: Rising steps of the rungs.
    """

    def __init__(
        self,
        algorithm: BaseSampler,
        trials: Sequence[tuple[FrozenTrial, TrialRecord]],
        goals: Goals,
        rungs: Sequence[int],
    ) -> None:
        self._algorithm = algorithm
        with quiet():
            self._shown = optuna.create_study(directions=["maximize"] * len(goals.objectives))
        rung = _highest_rung([record for _, record in trials], rungs)
        for trial, record in trials:
            self._shown.add_trial(_as_it_was(trial, record, rung, goals))
        self._shown.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING))
        self._own = self._shown.get_trials(deepcopy=False)[-1]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the algorithm does, from the trials that it is shown."""
        return self._algorithm.infer_relative_search_space(self._shown, self._own)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As the algorithm does, from the trials that it is shown."""
        return self._algorithm.sample_relative(self._shown, self._own, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As the algorithm does, from the trials that it is shown."""
        return self._algorithm.sample_independent(self._shown, self._own, param_name, param_distribution)


def _highest_rung(records: Sequence[TrialRecord], rungs: Sequence[int]) -> int | None:
    """The highest rung with enough results; none where it is the full budget, or no rung has enough."""
    if sum(record.state == "COMPLETE" for record in records) >= ENOUGH:
        return None
    reached = (rung for rung in reversed(rungs) if sum(rung in one.rung_decisions for one in records) >= ENOUGH)
    return next(reached, None)


def _as_it_was(trial: FrozenTrial, record: TrialRecord, rung: int | None, goals: Goals) -> FrozenTrial:
    """A trial as the algorithm is shown it; without a rung, as it is."""
    if rung is None:
        return _copy(trial, trial.state, trial.values, trial.system_attrs)
    if rung in record.rung_decisions:
        values = goals.entry(record.at_rung(rung)).values
        if all(value == value for value in values):
            return _copy(trial, TrialState.COMPLETE, list(values))
    match record.state:
        case "RUNNING":
            return _copy(trial, TrialState.RUNNING)
        case "PRUNED":
            return _copy(trial, TrialState.PRUNED)
        case _:
            return _copy(trial, TrialState.FAIL)


def _copy(
    trial: FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    return optuna.trial.create_trial(
        state=state,
        params=trial.params,
        distributions=trial.distributions,
        values=values,
        system_attrs=dict(system_attrs or {}),
        intermediate_values=trial.intermediate_values,
    )
