"""Confirming the finalists with new seeds."""

import io
import math
from collections.abc import Callable
from statistics import mean, stdev

import pytest
from rich.console import Console

from sweep.confirm import confirmation_table, confirmation_tags, confirmed, enqueue_confirmation, finalists
from sweep.folder import SweepFolder
from sweep.record import open_study
from sweep.standings import print_table
from trainable.errors import SweepError

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


@pytest.fixture
def searched(make_sweep: MakeSweep, play: Play) -> SweepFolder:
    """A search of five trials, of which the first is the baseline and the fourth the best."""
    folder = make_sweep(scheduler="none")
    play(folder, [0.4, 0.5, 0.6, 0.9, 0.7])
    return folder


def test_the_finalists_are_the_best_complete_trials_and_the_baseline(searched: SweepFolder) -> None:
    chosen = finalists(searched, top=2)
    assert [(finalist.trial, finalist.baseline) for finalist in chosen] == [(3, False), (4, False), (0, True)]


def test_a_baseline_among_the_best_takes_no_place_of_theirs(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.9, 0.5, 0.4])
    assert [(one.trial, one.baseline) for one in finalists(folder, top=1)] == [(1, False), (0, True)]


def test_a_baseline_that_was_stopped_early_is_confirmed_all_the_same(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.4], until=100)
    study = open_study(folder)
    proposal = study.ask()
    assert proposal is not None
    study.fail(proposal.index, "lost")
    play(folder, [0.8])
    chosen = finalists(folder, top=3)
    assert [finalist.baseline for finalist in chosen] == [False, True]
    assert chosen[1].trial is None


def test_without_a_complete_trial_there_is_nothing_to_confirm(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.4], until=100)
    with pytest.raises(SweepError, match=r"no trial of small has run to the full budget.*sweep resume small"):
        enqueue_confirmation(folder, top=1, seeds=1)


def test_every_finalist_gets_every_new_seed_and_asking_again_adds_only_what_is_new(
    searched: SweepFolder, play: Play
) -> None:
    assert enqueue_confirmation(searched, top=2, seeds=2) == 6
    assert enqueue_confirmation(searched, top=2, seeds=2) == 6
    play(searched, [0.5] * 20, phase="confirm")
    trials = open_study(searched, "confirm").trials()
    assert len(trials) == 6
    assert {trial.seed for trial in trials} == {4, 5}
    assert len({(trial.config_hash, trial.seed) for trial in trials}) == 6
    assert enqueue_confirmation(searched, top=3, seeds=2) == 8
    play(searched, [0.5] * 20, phase="confirm")
    assert len(open_study(searched, "confirm").trials()) == 8


def test_confirmations_are_never_stopped_early(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(grace_steps=50)
    play(folder, [0.4, 0.9, 0.1, 0.1, 0.95])
    enqueue_confirmation(folder, top=2, seeds=2)
    play(folder, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1], phase="confirm")
    assert {trial.state for trial in open_study(folder, "confirm").trials()} == {"COMPLETE"}


def test_tags_say_what_a_report_compares(searched: SweepFolder) -> None:
    enqueue_confirmation(searched, top=1, seeds=1)
    study = open_study(searched, "confirm")
    proposals = [study.ask(), study.ask()]
    tags = [confirmation_tags(searched, proposal) for proposal in proposals if proposal is not None]
    assert [tag["evsweep.finalist"] for tag in tags] == ["3", "0"]
    assert [tag["evsweep.baseline"] for tag in tags] == ["false", "true"]
    assert {tag["evsweep.phase"] for tag in tags} == {"confirm"}
    assert {tag["evsweep.seed"] for tag in tags} == {"4"}
    assert len({tag["evsweep.config_hash"] for tag in tags}) == 2


def test_results_are_gathered_over_seeds(searched: SweepFolder, play: Play) -> None:
    enqueue_confirmation(searched, top=1, seeds=3)
    play(searched, [0.9, 0.4, 0.8, 0.5, 0.7], phase="confirm")  # seed by seed; the last baseline is not run
    best, baseline = confirmed(searched)
    assert (best.finalist.trial, baseline.finalist.baseline) == (3, True)
    small = [0.3 * quality for quality in (0.9, 0.8, 0.7)]
    assert best.spread("AP_S") == pytest.approx((mean(small), stdev(small)))
    assert (len(baseline.results), baseline.unfinished) == (2, 0)
    printed = io.StringIO()
    print_table(confirmation_table(searched), Console(file=printed))
    assert f"{100 * mean(small):.2f} ± {100 * stdev(small):.2f}" in printed.getvalue()


def test_one_seed_has_no_spread(searched: SweepFolder, play: Play) -> None:
    enqueue_confirmation(searched, top=1, seeds=1)
    play(searched, [0.9, 0.4], phase="confirm")
    middle, deviation = confirmed(searched)[0].spread("AP")
    assert middle == pytest.approx(0.45)
    assert math.isnan(deviation)
