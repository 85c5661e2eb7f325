"""What a user sees when a run cannot start or cannot go on: a message that says what to do, and exit code 2."""

import json
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from trainable.config import compose
from trainable.errors import CheckpointError, ConfigError, DataError, EvsweepError, TrainingError
from trainable.model import read_checkpoint
from trainable.train import train
from trainable.validate import validate

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def assert_refused(done: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr


def test_a_loss_that_becomes_nan_stops_the_run_and_keeps_the_last_good_checkpoint(
    small_run: list[str], trainable: Command, tmp_path: Path
) -> None:
    done = trainable(
        "train",
        *small_run,
        "run_dir=run",
        "training.max_steps=30",
        # The rate rises from sane to absurd, so that the first checkpoints are good.
        "training.learning_rate=1e30",
        "training.lr_scheduler.pct_start=0.9",
        "training.lr_scheduler.div_factor=1e34",
        "logging.train.log_model_every_n_steps=1",
        cwd=tmp_path,
    )
    assert_refused(done, "the loss became", "at step", "row 0: sequence ", "frames ", "last good checkpoint is kept")
    weights = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["state_dict"]
    assert all(torch.isfinite(value).all() for value in weights.values())
    assert '"status":"FAILED"' in (tmp_path / "run" / "journal.jsonl").read_text()


class PoisonGradient(pl.Callback):
    """Makes one gradient NaN before the third step, with a loss that is finite."""

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: object) -> None:
        if trainer.global_step == 2:
            next(module.parameters()).grad.fill_(float("nan"))  # type: ignore[union-attr]


def test_a_gradient_that_becomes_nan_does_not_reach_a_checkpoint(small_run: list[str], tmp_path: Path) -> None:
    settings = [*small_run, "training.max_steps=4", "logging.train.log_model_every_n_steps=1"]
    with pytest.raises(TrainingError, match=r"a weight is no longer finite at step 3(.|\n)*row 0: sequence"):
        train(compose([*settings, f"run_dir={tmp_path / 'run'}"]), callbacks=[PoisonGradient()])
    content = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert content["global_step"] == 2
    assert all(torch.isfinite(value).all() for value in content["state_dict"].values())


def test_a_full_disk_ends_the_run_and_keeps_the_last_whole_checkpoint(
    small_run: list[str], trainable: Command, tmp_path: Path
) -> None:
    settings = [*small_run, "training.max_steps=4", "logging.train.log_model_every_n_steps=2"]
    assert trainable("train", *settings, "run_dir=run", cwd=tmp_path).returncode == 0
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    limit_bytes = last.stat().st_size // 2
    before = last.read_bytes()

    done = trainable(
        "train",
        *small_run,
        "training.max_steps=4",
        "logging.train.log_model_every_n_steps=1",
        f"checkpoint={last}",
        "run_dir=full",
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )
    assert_refused(done, "is full", "Free some space")
    assert last.read_bytes() == before
    assert not list((tmp_path / "full" / "checkpoints").glob("*"))


def test_asking_for_a_gpu_that_is_not_there_says_so(small_run: list[str], trainable: Command, tmp_path: Path) -> None:
    index = torch.cuda.device_count()
    done = trainable("train", *small_run, f"hardware.gpus={index}", "run_dir=run", cwd=tmp_path)
    assert_refused(
        done, f"hardware.gpus=[{index}] asks for GPU {index}", "set hardware.gpus=null to compute on the CPU"
    )
    assert not (tmp_path / "run").exists()


def test_a_mistyped_key_is_refused_before_anything_is_written(
    small_run: list[str], trainable: Command, tmp_path: Path
) -> None:
    done = trainable("train", *small_run, "training.max_stpes=3", cwd=tmp_path)
    assert_refused(done, "did you mean `training.max_steps`?")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def damaged(dataset: Path, tmp_path: Path) -> Path:
    """A copy of the dataset to be damaged."""
    return shutil.copytree(dataset, tmp_path / "damaged")


def run_on(root: Path, small_run: list[str], *overrides: str) -> None:
    train(compose([*small_run, f"dataset.path={root}", f"run_dir={root / 'run'}", "training.max_steps=2", *overrides]))


def test_an_empty_split_is_named(damaged: Path, small_run: list[str]) -> None:
    for sequence in (damaged / "val").iterdir():
        shutil.rmtree(sequence)
    with pytest.raises(DataError, match=r"val.*empty"):
        run_on(damaged, small_run)
    assert not (damaged / "run").exists()


def test_a_label_of_an_unknown_class_is_named_with_its_sequence(damaged: Path, small_run: list[str]) -> None:
    sequence = next((damaged / "train").iterdir())
    path = sequence / "labels_v2" / "labels.npz"
    with np.load(path) as archive:
        labels, index = archive["labels"], archive["objframe_idx_2_label_idx"]
    labels["class_id"][0] = 11
    np.savez(path, labels=labels, objframe_idx_2_label_idx=index)
    with pytest.raises(DataError, match=rf"{sequence.name}: a label has class 11, but the class list.*3 names"):
        run_on(damaged, small_run)


def test_a_truncated_representation_is_named(damaged: Path, small_run: list[str]) -> None:
    path = next((damaged / "train").glob("*/event_representations_v2/*/*.h5"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(DataError, match=path.name):
        run_on(damaged, small_run)


def test_a_representation_damaged_in_the_middle_is_named_from_a_loading_process(
    damaged: Path, small_run: list[str]
) -> None:
    for path in damaged.glob("train/*/event_representations_v2/*/*.h5"):
        with h5py.File(path, "r+") as file:
            name = max(file, key=lambda key: file[key].id.get_storage_size())
            chunk = file[name].id.get_chunk_info(0)
        with path.open("r+b") as raw:
            raw.seek(chunk.byte_offset)
            raw.write(b"\xff" * chunk.size)
    with pytest.raises(DataError, match=r"event_representations"):
        run_on(damaged, small_run, "hardware.num_workers.train=1")


def test_frames_of_another_size_than_configured_are_refused(dataset: Path, small_run: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"height 48 and width 80, but the configuration says(.|\n)*height 96"):
        run_on(dataset, small_run, "dataset.resolution_hw=[192,320]", "run_dir=null")


def test_a_dataset_preprocessed_with_other_classes_is_refused(small_run: list[str]) -> None:
    with pytest.raises(ConfigError, match="was preprocessed with --dataset demo, whose classes are not those of"):
        train(compose(["dataset=etram", *small_run[1:]]))


def test_a_batch_that_cannot_be_split_is_refused(small_run: list[str]) -> None:
    with pytest.raises(EvsweepError, match="micro must divide train=4"):
        compose([*small_run, "batch_size.micro=3"])


@pytest.fixture(scope="module")
def checkpoint(small_run: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two steps."""
    folder = tmp_path_factory.mktemp("run")
    train(compose([*small_run, "training.max_steps=2", f"run_dir={folder}", f"output_dir={folder.parent}"]))
    return folder / "checkpoints" / "last.ckpt"


def test_a_checkpoint_of_another_architecture_is_refused_with_the_keys_to_check(
    checkpoint: Path, small_run: list[str]
) -> None:
    other = [*small_run, f"checkpoint={checkpoint}", "model.backbone.embed_dim=32"]
    with pytest.raises(CheckpointError, match="embed_dim"):
        validate(compose(other))


def test_a_truncated_checkpoint_is_refused(checkpoint: Path, small_run: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.ckpt"
    broken.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"broken\.ckpt"):
        validate(compose([*small_run, f"checkpoint={broken}"]))


def test_validate_prints_a_table_and_writes_json_without_nan(
    checkpoint: Path, small_run: list[str], trainable: Command, tmp_path: Path
) -> None:
    done = trainable(
        "validate",
        *small_run[:3],
        "+experiment=demo",
        f"checkpoint={checkpoint}",
        "use_test_set=1",
        "result_json=result.json",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "AP_S" in done.stdout
    result = json.loads((tmp_path / "result.json").read_text(), parse_constant=pytest.fail)
    assert result["split"] == "test"
    assert result["checkpoint"] == str(checkpoint)


def test_validation_of_a_checkpoint_repeats_the_metrics_of_its_training(checkpoint: Path, small_run: list[str]) -> None:
    recorded = json.loads((checkpoint.parent.parent / "metrics.json").read_text())
    again = validate(compose([*small_run, f"checkpoint={checkpoint}"]))
    assert recorded["step"] == 2
    assert again.metrics.to_json() == recorded["metrics"]
