"""Runs that differ in their seed only are one configuration."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from reports.configurations import configurations, parameter_value, short_label
from reports.runs import Run, Sweep

MakeSweep = Callable[..., Sweep]


@pytest.fixture(scope="module")
def sweep(make_sweep: MakeSweep) -> Sweep:
    return make_sweep()


def test_confirming_runs_join_the_trial_that_they_repeat(sweep: Sweep) -> None:
    found = {one.name: one for one in configurations(sweep)}
    assert list(found) == ["trial 2", "baseline", "trial 7", "trial 1"]
    assert found["trial 2"].trial is sweep.trials[2]
    assert [run.seed for run in found["trial 2"].confirmations] == ["1", "2", "3"]
    assert found["baseline"].is_baseline
    assert not found["trial 2"].is_baseline


def test_the_searchs_own_run_counts_only_without_confirming_ones(sweep: Sweep) -> None:
    found = {one.name: one for one in configurations(sweep)}
    assert found["trial 2"].judged == found["trial 2"].confirmations
    assert found["trial 7"].judged == (sweep.trials[7],)


def test_a_baseline_that_the_search_did_not_complete_comes_from_its_confirmation(make_sweep: MakeSweep) -> None:
    found = {one.name: one for one in configurations(make_sweep(states=("PRUNED",)))}
    assert found["baseline"].trial is None
    assert len(found["baseline"].judged) == 3
    assert found["baseline"].label == "rate=0.008 patch=4 size_aware_loss=false"


def test_a_seed_counts_once(sweep: Sweep) -> None:
    again = replace(sweep.confirmations[3], run_id="again")
    doubled = replace(sweep, confirmations=(*sweep.confirmations, again))
    assert [len(one.confirmations) for one in configurations(doubled)] == [3, 3, 0, 0]


def test_runs_without_the_full_budget_count_for_nothing(make_sweep: MakeSweep) -> None:
    assert configurations(make_sweep(states=("RUNNING", "PRUNED", "FAILED", *["STOPPED"] * 5), finalists=())) == ()


def test_names_are_unique_whatever_the_tags_say(sweep: Sweep) -> None:
    def renamed(run: Run, number: int) -> Run:
        tags = {"evsweep.trial": "1", "evsweep.known_point": "baseline", "evsweep.config_hash": f"hash {number}"}
        return replace(run, tags=tags)

    trials = tuple(renamed(run, number) for number, run in enumerate(sweep.trials[:3]))
    names = [one.name for one in configurations(replace(sweep, trials=trials, confirmations=()))]
    assert sorted(names) == ["baseline", "trial 1", "trial 1 (2)"]


def test_those_that_keep_the_constraints_come_first(make_sweep: MakeSweep) -> None:
    free = configurations(make_sweep(finalists=()))
    lowest = min(free, key=lambda one: one.mean("AP"))
    bound = lowest.mean("AP") + 1e-9
    found = configurations(make_sweep(finalists=(), constraints=(f"AP<={bound!r}",)))
    assert found[0].name == lowest.name
    assert free[0].name != lowest.name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("0003 rate=0.1 patch=4", "rate=0.1 patch=4"),
        ("0003 baseline seed=2 rate=0.1", "baseline rate=0.1"),
        ("0003 rate=0.1 seed=2", "rate=0.1"),
        ("0003", ""),
        ("mine", "mine"),
        ("a\nb\x00", "a b\\u0000"),
    ],
)
def test_a_label_is_the_name_without_index_and_seed(name: str, label: str) -> None:
    assert short_label(name) == label


def test_a_label_has_an_end() -> None:
    assert len(short_label("x" * 10_000)) <= 160


def test_parameters_are_parsed_and_never_evaluated() -> None:
    assert parameter_value("[1, 2]") == [1, 2]
    assert parameter_value("true") is True
    assert parameter_value("__import__('os')") == "__import__('os')"
    assert parameter_value('{"a": 1}') == '{"a": 1}'
