"""What rungs stopped, by hand."""

from collections.abc import Callable
from math import isnan

import pytest

from reports.budget import full_budget, rungs
from reports.runs import Run, Sweep
from reports.stopping_review import review_rungs

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]


@pytest.fixture
def sweep(bare_run: MakeRun, bare_sweep: MakeSweep) -> Sweep:
    """Trial 0 leads at first and is overtaken by trial 1; 2 and 3 stop at the first rung, 4 at the second."""
    return bare_sweep(
        [
            bare_run(0, {"AP_S": {100: 0.30, 200: 0.35, 400: 0.40}}),
            bare_run(1, {"AP_S": {100: 0.20, 200: 0.36, 400: 0.50}}),
            bare_run(2, {"AP_S": {100: 0.15}}, state="PRUNED"),
            bare_run(3, {"AP_S": {100: 0.05}}, state="PRUNED"),
            bare_run(4, {"AP_S": {100: 0.19, 200: 0.21}}, state="PRUNED"),
            bare_run(5, {"AP_S": {100: 0.25}}, state="FAILED"),
        ]
    )


def test_counts_and_limits_of_each_rung_are_those_found_by_hand(sweep: Sweep) -> None:
    first, second = review_rungs(sweep)
    assert (first.step, first.reached, [one.run.index for one in first.stopped]) == (100, 6, [2, 3])
    assert (second.step, second.reached, [one.run.index for one in second.stopped]) == (200, 3, [4])
    assert first.lowest_going_on == 0.19
    assert second.lowest_going_on == 0.35


def test_correlations_reach_from_a_rung_to_the_next_and_to_the_end(sweep: Sweep) -> None:
    first, second = review_rungs(sweep)
    assert first.to_next.trials == 3
    assert first.to_next.tau == pytest.approx(1 / 3)
    assert first.to_end.trials == 2
    assert first.to_end.tau == -1
    assert first.to_end.overtaking == 1
    assert first.to_end.largest_gap == pytest.approx(0.1)
    assert second.to_end.tau == 1


def test_stopped_trials_within_what_was_made_up_later_might_have_won(sweep: Sweep) -> None:
    first, second = review_rungs(sweep)
    # Trial 1 ended best: at the first rung it led trial 2 by 0.05, trial 3 by 0.15; 0.1 was made up.
    assert [one.behind_best for one in first.stopped] == pytest.approx([0.05, 0.15])
    assert first.might_have_won == 1
    assert second.might_have_won == 0


def test_nothing_is_said_of_catching_up_with_fewer_than_two_final_results(sweep: Sweep, bare_sweep: MakeSweep) -> None:
    only = review_rungs(bare_sweep(sweep.trials[1:]))
    none = review_rungs(bare_sweep(sweep.trials[2:]))
    assert [one.might_have_won for one in (*only, *none)] == [None] * 4
    assert isnan(none[0].stopped[0].behind_best)


@pytest.mark.parametrize("text", ["", "null", "[", "{}", '[true, -3, 1.5, "x"]', "[" * 3000, "[400, 900]"])
def test_rungs_that_make_no_sense_are_none(text: str, bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = bare_sweep([bare_run(0, {"AP_S": {400: 0.1}})], settings={"rungs": text})
    assert rungs(sweep) == ()
    assert review_rungs(sweep) == ()


def test_rungs_are_sorted_and_the_full_budget_is_none_of_them(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = bare_sweep([bare_run(0, {"AP_S": {100: 0.1}}, state="RUNNING")], settings={"rungs": [300, 100, 100, 400]})
    assert full_budget(sweep) == 400
    assert rungs(sweep) == (100, 300)
