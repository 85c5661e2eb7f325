"""Importance of parameters where it is known what the objective depends on."""

from collections.abc import Callable

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import create_trial

from reports.parameter_importance import LEAST_TRIALS, best_trials, importances
from reports.search_study import study_of

UNIT = FloatDistribution(0, 1)
KIND = CategoricalDistribution(["step", "smooth"])


def study(trials: int, objective: Callable[[dict[str, object], np.random.Generator], float]) -> optuna.Study:
    """Random trials: `a` and `b` always, `width` only where the kind is `step`."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(trials):
        point: dict[str, object] = {"a": rng.random(), "b": rng.random(), "kind": str(rng.choice(["step", "smooth"]))}
        distributions: dict[str, BaseDistribution] = {"a": UNIT, "b": UNIT, "kind": KIND}
        if point["kind"] == "step":
            point["width"], distributions["width"] = rng.random(), UNIT
        values = [objective(point, rng), rng.random()]
        made.append(create_trial(params=point, distributions=distributions, values=values))
    return study_of(2, made)


@pytest.mark.parametrize("trials", [60, 300])
def test_the_only_parameter_that_matters_is_found(trials: int) -> None:
    found = importances(study(trials, lambda point, rng: -abs(point["a"] - 0.3)), 0)
    assert found[0].parameter == "a"
    assert found[0].share > 0.75
    assert found[0].above_chance
    assert sum(one.share for one in found) == pytest.approx(1)
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)


def test_a_conditional_parameter_counts_in_the_trials_where_it_is_active() -> None:
    def objective(point: dict[str, object], rng: np.random.Generator) -> float:
        return 1 - abs(point["width"] - 0.8) if point["kind"] == "step" else 0.4 + 0.01 * rng.random()

    made = study(300, objective)
    found = {one.parameter: one for one in importances(made, 0)}
    active = sum(trial.params["kind"] == "step" for trial in made.trials)
    assert found["width"].trials == active < found["kind"].trials == 300
    assert found["width"].above_chance
    assert found["width"].share > 0.4
    assert not found["a"].above_chance


def test_chance_rarely_looks_like_importance() -> None:
    rng = np.random.default_rng(0)
    called = 0
    for number in range(20):
        seed = int(rng.integers(1 << 31))
        noise = np.random.default_rng(seed)
        found = importances(study(40, lambda point, rng, noise=noise: noise.random()), 0, seed=number)
        called += sum(one.above_chance for one in found)
    assert called / (20 * 4) <= 0.12


def test_an_objective_that_does_not_depend_on_anything_but_the_second_is_told_apart() -> None:
    made = study(200, lambda point, rng: point["b"])
    assert importances(made, 0)[0].parameter == "b"
    assert not any(one.above_chance and one.share > 0.9 for one in importances(made, 1))


def test_few_trials_have_no_importances() -> None:
    assert importances(study(LEAST_TRIALS - 1, lambda point, rng: point["a"]), 0) == ()
    assert importances(study(LEAST_TRIALS, lambda point, rng: point["a"]), 0) != ()


def test_equal_results_have_undefined_shares() -> None:
    found = importances(study(20, lambda point, rng: 0.0), 0)
    assert found
    assert all(np.isnan(one.share) and not one.above_chance for one in found)


@pytest.mark.parametrize(("trials", "best"), [(1, 1), (8, 4), (20, 5), (50, 5), (1000, 100)])
def test_the_best_are_a_tenth_but_at_least_five_and_never_more_than_half(trials: int, best: int) -> None:
    assert best_trials(trials) == best
