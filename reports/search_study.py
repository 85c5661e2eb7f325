"""A sweep's search as a study of Optuna, for what Optuna computes and draws itself."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from reports.budget import final_value, value_at
from reports.configurations import parameter_value
from reports.runs import Run, RunState, Sweep
from search_spaces import Json, Space, SpaceError
from search_spaces.dimension import Dimension, Parameter
from search_spaces.ranges import Ratio

LEFT_OUT = "left_out"
"""Attribute of the study: why trials are not in it, one sentence each."""
INDEX = "index"
"""Attribute of a trial: its number in the sweep."""

_STATES: Mapping[RunState, TrialState] = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "RUNNING": TrialState.RUNNING,
    "FAILED": TrialState.FAIL,
    "STOPPED": TrialState.FAIL,
}


def search_study(sweep: Sweep, *, at_step: int | None = None) -> optuna.Study:
    """Build the study of a sweep's search in memory.

    Each trial has the parameters that are active in it. A trial that trained to the full budget is COMPLETE with the
    objectives there, one that was stopped at a rung PRUNED; both have the first objective's values at each validation.

    Args:
        sweep: The sweep.
        at_step: Compare at this optimizer step instead of the full budget: every trial with a validation there is
            COMPLETE with its values at that step, and no other is in the study.
    """
    left_out: list[str] = []
    trials: list[FrozenTrial] = []
    constraints = sweep.constraints
    for run in sweep.trials:
        try:
            parameters, distributions = ({}, {}) if sweep.space is None else _parameters(run, sweep.space)
        except SpaceError as error:
            left_out.append(f"{run.name} is left out: {'; '.join(error.mistakes)}")
            continue
        judged = (*sweep.objectives, *(constraint.metric for constraint in constraints))
        if at_step is None:
            state, found = _STATES[run.state], {name: final_value(run, name) for name in judged}
        else:
            state, found = TrialState.COMPLETE, {name: value_at(run, name, at_step) for name in judged}
        values = [found[name] for name in sweep.objectives]
        if state == TrialState.COMPLETE and not all(map(isfinite, values)):
            if at_step is not None:
                continue
            state = TrialState.FAIL
        complete = state == TrialState.COMPLETE
        trials.append(
            create_trial(
                state=state,
                values=values if complete else None,
                params=parameters,
                distributions=distributions,
                user_attrs={INDEX: run.index, "name": run.name},
                intermediate_values=_intermediate_values(run, sweep.objectives[0]),
                constraints={str(bound): bound.violation(found) for bound in constraints} if complete else None,
            )
        )
    study = study_of(len(sweep.objectives), trials)
    study.set_user_attr(LEFT_OUT, left_out)
    return study


def short_names(space: Space) -> dict[str, str]:
    """Each parameter of the study by its name in short, as in the trials' names; those that repeat stay long."""
    short = {dimension.key: dimension.short_name for dimension in space.dimensions}
    repeated = {name for name in short.values() if list(short.values()).count(name) > 1}
    short = {key: key if name in repeated else name for key, name in short.items()}
    names: dict[str, str] = {}
    for dimension in space.dimensions:
        name = short[dimension.key]
        if isinstance(dimension, Ratio):
            name = f"{name} / {short.get(dimension.ratio_of, dimension.ratio_of)}"
        names[dimension.parameter_name] = name
    return names


def renamed(study: optuna.Study, names: Mapping[str, str]) -> optuna.Study:
    """The complete trials of a study, with other names for their parameters.

    Args:
        study: The study.
        names: Parameter to its new name; those left out keep theirs.
    """
    return study_of(
        len(study.directions),
        [
            create_trial(
                values=trial.values,
                params={names.get(name, name): value for name, value in trial.params.items()},
                distributions={names.get(name, name): one for name, one in trial.distributions.items()},
                user_attrs=trial.user_attrs,
                constraints=trial.constraints,
            )
            for trial in complete_trials(study)
        ],
    )


def complete_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials in order; not to be changed."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def study_of(objectives: int, trials: Sequence[FrozenTrial]) -> optuna.Study:
    """A study in memory.

    Args:
        objectives: Their number; all are maximised.
        trials: Its trials; the study numbers them anew.
    """
    with _quiet():
        study = optuna.create_study(directions=["maximize"] * objectives)
    study.add_trials(trials)
    return study


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna announces every study that it makes."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _intermediate_values(run: Run, metric: str) -> dict[int, float]:
    curve = run.curves.get(metric)
    return {} if curve is None else dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))


def _parameters(run: Run, space: Space) -> tuple[dict[str, Parameter], dict[str, BaseDistribution]]:
    """A run's active parameters as Optuna knows them, and what they were drawn from.

    Raises:
        SpaceError: A value is missing or lies outside the space.
    """
    logged = {key: parameter_value(text) for key, text in run.parameters.items()}
    keys = {dimension.key for dimension in space.dimensions}
    conditions = {key for dimension in space.dimensions for key in dimension.when} - keys
    values: dict[str, Json] = dict(space.fixed) | {key: logged[key] for key in conditions if key in logged}
    parameters: dict[str, Parameter] = {}
    distributions: dict[str, BaseDistribution] = {}
    for dimension in space.dimensions:
        if not dimension.is_active(values):
            continue
        if dimension.key not in logged:
            raise SpaceError([f"`{dimension.key}` was not recorded"])
        name = dimension.parameter_name
        parameters[name] = _parameter(dimension, logged[dimension.key], values)
        asked = FixedTrial({name: parameters[name]})
        values[dimension.key] = dimension.suggest(asked, values)
        distributions |= asked.distributions
    return parameters, distributions


def _parameter(dimension: Dimension, value: Json, values: Mapping[str, Json]) -> Parameter:
    """Optuna's parameter for a recorded value; a configuration holds some integers as floats."""
    if isinstance(value, float) and value.is_integer() and not dimension.contains(value, values):
        value = int(value)
    return dimension.parameter(value, values)
