"""How many seeds would do, against simulated evaluations."""

from collections.abc import Callable

import numpy as np
import pytest

from reports.needed_seeds import with_seeds
from reports.uncertainty import Draws, variance

Simulate = Callable[..., list[Draws]]


def test_the_variance_with_more_seeds_is_foreseen_from_a_few(simulate: Simulate) -> None:
    rng = np.random.default_rng(2)
    settings = {"recordings": 24, "gains": (0.0, 0.1), "seed_spread": 0.15, "seed_by_recording": 0.3, "resamples": 64}
    few, foreseen, many = [], [], []
    for _ in range(60):
        found = variance(simulate(rng, seeds=(3, 3), **settings), (1, -1))
        found_with_more = variance(simulate(rng, seeds=(9, 9), **settings), (1, -1))
        assert found is not None
        assert found_with_more is not None
        few.append(found.total)
        foreseen.append(with_seeds(found, 3 / 9, degrees=16).total)
        many.append(found_with_more.total)
    assert np.mean(foreseen) == pytest.approx(np.mean(many), rel=0.3)
    assert np.mean(few) > 2 * np.mean(many)


def test_as_many_seeds_as_there_are_leave_the_variance_as_it_is(simulate: Simulate) -> None:
    found = variance(simulate(np.random.default_rng(1), recordings=12, seeds=(3, 3), gains=(0, 0)), (1, -1))
    assert found is not None
    assert with_seeds(found, 1.0, degrees=4).total == pytest.approx(found.total)
