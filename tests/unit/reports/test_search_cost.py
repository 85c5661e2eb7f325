"""Steps and hours spent and saved, by hand."""

from collections.abc import Callable
from math import isnan

import pytest

from reports.runs import Run, Sweep
from reports.search_cost import hours_unit, search_cost

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]

CPU = {"hardware.device": "x86_64 CPU, 2 threads"}
GPU = {"hardware.device": "NVIDIA H200"}


def test_hours_follow_from_each_trials_speed_and_devices(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = bare_sweep(
        [
            bare_run(0, {"AP_S": {3600: 0.3}}, steps_per_second=1, tags=CPU, max_steps=3600),
            bare_run(1, {"AP_S": {1200: 0.2}}, state="PRUNED", steps_per_second=0.5, tags=CPU, max_steps=3600),
            bare_run(2, {"AP_S": {600: 0.2}}, state="FAILED", steps_per_second=1, tags=CPU, max_steps=3600),
        ]
    )
    cost = search_cost(sweep, sweep.trials, 3600)
    assert hours_unit(sweep) == "CPU-hours"
    assert cost.steps == 3600 + 1200 + 600
    assert cost.hours == pytest.approx(2 * (3600 / 1 + 1200 / 0.5 + 600 / 1) / 3600)
    assert cost.steps_saved == 2400
    assert cost.hours_saved == pytest.approx(2 * (2400 / 0.5) / 3600)


def test_a_trial_without_speed_counts_with_the_usual_one(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = bare_sweep(
        [
            *(bare_run(index, {"AP_S": {400: 0.3}}, steps_per_second=speed) for index, speed in enumerate((1, 2, 4))),
            bare_run(3, {"AP_S": {100: 0.3}}, state="PRUNED"),
        ]
    )
    cost = search_cost(sweep, sweep.trials[3:], 400)
    assert cost.hours == pytest.approx(100 / 2 / 3600)
    assert cost.hours_saved == pytest.approx(300 / 2 / 3600)


@pytest.mark.parametrize(
    ("share", "unit", "hours"),
    [
        ("0.25", "GPU-hours", 0.25),
        ("1", "GPU-hours", 1),
        ("1.0", "GPU-hours", 1),
        ("auto", "trial-hours", 1),
        ("7", "trial-hours", 1),
    ],
)
def test_a_share_of_a_gpu_counts_as_that_where_it_is_known(
    share: str, unit: str, hours: float, bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    runs = [bare_run(0, {"AP_S": {3600: 0.3}}, steps_per_second=1, tags=GPU)]
    sweep = bare_sweep(runs, settings={"gpus_per_trial": share})
    assert hours_unit(sweep) == unit
    assert search_cost(sweep, runs, 3600).hours == pytest.approx(hours)


def test_the_share_that_a_trial_held_counts_before_the_one_that_was_asked_for(
    bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    runs = [bare_run(0, {"AP_S": {3600: 0.3}}, steps_per_second=1, tags={**GPU, "evsweep.gpus": "0.5"})]
    sweep = bare_sweep(runs, settings={"gpus_per_trial": "auto"})
    assert (hours_unit(sweep), search_cost(sweep, runs, 3600).hours) == ("GPU-hours", pytest.approx(0.5))


def test_without_any_speed_hours_are_unknown_and_steps_are_not(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [bare_run(0, {"AP_S": {100: 0.3}}, state="PRUNED")]
    cost = search_cost(bare_sweep(runs), runs, None)
    assert (cost.steps, cost.steps_saved) == (100, 0)
    assert isnan(cost.hours)


def test_a_trial_that_trained_nothing_took_nothing(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [bare_run(0, {}, state="FAILED")]
    assert search_cost(bare_sweep(runs), runs, 400).hours == 0
