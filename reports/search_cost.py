"""Steps and hours that trials took, and what stopping some of them early saved."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import median

from reports.costs import training_hours
from reports.runs import Run, Sweep


@dataclass(frozen=True)
class Cost:
    """What some trials took.

    Attributes:
        trials: Their number.
        steps: Optimizer steps that they trained.
        hours: Device hours of these steps; NaN where no trial's speed is known.
        steps_saved: Optimizer steps that those stopped at rungs did not train.
        hours_saved: Device hours of these at each trial's own speed; NaN likewise.
    """

    trials: int
    steps: int
    hours: float
    steps_saved: int
    hours_saved: float


def search_cost(sweep: Sweep, runs: Sequence[Run], full_budget: int | None) -> Cost:
    """Add up what trials took.

    A trial whose speed is unknown counts with the median of all trials' time a step. Only trials stopped at rungs save
    anything: those that failed or still run may have to train on.

    Args:
        sweep: The sweep, whose other trials' speeds stand in for unknown ones.
        runs: Some of its runs.
        full_budget: Optimizer steps of a trial that runs to the end; none: savings are unknown and count as 0.
    """
    usual = median_hours_a_step(sweep)
    spent = [(run.last_step, _hours_a_step(sweep, run, usual)) for run in runs]
    saved = [
        (max(full_budget - run.last_step, 0), hours)
        for run, (_, hours) in zip(runs, spent, strict=True)
        if full_budget is not None and run.state == "PRUNED"
    ]
    return Cost(
        len(runs), sum(steps for steps, _ in spent), _total(spent), sum(steps for steps, _ in saved), _total(saved)
    )


def hours_unit(sweep: Sweep) -> str:
    """What the hours are counted in."""
    devices = {_device(sweep, run)[1] for run in (*sweep.trials, *sweep.confirmations)}
    return devices.pop() if len(devices) == 1 else "trial-hours"


def median_hours_a_step(sweep: Sweep) -> float:
    """Device hours of one optimizer step of the trial in the middle; NaN where no speed is known."""
    known = [_hours_a_step(sweep, run, nan) for run in (*sweep.trials, *sweep.confirmations)]
    known = [hours for hours in known if not isnan(hours)]
    return median(known) if known else nan


def _hours_a_step(sweep: Sweep, run: Run, otherwise: float) -> float:
    """Time from the run's speed curve, over the steps that the curve covers, times the devices that it holds."""
    curve = run.curves.get("speed/steps_per_second")
    hours = training_hours(run)
    if curve is None or isnan(hours):
        return otherwise
    return hours / int(curve.steps[-1]) * _device(sweep, run)[0]


def _device(sweep: Sweep, run: Run) -> tuple[float, str]:
    """How many devices a run held, and the unit of its hours."""
    device = run.tags.get("hardware.device", "")
    threads = re.search(r"\bCPU, (\d{1,4}) threads?", device)
    if threads is not None:
        return float(threads[1]), "CPU-hours"
    held = run.tags.get("evsweep.gpus") or sweep.own.parameters.get("gpus_per_trial", "")
    share = re.fullmatch(r"0?\.\d{1,9}|1(\.0)?", held)
    if device and share is not None and float(share[0]) > 0:
        return float(share[0]), "GPU-hours"
    return 1.0, "trial-hours"


def _total(parts: Iterable[tuple[int, float]]) -> float:
    """Steps times hours a step, added up; trials without steps took none."""
    return float(sum(steps * hours for steps, hours in parts if steps))
