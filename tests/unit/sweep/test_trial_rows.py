"""What is seen of trials: from the study, and from journals that are being written."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.folder import PAUSED_NAME, SweepFolder
from sweep.record import open_study
from sweep.run_progress import RunProgress
from sweep.trial_rows import TrialRows
from trainable.tracking.entries import HeaderEntry
from trainable.tracking.journal import JOURNAL_NAME, Journal, now_ms

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


def new_journal(directory: Path) -> Journal:
    return Journal.create(directory, HeaderEntry(time_ms=now_ms(), run_id=directory.name, experiment="tests"))


def test_progress_follows_a_journal_as_it_grows(tmp_path: Path) -> None:
    progress = RunProgress(tmp_path / "run")
    progress.refresh()
    assert (progress.step, progress.metrics, progress.paused) == (0, {}, "")
    journal = new_journal(tmp_path / "run")
    journal.metrics({"train/loss": 1.0, "speed/steps_per_second": 4.0}, 10)
    journal.metrics({"AP": 0.25, "AP_S": math.nan}, 20)
    progress.refresh()
    assert (progress.step, progress.steps_per_second, progress.metrics["AP"]) == (20, 4.0, 0.25)
    assert math.isnan(progress.metrics["AP_S"])
    journal.metrics({"train/loss": 0.5, "speed/steps_per_second": 8.0}, 30)
    progress.refresh()
    assert (progress.step, progress.steps_per_second, progress.metrics["AP"]) == (30, 8.0, 0.25)


def test_progress_goes_back_with_a_resumed_run(tmp_path: Path) -> None:
    journal, progress = new_journal(tmp_path), RunProgress(tmp_path)
    journal.metrics({"train/loss": 1.0}, 30)
    journal.resume(20)
    progress.refresh()
    assert (progress.step, progress.resumed) == (20, 1)


def test_a_torn_last_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    journal, progress = new_journal(tmp_path), RunProgress(tmp_path)
    journal.metrics({"train/loss": 1.0}, 10)
    file = tmp_path / JOURNAL_NAME
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    progress.refresh()
    assert progress.step == 0
    file.write_bytes(whole)
    progress.refresh()
    assert progress.step == 10


def test_a_running_trial_is_seen_between_its_reports(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.5], until=100)
    rows = TrialRows(folder)
    (row,) = rows.read()
    assert (row.state, row.step, row.max_steps) == ("RUNNING", 100, 300)
    assert math.isnan(row.seconds_left)
    journal = new_journal(folder.run_directory("trials", 0))
    journal.metrics({"train/loss": 1.0, "speed/steps_per_second": 2.0}, 120)
    (row,) = rows.read()
    assert (row.step, row.steps_per_second, row.seconds_left) == (120, 2.0, 90.0)


def test_a_trial_that_waits_for_disk_space_is_paused_until_its_notice_is_gone(
    make_sweep: MakeSweep, play: Play
) -> None:
    folder = make_sweep(scheduler="none")
    play(folder, [0.5], until=100)
    new_journal(folder.run_directory("trials", 0))
    notice = folder.run_directory("trials", 0) / PAUSED_NAME
    notice.write_text("the disk is full\n")
    rows = TrialRows(folder)
    assert [(row.state, row.reason, row.ended) for row in rows.read()] == [("PAUSED", "the disk is full", False)]
    notice.unlink()
    assert [(row.state, row.reason) for row in rows.read()] == [("RUNNING", "")]


def test_ended_trials_show_their_result_and_why_they_ended(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(grace_steps=100)
    play(folder, [0.5, 0.1, 0.9])
    study = open_study(folder)
    proposal = study.ask()
    assert proposal is not None
    study.fail(proposal.index, "the loss became NaN at step 7")
    complete, pruned, best, failed = TrialRows(folder).read()
    assert [row.state for row in (complete, pruned, best, failed)] == ["COMPLETE", "PRUNED", "COMPLETE", "FAILED"]
    assert [row.pareto for row in (complete, pruned, best, failed)] == [False, False, True, False]
    assert best.metrics["AP"] == pytest.approx(0.45)
    assert (pruned.step, failed.reason) == (100, "the loss became NaN at step 7")
    assert [row.index for row in TrialRows(folder).ranked()] == [2, 0, 1, 3]


def test_rows_are_json_without_nan(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep()
    play(folder, [math.nan])
    (row,) = TrialRows(folder).read()
    written = json.loads(json.dumps(row.to_json(), allow_nan=False))
    assert written["metrics"]["AP"] is None
    assert written["steps_per_second"] is None
