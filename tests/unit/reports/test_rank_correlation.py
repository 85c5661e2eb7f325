"""Rank correlation and overtaking, by hand and by simulation."""

from math import asin, isnan, nan, pi, sqrt

import numpy as np
import pytest

from reports.rank_correlation import rank_correlation


def test_counts_are_those_found_by_hand() -> None:
    early = np.array([1.0, 2.0, 3.0, 4.0])
    late = np.array([20.0, 10.0, 40.0, 30.0])
    found = rank_correlation(early, late)
    # 6 pairs, of which 2 turned round: (1, 2) and (3, 4).
    assert found.trials == 4
    assert found.tau == pytest.approx((4 - 2) / 6)
    assert found.overtaking == 2
    assert found.share_overtaking == 0.5
    assert found.largest_gap == 1.0
    assert isnan(found.low)
    assert isnan(found.high)


def test_ties_count_as_in_tau_b_and_overtake_nobody() -> None:
    found = rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert found.tau == pytest.approx(2 / sqrt(2 * 3))
    assert found.overtaking == 0
    assert found.largest_gap == 0.0


def test_largest_gap_is_the_distance_that_was_made_up() -> None:
    found = rank_correlation(np.array([0.1, 0.5, 0.9]), np.array([0.6, 0.5, 0.7]))
    assert found.overtaking == 1
    assert found.largest_gap == pytest.approx(0.4)


@pytest.mark.parametrize("early", [[], [1.0], [1.0, 1.0, 1.0], [nan, nan], [nan, 1.0]])
def test_too_little_gives_undefined_values_and_no_error(early: list[float]) -> None:
    found = rank_correlation(np.array(early), np.arange(len(early), dtype=float))
    assert isnan(found.tau)
    assert found.largest_gap == 0.0


def test_trials_without_both_results_are_left_out() -> None:
    found = rank_correlation(np.array([1.0, nan, 2.0, 3.0]), np.array([1.0, 9.0, nan, 3.0]))
    assert found.trials == 2
    assert found.tau == 1.0


def test_a_few_trials_in_unchanged_order_are_no_certainty() -> None:
    few, many = (rank_correlation(np.arange(float(n)), np.arange(float(n))) for n in (8, 200))
    assert few.low < 0.9
    assert few.low < many.low < 1
    assert (few.high, many.high) == pytest.approx((1, 1))


@pytest.mark.parametrize(("trials", "correlation"), [(12, 0.0), (30, 0.5), (30, 0.9)])
def test_intervals_hold_the_true_value_in_about_95_percent_of_simulations(trials: int, correlation: float) -> None:
    rng = np.random.default_rng(1)
    true, inside, simulations = 2 / pi * asin(correlation), 0, 400
    for _ in range(simulations):
        early = rng.normal(size=trials)
        late = correlation * early + sqrt(1 - correlation**2) * rng.normal(size=trials)
        found = rank_correlation(early, late)
        inside += found.low <= true <= found.high
    assert 0.90 <= inside / simulations <= 0.99
