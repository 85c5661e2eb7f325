"""Requests to stop, and how a sweep stands."""

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from sweep.confirm import enqueue_confirmation, unfinished_confirmations
from sweep.driver_lock import driver_lock
from sweep.folder import SweepFolder
from sweep.record import open_study
from sweep.status import print_status, read_status
from sweep.stopping import stop_sweep, stop_trial
from trainable.errors import SweepError

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


def shown(folder: SweepFolder) -> str:
    text = io.StringIO()
    print_status(read_status(folder), Console(file=text))
    return text.getvalue()


def test_what_does_not_run_cannot_be_stopped(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    with pytest.raises(SweepError, match=r"not running, so there is nothing to stop; see `python -m sweep status"):
        stop_sweep(folder)
    assert not folder.requests_directory.exists()


def test_a_running_sweep_gets_a_request_that_says_why(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    with driver_lock(folder):
        assert "sweep resume small" in stop_sweep(folder)
    assert folder.stop_request().read_text().startswith("stopped by hand at ")


def test_only_a_running_trial_can_be_stopped(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.5])
    play(folder, [0.6], until=50)
    with driver_lock(folder):
        with pytest.raises(SweepError, match="trial 0 of small has ended already: COMPLETE"):
            stop_trial(folder, "trials", 0)
        with pytest.raises(SweepError, match="no trial 9 in its search; its trials are 0 to 1"):
            stop_trial(folder, "trials", 9)
        with pytest.raises(SweepError, match="no trial 1 in its confirmation; it has none yet"):
            stop_trial(folder, "confirm", 1)
        assert "is not resumed; the sweep goes on" in stop_trial(folder, "trials", 1)
    assert [file.name for file in folder.requests_directory.iterdir()] == ["stop_trials_0001"]


def test_the_status_says_whether_it_runs_why_trials_failed_and_what_to_do(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none", trials=4)
    text = shown(folder)
    assert "small: not running" in text
    assert "the 4 unfinished trials: python -m sweep resume small" in text
    assert "sweep best" not in text
    play(folder, [0.5])
    study = open_study(folder)
    proposal = study.ask()
    assert proposal is not None
    study.fail(proposal.index, "the loss became NaN")
    with driver_lock(folder):
        text = shown(folder)
    assert "small: running, process " in text
    assert "sweep stop small" in text
    assert "trial 1 FAILED: the loss became NaN" in text
    assert "best AP_S 15.00 (trial 0)" in text
    assert "sweep best small" in shown(folder)


def test_an_unfinished_confirmation_is_gone_on_with_first(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none", trials=4)
    play(folder, [0.5, 0.9])
    enqueue_confirmation(folder, top=1, seeds=1)
    play(folder, [0.8], phase="confirm", until=100)
    assert unfinished_confirmations(folder) == 1
    text = shown(folder)
    assert "To go on with the 1 unfinished confirmations: python -m sweep resume small" in text
    assert "confirmation, percent" in text


def test_the_status_for_scripts_holds_the_ranking_and_all_trials(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none", trials=3)
    play(folder, [0.5, 0.9])
    status = json.loads(json.dumps(read_status(folder).to_json(), allow_nan=False))
    assert (status["name"], status["running"], status["trials_wanted"]) == ("small", False, 3)
    assert status["ranking"] == [1, 0]
    assert [trial["state"] for trial in status["trials"]] == ["COMPLETE", "COMPLETE"]
    assert status["confirm"] == []
