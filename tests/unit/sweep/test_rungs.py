import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from sweep.rungs import RungEntry, Rungs, rung_ranks, rung_steps
from trainable.errors import ConfigError


def entry(*values: float, violation: float = 0.0) -> RungEntry:
    return RungEntry(values, violation)


def test_rungs_grow_by_the_reduction_factor_and_stay_below_the_budget() -> None:
    rungs = rung_steps(200_000, grace_steps=20_000, reduction_factor=3, validation_interval=10_000)
    assert rungs == (20_000, 60_000, 180_000)


def test_a_rung_between_two_validations_moves_to_the_later_one() -> None:
    assert rung_steps(1000, grace_steps=50, reduction_factor=2, validation_interval=75) == (75, 150, 225, 450, 825)


def test_rungs_that_fall_on_one_validation_are_one() -> None:
    assert rung_steps(400, grace_steps=10, reduction_factor=3, validation_interval=100) == (100, 300)


def test_a_budget_without_a_validation_before_its_end_has_no_rung() -> None:
    assert rung_steps(100, grace_steps=10, reduction_factor=3, validation_interval=100) == ()


def test_every_impossible_argument_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        rung_steps(100, grace_steps=0, reduction_factor=1, validation_interval=10)
    assert "`grace_steps` must be at least 1, got 0" in str(caught.value)
    assert "`reduction_factor` must be at least 2, got 1" in str(caught.value)


def test_a_report_counts_at_the_highest_rung_that_it_passes() -> None:
    rungs = Rungs((100, 300, 900), 3)
    assert rungs.reached(99, None) is None
    assert rungs.reached(100, None) == 100
    assert rungs.reached(350, None) == 300


def test_a_trial_counts_once_at_a_rung_and_never_at_an_earlier_one() -> None:
    rungs = Rungs((100, 300, 900), 3)
    assert rungs.reached(200, 100) is None
    assert rungs.reached(300, 100) == 300
    assert rungs.reached(300, 300) is None


def test_the_first_trial_at_a_rung_goes_on_even_with_an_undefined_result() -> None:
    assert Rungs((100,), 3).decide([], entry(math.nan, math.nan)) == "CONTINUE"


def test_an_undefined_result_stops_once_there_are_others() -> None:
    assert Rungs((100,), 3).decide([entry(0.1), entry(0.2)], entry(math.nan)) == "STOP"


def test_a_share_of_the_results_goes_on() -> None:
    others = [entry(value / 10) for value in range(8)]
    decide = Rungs((100,), 3).decide
    assert decide(others, entry(0.55)) == "CONTINUE"  # third of nine
    assert decide(others, entry(0.45)) == "STOP"  # fourth of nine


def test_a_trade_off_survives_that_either_metric_alone_would_stop() -> None:
    others = [entry(0.9, 0.1), entry(0.1, 0.9), entry(0.2, 0.2), entry(0.3, 0.3), entry(0.1, 0.2)]
    others += [entry(0.85, 0.0), entry(0.0, 0.85), entry(0.8, 0.0)]
    own = entry(0.6, 0.6)
    decide = Rungs((100,), 3).decide
    assert decide(others, own) == "CONTINUE"
    for metric in (0, 1):
        assert decide([entry(other.values[metric]) for other in others], entry(own.values[metric])) == (
            "STOP" if metric == 0 else "CONTINUE"
        )


def test_a_result_that_breaks_a_constraint_stops_before_those_that_keep_it() -> None:
    others = [entry(0.2), entry(0.1)]
    assert Rungs((100,), 2).decide(others, entry(0.9, violation=0.05)) == "STOP"


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_one_objective_decides_as_rays_asha_does(factor: int) -> None:
    """Ray compares with a percentile of the others, which lies between two results unless their number fits.

    Where it does fit, or where the own result is not one of those two, the decisions must be the same.
    """
    draw = random.Random(factor)
    compared = stopped = 0
    for _ in range(30):
        ray = AsyncHyperBandScheduler(
            time_attr="step", metric="AP", mode="max", max_t=1000, grace_period=100, reduction_factor=factor, brackets=1
        )
        others: list[float] = []
        for number in range(25):
            # Equal results only where Ray's percentile is free of rounding errors.
            value = draw.random() if factor == 3 else draw.choice([draw.random(), round(draw.random(), 1)])
            trial = Trial("fake", trial_id=f"t{number}", stub=True)
            ray.on_trial_add(None, trial)
            theirs = ray.on_trial_result(None, trial, {"step": 100, "AP": value})
            ours = Rungs((100,), factor).decide([entry(other) for other in others], entry(value))
            better = sum(other > value for other in others)
            fits = (len(others) - 1) % factor == 0
            if not others or fits or better != (len(others) - 1) // factor + 1:
                assert ours == theirs
                compared += 1
                stopped += ours == "STOP"
            others.append(value)
    assert compared > 600
    assert stopped > 200


def test_where_no_result_keeps_the_constraints_yet_the_objectives_alone_decide() -> None:
    """AP_S and AP under AP >= 0.33, which no trial keeps early: the constraint must not make AP the only objective."""
    other, own = entry(0.02, 0.12, violation=0.21), entry(0.12, 0.10, violation=0.23)
    assert Rungs((100,), 3).decide([other], own) == "CONTINUE"
    assert Rungs((100,), 3).decide([own], other) == "STOP"


FRACTION = st.floats(0, 1, allow_subnormal=False)


@given(
    results=st.lists(st.tuples(FRACTION, FRACTION), min_size=1, max_size=12),
    bounds=st.tuples(st.floats(1.01, 2), st.floats(1.01, 2)),
    factor=st.integers(2, 4),
)
def test_a_bound_that_no_result_keeps_changes_no_decision(
    results: list[tuple[float, float]], bounds: tuple[float, float], factor: int
) -> None:
    decide = Rungs((100,), factor).decide
    free = [entry(*values) for values in results]
    bound = [entry(*values, violation=bounds[0] - values[0] + bounds[1] - values[1]) for values in results]
    assert decide(bound[:-1], bound[-1]) == decide(free[:-1], free[-1])


def test_results_that_break_a_constraint_follow_those_that_keep_it_by_their_objectives() -> None:
    entries = [entry(0.9, violation=0.3), entry(0.8, violation=0.1), entry(0.1), entry(0.7, violation=math.inf)]
    assert rung_ranks(entries) == [1, 2, 0, 3]
