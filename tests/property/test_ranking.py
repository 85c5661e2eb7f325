"""The order among results holds whatever order they come in, and the hypervolume is exact."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.ranking import hypervolume, pareto_front, ranks

SCORES = st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.75, 1.0])
ANY_SCORES = st.one_of(SCORES, st.floats(0, 1), st.just(math.nan))


def results(scores: st.SearchStrategy[float], objectives: st.SearchStrategy[int]) -> st.SearchStrategy:
    return objectives.flatmap(lambda n: st.lists(st.tuples(*[scores] * n), min_size=1, max_size=12))


RESULTS = results(ANY_SCORES, st.integers(1, 3))
DEFINED = results(st.one_of(SCORES, st.floats(0, 1)), st.integers(1, 3))
VIOLATIONS = st.lists(st.sampled_from([-0.5, 0.0, 0.1, 0.3, math.inf, math.nan]), min_size=12, max_size=12)


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


@given(RESULTS, VIOLATIONS, st.randoms(use_true_random=False))
def test_ranks_do_not_depend_on_the_order_in_which_results_come(values, violations, random) -> None:
    violations = violations[: len(values)]
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = ranks([values[i] for i in order], [violations[i] for i in order])
    straight = ranks(values, violations)
    assert shuffled == [straight[i] for i in order]


@given(DEFINED, VIOLATIONS)
def test_a_dominated_result_never_ranks_before_its_dominator(values, violations) -> None:
    violations = violations[: len(values)]
    broken = [math.inf if math.isnan(violation) else max(violation, 0.0) for violation in violations]
    rank = ranks(values, violations)
    for i in range(len(values)):
        for j in range(len(values)):
            if broken[i] < broken[j] or (broken[i] == broken[j] and dominates(values[i], values[j])):
                assert rank[i] < rank[j]


@given(st.lists(st.tuples(st.one_of(SCORES, st.floats(-1, 1))), min_size=1, max_size=20))
def test_one_objective_is_plain_sorting(values) -> None:
    assert ranks(values) == [sum(other > own for other in values) for own in values]


@given(RESULTS, VIOLATIONS)
def test_a_rank_is_the_number_of_results_before_it(values, violations) -> None:
    rank = ranks(values, violations[: len(values)])
    assert all(own == sum(other < own for other in rank) for own in rank)


@given(RESULTS)
def test_undefined_results_come_last_and_share_their_rank(values) -> None:
    rank = ranks(values)
    defined = sum(not any(map(math.isnan, one)) for one in values)
    for one, own in zip(values, rank, strict=True):
        assert own == defined if any(map(math.isnan, one)) else own < defined


@given(DEFINED, VIOLATIONS)
def test_the_pareto_front_is_what_no_feasible_result_dominates(values, violations) -> None:
    feasible = [i for i in range(len(values)) if violations[i] <= 0]
    expected = [i for i in feasible if not any(dominates(values[j], values[i]) for j in feasible)]
    assert pareto_front(values, violations[: len(values)]) == expected


@given(DEFINED)
def test_the_front_fills_the_first_ranks(values) -> None:
    front, rank = pareto_front(values), ranks(values)
    assert {rank[i] for i in front} == {own for own in rank if own < len(front)}


@given(DEFINED)
def test_the_best_in_the_first_objective_leads(values) -> None:
    assert ranks(values)[values.index(max(values))] == 0


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_ranks_do_not_depend_on_the_units_of_objectives(first, second) -> None:
    values = [(0.9, 0.1), (0.8, 0.3), (0.5, 0.45), (0.2, 0.9), (0.1, 0.1), (0.3, 0.2), (0.05, 0.3)]
    assert ranks([(first * a, second * b) for a, b in values]) == ranks(values)


@given(results(SCORES, st.integers(1, 3)).filter(lambda values: len(values) <= 6))
def test_the_hypervolume_equals_inclusion_and_exclusion(values) -> None:
    reference = (0.1,) * len(values[0])
    boxes = np.clip(np.array(values) - 0.1, 0, None)
    expected = 0.0
    for size in range(1, len(boxes) + 1):
        for chosen in combinations(boxes, size):
            expected += (-1) ** (size + 1) * np.prod(np.min(chosen, axis=0))
    assert hypervolume(values, reference) == pytest.approx(expected, abs=1e-12)


def test_the_hypervolume_of_three_objectives_agrees_with_random_points() -> None:
    random = np.random.default_rng(5)
    values = random.random((12, 3))
    points = random.random((200_000, 3))
    covered = (values[None, :, :] >= points[:, None, :]).all(axis=2).any(axis=1).mean()
    assert hypervolume(values.tolist(), (0, 0, 0)) == pytest.approx(covered, abs=0.005)


def test_the_hypervolume_of_nothing_is_zero() -> None:
    assert hypervolume([], (0.0, 0.0)) == 0.0
