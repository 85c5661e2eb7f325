"""A sweep's rungs and full budget, and its runs' results there."""

import json
from math import isnan, nan
from typing import Final, TypeGuard

from reports.runs import Run, Sweep

MOST_STEPS: Final = 2**53
"""What is recorded as larger is no number of steps, and could not be counted with."""


def rungs(sweep: Sweep) -> tuple[int, ...]:
    """Optimizer steps at which trials were compared, rising; empty where none was stopped or that is unknown."""
    steps = _json(sweep.own.parameters.get("rungs", ""))
    if not isinstance(steps, list):
        return ()
    end = full_budget(sweep)
    return tuple(sorted({step for step in steps if _is_step(step) and (end is None or step < end)}))


def full_budget(sweep: Sweep) -> int | None:
    """Optimizer steps of a trial that runs to the end; none where that is unknown."""
    for run in (*sweep.trials, *sweep.confirmations):
        steps = _json(run.parameters.get("training.max_steps", ""))
        if _is_step(steps):
            return steps
    return max((run.last_step for run in sweep.trials if run.state == "COMPLETE"), default=0) or None


def final_value(run: Run, metric: str) -> float:
    """A metric in the last validation of a run that trained to the full budget; NaN for others and where undefined."""
    if run.state != "COMPLETE":
        return nan
    curve = run.curves.get(metric)
    return run.metrics.get(metric, nan) if curve is None else curve.at(run.last_step)


def value_at(run: Run, metric: str, step: int) -> float:
    """A metric in a run's validation at a step; NaN where there is none."""
    curve = run.curves.get(metric)
    return nan if curve is None else curve.at(step)


def stopped_at(run: Run) -> int | None:
    """The optimizer step at which a trial was stopped early; none where it was not."""
    return run.last_step if run.state == "PRUNED" else None


def first_rung(sweep: Sweep) -> int | None:
    """The first step at which at least two trials have a result in every objective; none where there is none."""
    for step in rungs(sweep):
        judged = [all(not isnan(value_at(run, name, step)) for name in sweep.objectives) for run in sweep.trials]
        if sum(judged) > 1:
            return step
    return None


def _is_step(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < MOST_STEPS


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
