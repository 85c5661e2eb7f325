"""A run that is killed and resumed goes on as if nothing had happened."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient

from trainable.config import compose
from trainable.model import read_checkpoint
from trainable.tracking import read_progress
from trainable.train import train


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
    for row, state in expected["recurrent_rows"].items():
        for (hidden, cell), (other_hidden, other_cell) in zip(state, actual["recurrent_rows"][row], strict=True):
            assert torch.equal(hidden, other_hidden)
            assert torch.equal(cell, other_cell)

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
