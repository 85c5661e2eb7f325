"""A run that is killed and resumed goes on as if nothing had happened."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from mlflow import MlflowClient

from trainable.config import compose
from trainable.data import Batch
from trainable.evaluation import load_match_records, metrics_from_records
from trainable.model import read_checkpoint
from trainable.tracking import read_progress
from trainable.train import train

RUNS = ("whole", "killed")


def wait_for_checkpoint(path: Path, step: int, process: "subprocess.Popen[str]") -> None:
    deadline_s = time.monotonic() + 120
    while not path.exists() or read_checkpoint(path)["global_step"] < step:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline_s, f"no checkpoint of step {step} in two minutes"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("sampling", "micro", "killed_after"),
    [("mixed", "null", 20), ("stream", "2", 30)],
    ids=["mixed, killed after a checkpoint", "stream in micro-batches, killed after a validation"],
)
def test_a_killed_and_resumed_run_ends_with_the_same_weights_to_the_bit(
    sampling: str,
    micro: str,
    killed_after: int,
    small_run: list[str],
    start_trainable: Callable[..., "subprocess.Popen[str]"],
    trainable: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path: Path,
) -> None:
    settings = [
        *small_run,
        f"dataset.train.sampling={sampling}",
        "model.backbone.stage.attention.drop_path=0.2",  # draws random numbers in every step
        f"batch_size.micro={micro}",
        "training.max_steps=40",
        "validation.val_check_interval=15",
        "logging.train.log_model_every_n_steps=20",
        "logging.train.log_every_n_steps=1",
    ]
    whole = trainable("train", *settings, "run_dir=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr

    tracked = [*settings, "tracking.enabled=true"]
    process = start_trainable("train", *tracked, "run_dir=killed", cwd=tmp_path)
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    wait_for_checkpoint(last, killed_after, process)
    process.kill()
    process.wait()
    assert read_checkpoint(last)["global_step"] < 40
    resumed = trainable("train", *tracked, "resume=killed", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr

    expected = read_checkpoint(tmp_path / "whole" / "checkpoints" / "last.ckpt")
    actual = read_checkpoint(last)
    assert actual["global_step"] == expected["global_step"] == 40
    for key, value in expected["state_dict"].items():
        assert torch.equal(actual["state_dict"][key], value), key
    for index, state in expected["optimizer_states"][0]["state"].items():
        for name, value in state.items():
            assert torch.equal(actual["optimizer_states"][0]["state"][index][name], value), (index, name)
    for row, state in expected["recurrent_rows"].items():
        for (hidden, cell), (other_hidden, other_cell) in zip(state, actual["recurrent_rows"][row], strict=True):
            assert torch.equal(hidden, other_hidden)
            assert torch.equal(cell, other_cell)

    for step in (15, 30, 40):
        records = [load_match_records(tmp_path / run / "match_records" / f"step_{step:07d}.npz") for run in RUNS]
        assert metrics_from_records(records[0]).flat() == pytest.approx(
            metrics_from_records(records[1]).flat(), rel=0, abs=0, nan_ok=True
        )

    progress = read_progress(tmp_path / "killed")
    assert progress is not None
    history = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db").get_metric_history(
        progress.mlflow_run_id, "train/loss"
    )
    assert sorted(point.step for point in history) == list(range(1, 41))


def test_a_resumed_run_must_keep_its_settings(small_run: list[str], tmp_path: Path) -> None:
    settings = [*small_run, "training.max_steps=2", "validation.val_check_interval=2"]
    train(compose([*settings, f"run_dir={tmp_path / 'run'}"]))
    changed = [*settings, "model.head.size_aware_weight=4.0", f"resume={tmp_path / 'run'}"]
    with pytest.raises(Exception, match=r"model.head.size_aware_weight: 2.0 then, 4.0 now"):
        train(compose(changed))


def test_a_finished_run_can_be_resumed_and_is_only_validated(small_run: list[str], tmp_path: Path) -> None:
    settings = [*small_run, "training.max_steps=2", "validation.val_check_interval=2"]
    first = train(compose([*settings, f"run_dir={tmp_path / 'run'}"]))
    again = train(compose([*settings, f"resume={tmp_path / 'run'}"]))
    assert again.step == first.step == 2
    assert again.metrics.to_json() == first.metrics.to_json()


def test_a_resumed_run_may_change_its_micro_batches_and_keeps_whole_batches(
    small_run: list[str], tmp_path: Path
) -> None:
    settings = [*small_run, "logging.train.log_model_every_n_steps=3", "training.max_steps=6"]
    stopped = StopAfter(3)
    with pytest.raises(SystemExit):
        train(compose([*settings, "batch_size.micro=2", f"run_dir={tmp_path / 'run'}"]), callbacks=[stopped])
    recorder = RowRecorder()
    result = train(compose([*settings, "batch_size.micro=1", f"resume={tmp_path / 'run'}"]), callbacks=[recorder])
    assert result.step == 6
    assert [sorted(rows) for rows in recorder.rows_by_step] == [[0, 1, 2, 3]] * 3


def test_the_last_validation_can_give_the_best_checkpoint(small_run: list[str], tmp_path: Path) -> None:
    settings = [*small_run, "training.max_steps=3", "validation.val_check_interval=2"]
    train(compose([*settings, f"run_dir={tmp_path / 'run'}"]))
    last, best = (read_checkpoint(tmp_path / "run" / "checkpoints" / f"{name}.ckpt") for name in ("last", "best"))
    assert last["global_step"] == 3
    assert best["global_step"] in (2, 3)
    only_at_the_end = [*small_run, "training.max_steps=2", f"run_dir={tmp_path / 'other'}"]
    train(compose(only_at_the_end))
    assert read_checkpoint(tmp_path / "other" / "checkpoints" / "best.ckpt")["global_step"] == 2


def test_the_journal_holds_the_rate_of_each_step(small_run: list[str], tmp_path: Path) -> None:
    train(
        compose(
            [
                *small_run,
                "training.max_steps=4",
                "training.lr_scheduler.pct_start=0.5",
                "logging.train.log_every_n_steps=1",
                f"run_dir={tmp_path / 'run'}",
            ]
        )
    )
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    rates = [line["values"]["train/learning_rate"] for line in lines if "train/loss" in line.get("values", {})]
    assert rates == pytest.approx([0.0008, 0.008, 0.00404, 0.00008], rel=1e-3)


class StopAfter(pl.Callback):
    """Ends the process's training as a scheduler does, once a checkpoint of `step` is written."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch, index: int) -> None:
        if trainer.global_step == self._step:
            raise SystemExit


class RowRecorder(pl.Callback):
    """Notes which rows each optimizer step sees."""

    def __init__(self) -> None:
        self.rows_by_step: list[list[int]] = []
        self._rows: list[int] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch, index: int) -> None:
        self._rows += batch.rows.tolist()

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: object) -> None:
        self.rows_by_step.append(self._rows)
        self._rows = []
