"""What the rungs stopped, and whether what they stopped would plausibly have caught up."""

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from reports.budget import final_value, rungs, stopped_at, value_at
from reports.rank_correlation import RankCorrelation, rank_correlation
from reports.runs import Run, Sweep


@dataclass(frozen=True)
class StoppedTrial:
    """A trial that was stopped at a rung.

    Attributes:
        run: The trial.
        value: The first objective at the rung; NaN where it is unknown.
        behind_best: How far it was behind the trial that ended best, at the same rung; negative where it was ahead, NaN
            where unknown.
    """

    run: Run
    value: float
    behind_best: float


@dataclass(frozen=True)
class RungReview:
    """One rung, by the first objective.

    Attributes:
        step: Its optimizer step.
        reached: Trials with a result there.
        stopped: Trials that were stopped there, those closest to the best first.
        lowest_going_on: The lowest result of a trial that trained on; NaN where none did.
        to_next: How much the order at the rung is that at the next stage, the next rung or the end.
        to_end: How much it is the final order.
    """

    step: int
    reached: int
    stopped: tuple[StoppedTrial, ...]
    lowest_going_on: float
    to_next: RankCorrelation
    to_end: RankCorrelation

    @property
    def might_have_won(self) -> int | None:
        """Stopped trials no farther behind than the largest distance that a trial made up later.

        None where fewer than two trials came to the end, so that none can have made up anything.
        """
        if self.to_end.trials < 2:
            return None
        return sum(one.behind_best <= self.to_end.largest_gap for one in self.stopped)


def review_rungs(sweep: Sweep) -> tuple[RungReview, ...]:
    """Review every rung that a trial has reached, from the first on."""
    objective = sweep.objectives[0]
    final = np.array([final_value(run, objective) for run in sweep.trials])
    steps = rungs(sweep)
    values = [np.array([value_at(run, objective, step) for run in sweep.trials]) for step in steps]
    stages = [*values, final]
    best = None if np.isnan(final).all() else int(np.nanargmax(final))
    found = []
    for place, (step, at_rung) in enumerate(zip(steps, values, strict=True)):
        if np.isnan(at_rung).all():
            continue
        stopped = [
            StoppedTrial(run, float(value), nan if best is None else float(at_rung[best] - value))
            for run, value in zip(sweep.trials, at_rung, strict=True)
            if stopped_at(run) == step
        ]
        found.append(
            RungReview(
                step=step,
                reached=int((~np.isnan(at_rung)).sum()),
                stopped=tuple(sorted(stopped, key=_closest_first)),
                lowest_going_on=_lowest(sweep, at_rung, step),
                to_next=rank_correlation(at_rung, stages[place + 1]),
                to_end=rank_correlation(at_rung, final),
            )
        )
    return tuple(found)


def _closest_first(one: StoppedTrial) -> tuple[bool, float, int]:
    return isnan(one.behind_best), 0.0 if isnan(one.behind_best) else one.behind_best, one.run.index or 0


def _lowest(sweep: Sweep, at_rung: NDArray[np.float64], step: int) -> float:
    going_on = [value for run, value in zip(sweep.trials, at_rung.tolist(), strict=True) if run.last_step > step]
    return min((value for value in going_on if not isnan(value)), default=nan)
