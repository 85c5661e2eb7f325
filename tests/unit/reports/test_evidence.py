"""Which configurations are looked at closely, and what is said where something is missing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reports.comparison import Comparison
from reports.evidence import MOST_FINALISTS, UNCONFIRMED_FINALISTS, Evidence
from reports.multiple import holm
from reports.run_files import Missing
from reports.runs import Sweep
from reports.uncertainty import Estimate

MakeSweep = Callable[..., Sweep]


@pytest.fixture(scope="module")
def evidence(make_sweep: MakeSweep) -> Evidence:
    return Evidence(make_sweep(finalists=(0, 1, 2)), resamples=50)


def test_finalists_are_the_confirmed_ones_and_the_baseline(evidence: Evidence) -> None:
    assert sorted(one.name for one in evidence.finalists) == ["baseline", "trial 1", "trial 2"]
    assert evidence.best is evidence.configurations[0]
    assert evidence.best.name == "trial 2"


def test_while_only_the_baseline_is_confirmed_the_best_trials_are_finalists(make_sweep: MakeSweep) -> None:
    evidence = Evidence(make_sweep(finalists=(0,)), resamples=20)
    assert [one.name for one in evidence.finalists] == ["baseline", "trial 2", "trial 7", "trial 1"]


def test_finalists_are_few_however_many_trials_there_are(make_sweep: MakeSweep) -> None:
    sweep = make_sweep(finalists=(), states=["COMPLETE"] * 8)
    trials = tuple(
        replace(run, run_id=f"{copy}/{run.run_id}", tags={**run.tags, "evsweep.config_hash": f"{copy} {run.run_id}"})
        for copy in range(100)
        for run in (sweep.trials if copy == 0 else sweep.trials[1:])
    )
    evidence = Evidence(replace(sweep, trials=trials))
    assert len(evidence.configurations) == 701
    assert len(evidence.finalists) == UNCONFIRMED_FINALISTS + 1 <= MOST_FINALISTS
    assert evidence.baseline in evidence.finalists


def test_all_runs_share_their_resamples(evidence: Evidence) -> None:
    runs = [evidence.bootstrap(run) for one in evidence.finalists for run in one.judged]
    assert len(runs) == 9
    assert not any(isinstance(run, Missing) for run in runs)
    assert all(np.array_equal(run.multiplicities, runs[0].multiplicities) for run in runs)
    assert evidence.bootstrap(evidence.finalists[0].judged[0]) is runs[0]


def test_differences_are_those_of_the_means_over_seeds(evidence: Evidence) -> None:
    best, baseline = evidence.best, evidence.baseline
    assert best is not None
    assert baseline is not None
    found = evidence.compare(best, baseline, "AP_S")
    assert isinstance(found, Comparison)
    assert found.difference.value == pytest.approx(best.mean("AP_S") - baseline.mean("AP_S"))
    assert (found.seeds, found.recordings) == ((3, 3), 6)


def test_every_finalist_is_judged_in_every_objective_with_one_adjustment(evidence: Evidence) -> None:
    judged = evidence.judgements
    assert [(one.candidate.name, one.metric) for one in judged[:2]] == [("trial 2", "AP_S"), ("trial 2", "AP")]
    assert len(judged) == 2 * 2
    values = [one.comparison.difference.p_value for one in judged]
    np.testing.assert_array_equal([one.adjusted_p for one in judged], holm(values))


def test_runs_without_match_records_are_told_and_left_out(make_sweep: MakeSweep) -> None:
    evidence = Evidence(make_sweep(left_out=("match_records",), problems=("the space is gone",)))
    best = evidence.best
    assert best is not None
    assert isinstance(evidence.estimate(best, "AP"), Missing)
    assert evidence.value(best, "AP") == best.mean("AP")
    assert evidence.problems[0] == "the space is gone"
    assert len(evidence.problems) == 1 + len(best.judged)


def test_an_unknown_metric_is_missing(evidence: Evidence) -> None:
    assert evidence.best is not None
    assert evidence.estimate(evidence.best, "AP_XXL") == Missing("trial 2: its evaluation did not measure AP_XXL.")


def test_an_interval_holds_the_value(evidence: Evidence) -> None:
    assert evidence.best is not None
    found = evidence.estimate(evidence.best, "AP")
    assert isinstance(found, Estimate)
    assert found.low < found.value < found.high
    assert found.covers_seeds
