"""Pictures and curves that a training leaves, and what they must not do to it."""

import csv
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from trainable.config import compose
from trainable.lightning_module import DetectionModule
from trainable.model import read_checkpoint
from trainable.tracking.entries import ArtifactEntry
from trainable.tracking.journal import JournalReader
from trainable.train import train

SETTINGS = ["training.max_steps=4", "validation.val_check_interval=2", "logging.train.log_every_n_steps=1"]


def artifacts(run: Path) -> list[str]:
    return [entry.path for entry in JournalReader(run).read() if isinstance(entry, ArtifactEntry)]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(run / "checkpoints" / "last.ckpt")["state_dict"])


def test_pictures_are_replaced_at_every_validation_and_change_no_number(small_run: list[str], tmp_path: Path) -> None:
    drawn, plain = tmp_path / "drawn", tmp_path / "plain"
    settings = [*small_run, *SETTINGS, "model.backbone.stage.attention.drop_path=0.2"]  # draws random numbers
    one = train(compose([*settings, f"run_dir={drawn}", "tracking.log_best_checkpoint=true"]))
    other = train(compose([*settings, f"run_dir={plain}", "logging.validation.event_images=0"]))

    pictures = sorted(path.relative_to(drawn).as_posix() for path in (drawn / "event_images").iterdir())
    assert len(pictures) == 4
    assert len({name.rpartition("_")[0] for name in pictures}) == 2  # both recordings
    listed = artifacts(drawn)
    assert [listed.count(name) for name in [*pictures, "curves.png", "curves.csv"]] == [2] * 6
    assert listed[-1] == "checkpoints/best.ckpt"
    with (drawn / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[-1]["AP"]) == one.metrics.AP
    assert rows[0]["AP"] == ""
    assert float(rows[0]["train/loss"]) > 0

    assert not (plain / "event_images").exists()
    assert "checkpoints/best.ckpt" not in artifacts(plain)
    assert one.metrics.flat() == pytest.approx(other.metrics.flat(), abs=0, nan_ok=True)
    expected = weights(plain)
    assert all(torch.equal(value, expected[name]) for name, value in weights(drawn).items())


def test_a_resumed_run_has_whole_curves_and_the_same_moments(small_run: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"

    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
            if trainer.global_step == 3:
                raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(compose([*small_run, *SETTINGS, f"run_dir={run}"]), callbacks=[Stop()])
    before = sorted((run / "event_images").iterdir())
    train(compose([*small_run, *SETTINGS, f"resume={run}"]))
    assert sorted((run / "event_images").iterdir()) == before
    with (run / "curves.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]


def test_a_picture_that_cannot_be_made_costs_only_the_picture(
    small_run: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"

    class Obstruct(pl.Callback):
        def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            (run / "event_images").write_text("a file where a folder is needed")
            (run / "curves.png").mkdir()

    result = train(compose([*small_run, *SETTINGS, f"run_dir={run}"]), callbacks=[Obstruct()])
    assert result.step == 4
    assert "the event images cannot be made (FileExistsError" in caplog.text
    assert "the learning curves cannot be made (IsADirectoryError" in caplog.text


def test_the_detections_of_a_frame_are_those_that_were_evaluated(small_run: list[str], tmp_path: Path) -> None:
    class Look(pl.Callback):
        def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            assert isinstance(module, DetectionModule)
            collector, records = module._collector, module.match_records
            assert collector is not None
            assert records is not None
            frames = collector.evaluated_frames
            counts = [len(collector.detections(*frame)) for frame in frames.tolist()]
            assert sum(counts) == len(records.detections.frame) > 0
            busiest = frames[counts.index(max(counts))].tolist()
            scores = collector.detections(*busiest)["class_confidence"]
            assert (scores[:-1] >= scores[1:]).all()
            seen.append(True)

    seen: list[bool] = []
    settings = [*small_run, "training.max_steps=2", "validation.val_check_interval=2"]
    settings.append("model.postprocess.confidence_threshold=0.00001")
    train(compose([*settings, f"run_dir={tmp_path / 'run'}"]), callbacks=[Look()])
    assert seen == [True]
