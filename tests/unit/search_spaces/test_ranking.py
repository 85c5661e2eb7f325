import math

from search_spaces.ranking import pareto_front, ranks


def test_leading_results_cover_the_front_from_the_first_objective_on() -> None:
    front = [(0.0, 1.0), (0.45, 0.9), (0.5, 0.5), (0.9, 0.45), (1.0, 0.0)]
    # the best of the first objective, the other end, then the middle of the widest gaps
    assert ranks(front)[4] == 0
    assert ranks(front)[0] == 1
    assert ranks(front)[2] == 2


def test_a_result_that_breaks_a_constraint_ranks_behind_all_that_keep_them() -> None:
    assert ranks([(0.9,), (0.1,), (0.5,)], [0.2, 0.0, 0.1]) == [2, 0, 1]


def test_equally_broken_results_are_ordered_by_their_objectives() -> None:
    assert ranks([(0.2,), (0.4,), (0.3,)], [0.1, 0.1, 0.1]) == [2, 0, 1]


def test_equal_results_share_a_rank_and_push_back_those_behind() -> None:
    assert ranks([(0.5, 0.5), (0.5, 0.5), (0.1, 0.1)]) == [0, 0, 2]


def test_results_that_are_all_undefined_are_alike() -> None:
    assert ranks([(math.nan, 0.3), (0.5, math.nan)]) == [0, 0]


def test_an_undefined_result_is_on_no_front() -> None:
    assert pareto_front([(math.nan, 1.0), (0.2, 0.3)]) == [1]


def test_a_front_is_empty_where_every_result_breaks_a_constraint() -> None:
    assert pareto_front([(0.2, 0.3)], [0.01]) == []


def test_nothing_has_no_ranks_and_no_front() -> None:
    assert ranks([]) == []
    assert pareto_front([]) == []
