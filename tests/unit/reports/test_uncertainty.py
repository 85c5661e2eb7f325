"""Intervals, chances of error and power on simulated evaluations whose truth is known."""

from collections.abc import Callable

import numpy as np
import pytest

from reports.comparison import Comparison
from reports.multiple import holm
from reports.uncertainty import Draws, Estimate, estimate

SEEDS = ((2, 2), (3, 3), (5, 5), (2, 3), (3, 5))
Simulate = Callable[..., list[Draws]]
NOISE = {"seed_spread": 0.08, "seed_by_recording": 0.05, "configuration_by_recording": 0.05}
"""Standard deviation over seeds of about two points, most of it on all recordings alike."""


def first(draws: Draws, seeds: int) -> Draws:
    return Draws(draws.point[:seeds], draws.resampled[:seeds], draws.effective_recordings)


def covered(estimates: list[Estimate], truth: float = 0.0) -> float:
    return float(np.mean([found.low <= truth <= found.high for found in estimates]))


@pytest.fixture(scope="module")
def equal_configurations(simulate: Simulate) -> list[list[Draws]]:
    """Two configurations that are equal but for their seeds and for chance on each recording, five seeds each."""
    rng = np.random.default_rng(0)
    return [simulate(rng, recordings=25, seeds=(5, 5), gains=(0.0, 0.0), **NOISE) for _ in range(500)]


@pytest.mark.parametrize(("seeds", "other_seeds"), SEEDS)
def test_intervals_over_seeds_and_recordings_cover_the_truth_in_93_to_97_percent(
    equal_configurations: list[list[Draws]], seeds: int, other_seeds: int
) -> None:
    found = [estimate([first(a, seeds), first(b, other_seeds)], (1, -1)) for a, b in equal_configurations]
    assert 0.93 <= covered(found) <= 0.97
    assert np.mean([one.p_value < 0.05 for one in found]) == pytest.approx(1 - covered(found))


def test_equal_configurations_are_called_different_in_at_most_5_percent_of_cases(
    equal_configurations: list[list[Draws]],
) -> None:
    alone, together = [], []
    for seeds, other_seeds in SEEDS:
        found = [
            Comparison(estimate([first(a, seeds), first(b, other_seeds)], (1, -1)), (seeds, other_seeds), 25)
            for a, b in equal_configurations
        ]
        alone += [one.verdict() != "not shown" for one in found]
        for pair in zip(found[::2], found[1::2], strict=True):  # as the answer does it, for two comparisons at once
            adjusted = holm([one.difference.p_value for one in pair])
            together.append(any(one.verdict(p) != "not shown" for one, p in zip(pair, adjusted, strict=True)))
    assert 0.01 < np.mean(alone) <= 0.05
    assert 0.01 < np.mean(together) <= 0.05


@pytest.mark.parametrize("recordings", [25, 60])
def test_intervals_of_a_single_run_cover_its_true_value_on_other_recordings(
    simulate: Simulate, recordings: int
) -> None:
    rng = np.random.default_rng(1)
    many = [simulate(rng, recordings=3000, seeds=(1,), gains=(0.0,), resamples=1)[0].point[0] for _ in range(20)]
    found = [estimate(simulate(rng, recordings=recordings, seeds=(1,), gains=(0.0,)), [1]) for _ in range(600)]
    assert 0.93 <= covered(found, float(np.mean(many))) <= 0.97
    assert not found[0].covers_seeds


def test_runs_of_one_seed_that_differ_by_chance_on_recordings_only_are_called_different_in_5_percent(
    simulate: Simulate,
) -> None:
    rng = np.random.default_rng(2)
    found = [estimate(simulate(rng, recordings=25, seeds=(1, 1), gains=(0, 0)), (1, -1)) for _ in range(600)]
    assert 0.93 <= covered(found) <= 0.97


def test_intervals_err_on_the_safe_side_where_seeds_differ_by_chance_on_recordings_only(simulate: Simulate) -> None:
    rng = np.random.default_rng(3)
    found = [estimate(simulate(rng, recordings=25, seeds=(3, 3), gains=(0, 0)), (1, -1)) for _ in range(300)]
    assert covered(found) >= 0.95


def test_a_gain_of_two_points_is_found_with_three_seeds(simulate: Simulate) -> None:
    rng = np.random.default_rng(4)
    noise = {"seed_spread": 0.015, "seed_by_recording": 0.03, "configuration_by_recording": 0.03, "truths": 120}
    found = [
        estimate(simulate(rng, recordings=30, seeds=(3, 3), gains=(0.08, 0.0), **noise), (1, -1)) for _ in range(60)
    ]
    assert np.mean([one.value for one in found]) == pytest.approx(0.02, abs=0.001)
    assert np.mean([one.low > 0 for one in found]) >= 0.75
