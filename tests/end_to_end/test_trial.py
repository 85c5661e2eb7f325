"""Trials of a sweep as their processes see them: reports, restarts, stops, full disks and full GPUs."""

import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from search_spaces.objectives import HEADLINE_METRICS
from sweep import disk_guard
from sweep.assignment import TrialAssignment
from sweep.trial import run_trial
from sweep.trial_reports import StoppedEarly
from sweep.trial_training import train_assignment
from trainable.config import compose
from trainable.data import Batch
from trainable.lightning_module import DetectionModule
from trainable.model import read_checkpoint
from trainable.run_folder import RunFolder
from trainable.tracking.entries import Entry, HeaderEntry, StatusEntry, TagsEntry
from trainable.tracking.journal import JournalReader
from trainable.tracking.reading import read_metrics

BOOKKEEPING = {"training_step", "index", "micro_batch", "failure", "stopped"}

Assign = Callable[..., TrialAssignment]
Json = dict[str, Any]


@pytest.fixture
def assign(small_run: list[str], tmp_path: Path) -> Assign:
    """Makes trials of 6 steps, validated every 2 steps, in folders of their own."""

    def make(*overrides: str, name: str = "trial") -> TrialAssignment:
        settings = ["training.max_steps=6", "validation.val_check_interval=2", "logging.train.log_every_n_steps=1"]
        return TrialAssignment(
            index=3,
            name="0003 weight=2.31",
            config=compose([*small_run, *settings, *overrides]).to_dict(),
            directory=str(tmp_path / name),
            run_id=f"sweep-{name}",
            parent_run_id="sweep",
            tags={"evsweep.trial": "3"},
            stop_request=str(tmp_path / "requests" / name),
            min_free_bytes=0,
            threads=1,
        )

    return make


class Search:
    """Takes a trial's reports, and ends the trial at a step as Ray Tune does."""

    def __init__(self, assignment: TrialAssignment, stop_at: int | None = None) -> None:
        self._last = RunFolder(assignment.folder).last_checkpoint
        self._stop_at = stop_at
        self.reports: list[Json] = []
        self.checkpoint_steps: list[int] = []

    def __call__(self, report: Json) -> None:
        self.reports.append(report)
        if self._last.exists():
            self.checkpoint_steps.append(read_checkpoint(self._last)["global_step"])
        if report["training_step"] == self._stop_at:
            raise SystemExit(0)

    @property
    def steps(self) -> list[int]:
        return [report["training_step"] for report in self.reports]


def run(assignment: TrialAssignment, stop_at: int | None = None) -> Search:
    search = Search(assignment, stop_at)
    train_assignment(assignment, search)
    return search


def entries(assignment: TrialAssignment) -> list[Entry]:
    return JournalReader(assignment.folder).read()


def ending(assignment: TrialAssignment) -> tuple[str, str]:
    last = [entry for entry in entries(assignment) if isinstance(entry, StatusEntry)][-1]
    return last.status, last.reason


def same(first: object, second: object) -> bool:
    return json.dumps(first) == json.dumps(second)  # NaN equals NaN


def test_every_validation_is_reported_with_the_same_keys_once_its_checkpoint_is_written(assign: Assign) -> None:
    assignment = assign()
    search = run(assignment)

    assert search.steps == search.checkpoint_steps == [2, 4, 6]
    assert all(report.keys() == search.reports[0].keys() for report in search.reports)
    best = [report["best_AP50"] for report in search.reports]
    assert best == sorted(best)
    assert best[-1] == max(report["AP50"] for report in search.reports)
    assert {f"best_{name}" for name in HEADLINE_METRICS} | BOOKKEEPING < search.reports[0].keys()
    assert [(report["failure"], report["stopped"], report["micro_batch"]) for report in search.reports] == [
        ("", "", 4)
    ] * 3
    assert ending(assignment) == ("FINISHED", "")
    header = entries(assignment)[0]
    assert isinstance(header, HeaderEntry)
    assert (header.run_id, header.parent_run_id, header.run_name) == ("sweep-trial", "sweep", "0003 weight=2.31")
    assert header.tags["evsweep.trial"] == "3"
    assert "git.commit" in header.tags or "version.torch" in header.tags
    assert "step 6 of 6" in (assignment.folder / "trial.log").read_text()


def test_a_finished_trial_that_starts_again_repeats_its_reports_and_does_not_train(assign: Assign) -> None:
    assignment = assign()
    first = run(assignment)
    before = RunFolder(assignment.folder).last_checkpoint.stat().st_mtime_ns
    again = run(assignment)
    assert same(again.reports, first.reports)
    assert RunFolder(assignment.folder).last_checkpoint.stat().st_mtime_ns == before
    assert ending(assignment) == ("FINISHED", "")


def test_a_trial_that_the_search_stops_ends_at_once_and_again_when_it_starts_again(assign: Assign) -> None:
    assignment = assign("dataset.resolution_hw=null")  # a size that is found in the dataset is no other setting
    for _ in range(2):
        search = Search(assignment, stop_at=4)
        with pytest.raises(StoppedEarly):
            train_assignment(assignment, search)
        assert search.steps == [2, 4]
        assert ending(assignment) == ("KILLED", "stopped early at step 4")
    assert read_checkpoint(RunFolder(assignment.folder).last_checkpoint)["global_step"] == 4

    assert run(assignment).steps == [2, 4, 6]
    assert ending(assignment) == ("FINISHED", "")


def test_a_killed_trial_repeats_its_reports_and_ends_with_the_weights_of_one_that_was_not(
    assign: Assign, tmp_path: Path
) -> None:
    settings = ["training.max_steps=12", "logging.train.log_model_every_n_steps=1"]
    whole, killed = assign(*settings, name="whole"), assign(*settings, name="killed")
    expected = run(whole)

    task, told = tmp_path / "assignment.json", tmp_path / "reports.jsonl"
    task.write_text(json.dumps(killed.to_dict()))
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("trial_process.py")), str(task), str(told)]
    )
    deadline_s = time.monotonic() + 120
    while not told.exists() or len(told.read_text().splitlines()) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    process.kill()
    process.wait()
    before = [json.loads(line) for line in told.read_text().splitlines()]
    assert len(before) < 6

    after = run(killed)
    assert same(after.reports, expected.reports)
    assert same(before, expected.reports[: len(before)])
    weights, others = (
        read_checkpoint(RunFolder(trial.folder).last_checkpoint)["state_dict"] for trial in (whole, killed)
    )
    assert all(torch.equal(value, others[key]) for key, value in weights.items())
    assert ending(killed) == ("FINISHED", "")
    header = entries(killed)[0]
    assert isinstance(header, HeaderEntry)
    assert header.run_id == "sweep-killed"


def test_validations_after_the_checkpoint_are_not_repeated_but_done_again(assign: Assign) -> None:
    assignment = assign()
    last, middle = RunFolder(assignment.folder).last_checkpoint, assignment.folder / "middle.ckpt"
    expected = Search(assignment)

    def send(report: Json) -> None:
        expected(report)
        if report["training_step"] == 4:
            shutil.copyfile(last, middle)

    train_assignment(assignment, send)
    middle.replace(last)
    search = run(assignment)
    assert same(search.reports, expected.reports)
    assert search.checkpoint_steps == [4, 4, 6]
    assert [line.step for line in read_metrics(assignment.folder) if "AP" in line.values] == [2, 4, 6]


def test_a_loss_that_becomes_nan_is_reported_as_a_failure_and_the_function_returns(assign: Assign) -> None:
    assignment = assign("training.learning_rate=1e30", "training.lr_scheduler.pct_start=0.9")
    search = run(assignment)
    assert len(search.reports) == 1
    assert search.reports[0].keys() == BOOKKEEPING
    assert "at step" in search.reports[0]["failure"]
    status, reason = ending(assignment)
    assert (status, reason) == ("FAILED", search.reports[0]["failure"])


def test_an_error_before_the_training_is_a_failure_of_a_run_that_is_to_be_seen(
    assign: Assign, dataset: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    assignment = assign(f"dataset.path={moved}", "dataset.resolution_hw=null")
    failed = run(assignment)
    assert str(moved) in failed.reports[0]["failure"]
    assert ending(assignment) == ("FAILED", failed.reports[0]["failure"])

    moved.symlink_to(dataset)
    assert run(assignment).steps == [2, 4, 6]
    assert ending(assignment) == ("FINISHED", "")


@pytest.fixture
def memory_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Lets training steps with more rows than given fail for want of memory; gives the rows of those that don't."""
    training_step = DetectionModule.training_step

    def limit(rows: int) -> list[int]:
        seen: list[int] = []

        def limited(module: DetectionModule, batch: Batch, batch_idx: int) -> Any:
            if len(batch.rows) > rows and module.global_step >= 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            seen.append(len(batch.rows))
            return training_step(module, batch, batch_idx)

        monkeypatch.setattr(DetectionModule, "training_step", limited)
        return seen

    return limit


def test_a_trial_without_enough_memory_goes_on_with_smaller_micro_batches_and_the_same_effective_batch(
    assign: Assign, memory_for: Callable[[int], list[int]]
) -> None:
    rows = memory_for(1)
    assignment = assign()
    search = run(assignment)
    assert rows == [4] * 2 + [1] * 4 * 4
    assert search.steps == [2, 4, 6]
    assert [report["micro_batch"] for report in search.reports] == [4, 1, 1]
    tags = {
        name: value
        for entry in entries(assignment)
        if isinstance(entry, TagsEntry)
        for name, value in entry.values.items()
    }
    assert tags["evsweep.micro_batch"] == "1"
    assert tags["evsweep.out_of_memory"] == "2"
    assert ending(assignment) == ("FINISHED", "")


def test_the_smaller_micro_batch_is_remembered_when_the_trial_starts_again(
    assign: Assign, memory_for: Callable[[int], list[int]]
) -> None:
    rows = memory_for(2)
    assignment = assign()
    with pytest.raises(StoppedEarly):
        train_assignment(assignment, Search(assignment, stop_at=4))
    rows.clear()
    assert [report["micro_batch"] for report in run(assignment).reports] == [2, 2, 2]
    assert rows == [2] * 4


def test_a_validation_without_enough_memory_is_repeated_with_fewer_rows_and_the_same_micro_batch(
    assign: Assign, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation_step, seen = DetectionModule.validation_step, []

    def limited(module: DetectionModule, batch: Batch, batch_idx: int) -> Any:
        if len(batch.rows) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        seen.append(len(batch.rows))
        return validation_step(module, batch, batch_idx)

    monkeypatch.setattr(DetectionModule, "validation_step", limited)
    assignment = assign("training.max_steps=2")
    assert [(report["training_step"], report["micro_batch"]) for report in run(assignment).reports] == [(2, 4)]
    assert set(seen) == {1}
    tags = [entry.values for entry in entries(assignment) if isinstance(entry, TagsEntry)]
    assert any(values.get("evsweep.eval_batch") == "1" for values in tags)
    assert ending(assignment) == ("FINISHED", "")


def test_a_trial_that_starts_again_before_its_first_checkpoint_begins_with_its_weights_again(
    assign: Assign, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = assign("training.max_steps=2", name="first")
    run(first)
    weights = RunFolder(first.folder).last_checkpoint
    assignment = assign(f"checkpoint={weights}", "training.max_steps=2")
    training_step, loaded = DetectionModule.training_step, []

    def noted(module: DetectionModule, batch: Batch, batch_idx: int) -> Any:
        loaded.append({name: value.clone() for name, value in module.mdl.state_dict().items()})
        if len(loaded) == 1:
            raise RuntimeError("the node is gone")
        return training_step(module, batch, batch_idx)

    monkeypatch.setattr(DetectionModule, "training_step", noted)
    with pytest.raises(RuntimeError, match="the node is gone"):
        run(assignment)
    run(assignment)
    assert loaded[0].keys() == loaded[1].keys()
    assert all(torch.equal(loaded[0][name], loaded[1][name]) for name in loaded[0])


def test_a_trial_whose_single_rows_do_not_fit_fails_with_advice(
    assign: Assign, memory_for: Callable[[int], list[int]]
) -> None:
    memory_for(0)
    assignment = assign()
    search = run(assignment)
    assert search.steps == [2, 2]
    assert "does not fit" in search.reports[-1]["failure"]
    assert search.reports[-1].keys() == search.reports[0].keys()
    assert ending(assignment)[0] == "FAILED"


def test_a_stop_request_ends_the_trial_within_seconds(assign: Assign) -> None:
    assignment = assign("training.max_steps=100000", "validation.val_check_interval=50000")
    request = Path(assignment.stop_request)

    def ask_once_it_trains() -> None:
        while "step 1 of" not in (log.read_text() if (log := assignment.folder / "trial.log").exists() else ""):
            time.sleep(0.1)
        asked_s.append(time.monotonic())
        request.parent.mkdir()
        request.write_text("not promising\n")

    asked_s: list[float] = []
    asking = threading.Thread(target=ask_once_it_trains, daemon=True)
    asking.start()
    search = run(assignment)
    assert time.monotonic() - asked_s[0] < 20
    assert [report["stopped"] for report in search.reports] == ["not promising"]
    assert ending(assignment) == ("KILLED", "not promising")

    assert run(assignment).reports == search.reports


def test_a_trial_on_a_full_disk_waits_and_goes_on(
    assign: Assign, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assignment = assign()
    paused = assignment.folder / "paused"
    free = iter([10**12, 0, 0])
    seen: list[str] = []

    def disk_usage(path: Path) -> Any:
        if paused.exists():
            seen.append(paused.read_text())
        total, used, _ = usage(path)
        return type(usage(path))(total, used, next(free, 10**12))

    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setattr(disk_guard, "POLL_S", 0.01)
    with caplog.at_level(logging.WARNING):
        search = run(assignment)
    assert search.steps == [2, 4, 6]
    assert "has 0.00 GiB left" in seen[0]
    assert not paused.exists()
    assert [record.message.split(":")[0] for record in caplog.records if record.name == disk_guard.__name__] == [
        "paused",
        "there is space again; going on",
    ]


class StopSecond(FIFOScheduler):
    """Stops the trial with index 1 at its second report."""

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Json) -> str:
        stop = result["index"] == 1 and result["training_step"] == 4
        return TrialScheduler.STOP if stop else TrialScheduler.CONTINUE


class OneByOne(Searcher):
    """Gives Ray Tune assignments, and notes with what each ended."""

    def __init__(self, assignments: list[TrialAssignment]) -> None:
        super().__init__(metric="training_step", mode="max")
        self._waiting = list(assignments)
        self.ended: dict[int, tuple[int, str]] = {}

    def suggest(self, trial_id: str) -> Json | str:
        return self._waiting.pop(0).to_dict() if self._waiting else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: Json | None = None, error: bool = False) -> None:
        assert not error
        assert result is not None
        self.ended[result["index"]] = (result["training_step"], result["failure"][:4])


def test_ray_tune_gets_every_report_and_can_stop_a_trial(assign: Assign, tmp_path: Path) -> None:
    overrides = {"0": [], "1": ["hardware.num_workers.train=1"], "2": ["training.learning_rate=1e30"]}
    trials = [replace(assign(*given, name=name), index=int(name)) for name, given in overrides.items()]
    search = OneByOne(trials)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        results = tune.Tuner(
            tune.with_resources(run_trial, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=search, scheduler=StopSecond(), num_samples=-1, max_concurrent_trials=2, reuse_actors=True
            ),
            run_config=tune.RunConfig(storage_path=str(tmp_path / "ray"), verbose=0),
        ).fit()
    finally:
        ray.shutdown()
    assert not results.errors
    assert search.ended == {0: (6, ""), 1: (4, ""), 2: (0, "the ")}
    assert [ending(trial)[0] for trial in trials] == ["FINISHED", "KILLED", "FAILED"]
    assert ending(trials[1])[1] == "stopped early at step 4"
