"""The ends of trials whose processes are gone."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.folder import SweepFolder
from sweep.record import open_study
from sweep.settling import Settling
from sweep.trial_records import TrialRecord
from trainable.run_lock import run_lock
from trainable.tracking import RunTracking
from trainable.tracking.entries import StatusEntry
from trainable.tracking.journal import JournalReader


@pytest.fixture
def sweep_of_trials(make_sweep: Callable[..., SweepFolder], play: Callable[..., list[int]]) -> SweepFolder:
    """A sweep with a complete, a pruned and an unfinished trial, all of whose journals say that they run."""
    folder = make_sweep()
    play(folder, [0.9, 0.1])
    play(folder, [0.95], until=50)
    for index in range(3):
        begin(folder.run_directory("trials", index))
    return folder


def begin(directory: Path) -> None:
    directory.mkdir(parents=True)
    RunTracking.start(directory, experiment="e", uri=None)


def statuses(folder: SweepFolder) -> list[tuple[str, str]]:
    """The last status in each trial's journal, with its reason."""
    found = []
    for directory in sorted(folder.runs_directory("trials").iterdir()):
        entries = [entry for entry in JournalReader(directory).read() if isinstance(entry, StatusEntry)]
        found.append((entries[-1].status, entries[-1].reason))
    return found


def trials(folder: SweepFolder) -> list[TrialRecord]:
    return open_study(folder).trials()


def test_trials_that_have_ended_say_so(sweep_of_trials: SweepFolder) -> None:
    Settling(sweep_of_trials, "trials").all(trials(sweep_of_trials))
    complete, pruned, unfinished = statuses(sweep_of_trials)
    assert complete == ("FINISHED", "")
    assert pruned == ("KILLED", "stopped at the rung of 50 steps")
    assert unfinished[0] == "RUNNING"


def test_unfinished_trials_say_why_they_do_not_run(sweep_of_trials: SweepFolder) -> None:
    Settling(sweep_of_trials, "trials").all(trials(sweep_of_trials), unfinished="stopped by hand")
    assert statuses(sweep_of_trials)[2] == ("KILLED", "stopped by hand")


def test_a_trial_that_knows_only_that_it_was_stopped_is_told_why(sweep_of_trials: SweepFolder) -> None:
    for index in (1, 2):
        directory = sweep_of_trials.run_directory("trials", index)
        RunTracking.start(directory, experiment="e", uri=None, resume_step=0).close(
            "KILLED", "stopped early at step 50"
        )
    Settling(sweep_of_trials, "trials").all(trials(sweep_of_trials), unfinished="the sweep was stopped")
    assert statuses(sweep_of_trials)[1:] == [
        ("KILLED", "stopped at the rung of 50 steps"),
        ("KILLED", "the sweep was stopped"),
    ]


def test_a_failed_trial_has_failed(sweep_of_trials: SweepFolder) -> None:
    failed = dataclasses.replace(trials(sweep_of_trials)[2], state="FAILED", reason="its process was killed")
    Settling(sweep_of_trials, "trials").all([failed])
    assert statuses(sweep_of_trials)[2] == ("FAILED", "its process was killed")


def test_while_trials_run_those_that_have_just_ended_may_say_so_themselves(
    sweep_of_trials: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = Settling(sweep_of_trials, "trials")
    settling.due(trials(sweep_of_trials))
    assert statuses(sweep_of_trials)[0][0] == "RUNNING"
    monkeypatch.setattr("sweep.settling.CLOSING_S", 0.0)
    settling.due(trials(sweep_of_trials))
    assert [status for status, _ in statuses(sweep_of_trials)] == ["FINISHED", "KILLED", "RUNNING"]


def test_a_trial_without_a_run_folder_is_left_alone(
    make_sweep: Callable[..., SweepFolder], play: Callable[..., list[int]]
) -> None:
    folder = make_sweep()
    play(folder, [0.9])
    Settling(folder, "trials").all(trials(folder), unfinished="stopped")
    assert not folder.run_directory("trials", 0).exists()


def test_a_process_that_still_runs_keeps_its_journal(
    sweep_of_trials: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing

    monkeypatch.setattr("sweep.settling.EXIT_S", 0.1)
    held = multiprocessing.get_context("fork").Event()
    directory = sweep_of_trials.run_directory("trials", 0)

    def hold() -> None:
        with run_lock(directory):
            held.set()
            multiprocessing.Event().wait(60)

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    held.wait()
    try:
        Settling(sweep_of_trials, "trials").all(trials(sweep_of_trials))
        assert [status for status, _ in statuses(sweep_of_trials)] == ["RUNNING", "KILLED", "RUNNING"]
    finally:
        process.kill()
        process.join()
