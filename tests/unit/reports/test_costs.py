"""Costs from what a run recorded, and nothing where it recorded nothing."""

from collections.abc import Callable
from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from reports.costs import gpu_peak_mib, host_mib, model_parameters, training_hours
from reports.runs import Curve, Run

MakeRun = Callable[..., Run]


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Run:
    return make_run(90, left_out=("match_records",))


def test_training_time_adds_up_each_stretch_of_steps(run: Run) -> None:
    curve = Curve(np.array([100, 150, 350]), np.array([2.0, 5.0, 4.0]))
    timed = replace(run, curves={"speed/steps_per_second": curve})
    assert training_hours(timed) == pytest.approx((100 / 2 + 50 / 5 + 200 / 4) / 3600)


@pytest.mark.parametrize("values", [[], [0.0]])
def test_without_a_speed_there_is_no_time(run: Run, values: list[float]) -> None:
    curve = Curve(np.arange(len(values)), np.array(values))
    assert isnan(training_hours(replace(run, curves={"speed/steps_per_second": curve})))
    assert isnan(training_hours(replace(run, curves={})))


@pytest.mark.parametrize("steps", [[0], [-5, 10]])
def test_steps_that_no_training_has_give_no_time(run: Run, steps: list[int]) -> None:
    curve = Curve(np.array(steps), np.full(len(steps), 2.0))
    assert isnan(training_hours(replace(run, curves={"speed/steps_per_second": curve})))


def test_memory_is_the_highest_of_all_processes(run: Run) -> None:
    curve = Curve(np.array([1, 2, 3]), np.array([500.0, 900.0, 700.0]))
    measured = replace(run, curves={"memory/gpu_peak_mib": curve}, metrics={"memory/gpu_peak_mib": 700.0})
    assert gpu_peak_mib(measured) == 900
    assert isnan(host_mib(measured))


@pytest.mark.parametrize(("text", "number"), [("4400000", 4.4e6), ("", None), ("many", None), ("-3", None)])
def test_parameters_are_counted_where_the_tag_is_a_number(run: Run, text: str, number: float | None) -> None:
    found = model_parameters(replace(run, tags={"model.parameters": text}))
    assert isnan(found) if number is None else found == number
