"""Hypervolume over the steps spent, by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reports.runs import Curve, Run, Sweep
from reports.search_volume import search_volume

MakeSweep = Callable[..., Sweep]


def timed(run: Run, ended_ms: int | None, steps: int, **metrics: float) -> Run:
    curve = Curve(np.array([steps]), np.array([0.5]))
    return replace(run, ended_ms=ended_ms, curves={"AP": curve}, metrics=metrics)


@pytest.fixture(scope="module")
def sweep(make_sweep: MakeSweep) -> Sweep:
    return make_sweep(finalists=())


def test_steps_of_stopped_trials_count_and_their_results_do_not(sweep: Sweep) -> None:
    trials = (
        timed(sweep.trials[0], 300, 200, AP_S=0.2, AP=0.5),
        timed(sweep.trials[3], 100, 70, AP_S=0.9, AP=0.9),
        timed(sweep.trials[1], 400, 200, AP_S=0.4, AP=0.3),
        timed(replace(sweep.trials[4], state="RUNNING"), None, 50, AP_S=0.1, AP=0.1),
        timed(sweep.trials[5], 500, 30, AP_S=0.9, AP=0.9),
    )
    curve = search_volume(replace(sweep, trials=trials))
    assert list(curve.steps) == [270, 470, 500]
    assert list(curve.values) == pytest.approx([0.1, 0.1 + 0.2 * 0.3, 0.16])


def test_results_that_break_a_constraint_or_are_undefined_add_nothing(sweep: Sweep) -> None:
    own = replace(sweep.own, tags={**sweep.own.tags, "evsweep.constraints": "AP>=0.4"})
    trials = (
        timed(sweep.trials[0], 1, 200, AP_S=0.2, AP=0.5),
        timed(sweep.trials[1], 2, 200, AP_S=0.9, AP=0.3),
        timed(sweep.trials[2], 3, 200, AP=0.9),
    )
    curve = search_volume(replace(sweep, own=own, trials=trials))
    assert list(curve.values) == pytest.approx([0.1, 0.1])
    assert list(curve.steps) == [200, 600]


def test_without_a_result_there_is_no_curve(sweep: Sweep) -> None:
    assert len(search_volume(replace(sweep, trials=())).steps) == 0
    assert len(search_volume(replace(sweep, trials=sweep.trials[3:7])).steps) == 0
