"""How much of what is conceivable a search had found after how many training steps."""

from math import isnan, nan

import numpy as np

from reports.runs import Curve, Sweep
from search_spaces.objectives import total_violation
from search_spaces.ranking import hypervolume, pareto_front


def search_volume(sweep: Sweep) -> Curve:
    """The exact hypervolume of the search's results in the sweep's objectives, from the reference point 0.

    A result is that of a trial with the full budget that keeps the constraints and in which all objectives are defined.
    It counts when its trial ends, and so do all steps of every trial, whether it was stopped or not: trials at once and
    trials one after the other give the same curve if they end in the same order.

    Args:
        sweep: Whose search is meant; confirming runs are no part of it.

    Returns:
        Over the steps of all trials that have ended, a point where the volume grew and one at the end; empty without a
        result. With objectives that are shares, 1 is what perfect results would cover.
    """
    ended = sorted((run.ended_ms, run.run_id, run) for run in sweep.trials if run.ended_ms is not None)
    steps, volume = 0, 0.0
    front: list[tuple[float, ...]] = []
    points: dict[int, float] = {}
    for _, _, run in ended:
        steps += run.last_step
        values = tuple(run.metrics.get(name, nan) for name in sweep.objectives)
        bounded = {bound.metric: run.metrics.get(bound.metric, nan) for bound in sweep.constraints}
        counts = run.state == "COMPLETE" and not any(map(isnan, values))
        if counts and total_violation(sweep.constraints, bounded) == 0:
            found = [*front, values]
            front = [found[place] for place in pareto_front(found)]
            grown = hypervolume(front, [0.0] * len(values))
            if grown > volume or not points:
                volume = points[steps] = grown
    if points:
        points[steps] = volume
    return Curve(np.array(list(points), np.int64), np.array(list(points.values()), np.float64))
