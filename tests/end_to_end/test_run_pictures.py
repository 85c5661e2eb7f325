"""Pictures and curves that a training leaves, and what they must not do to it."""

import csv
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from trainable.assembly import open_sequences
from trainable.config import compose
from trainable.lightning_module import DetectionModule
from trainable.model import build_detector, read_checkpoint
from trainable.moment_file import load_moments
from trainable.tracking.entries import ArtifactEntry, TagsEntry
from trainable.tracking.journal import JournalReader
from trainable.train import train
from trainable.training_boxes import load_training_boxes

SETTINGS = ["training.max_steps=4", "validation.val_check_interval=2", "logging.train.log_every_n_steps=1"]

NOTHING_DRAWN = ["logging.validation.event_images=0", "logging.validation.compared_moments=0"]


def artifacts(run: Path) -> list[str]:
    return [entry.path for entry in JournalReader(run).read() if isinstance(entry, ArtifactEntry)]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(run / "checkpoints" / "last.ckpt")["state_dict"])


def test_pictures_are_replaced_at_every_validation_and_change_no_number(small_run: list[str], tmp_path: Path) -> None:
    drawn, plain = tmp_path / "drawn", tmp_path / "plain"
    settings = [*small_run, *SETTINGS, "model.backbone.stage.attention.drop_path=0.2"]  # draws random numbers
    one = train(compose([*settings, f"run_dir={drawn}", "tracking.log_best_checkpoint=true"]))
    other = train(compose([*settings, f"run_dir={plain}", *NOTHING_DRAWN]))

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
    assert not (plain / "moments.npz").exists()
    assert "checkpoints/best.ckpt" not in artifacts(plain)
    assert one.metrics.flat() == pytest.approx(other.metrics.flat(), abs=0, nan_ok=True)
    expected = weights(plain)
    assert all(torch.equal(value, expected[name]) for name, value in weights(drawn).items())


def test_runs_keep_the_same_moments_and_what_their_last_validation_found_on_them(
    small_run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainable.callbacks.validation_moments.LEAST_SCORE", 0.0)  # four steps teach little
    runs = [tmp_path / "one", tmp_path / "other"]
    settings = [
        *small_run,
        *SETTINGS,
        "model.postprocess.confidence_threshold=0.00001",
        "dataset.train.sampling=random",
    ]
    for seed, run in enumerate(runs):
        train(compose([*settings, f"run_dir={run}", f"reproduce.seed_everything={seed}"]))
    one, other = (load_moments(run / "moments.npz") for run in runs)
    assert (one.step, len(one.moments)) == (4, 24)
    assert one.class_names == compose(settings).label_set.class_names
    for mine, yours in zip(one.moments, other.moments, strict=True):
        assert (mine.sequence, mine.frame, mine.time_us) == (yours.sequence, yours.frame, yours.time_us)
        assert (mine.events == yours.events).all()
        assert (mine.labels == yours.labels).all()
        assert mine.events.shape == (2, 48, 80)
        assert len(mine.labels) > 0
        scores = mine.detections["class_confidence"]
        assert (scores[:-1] >= scores[1:]).all()
    assert sum(len(moment.detections) for moment in one.moments) > 0
    assert artifacts(runs[0]).count("moments.npz") == 2


def test_a_run_records_the_size_of_its_model_and_of_the_boxes_that_it_learns_from(
    small_run: list[str], dataset: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(compose([*small_run, *SETTINGS, *NOTHING_DRAWN, f"run_dir={run}"]))
    boxes = load_training_boxes(run / "training_boxes.json")
    sequences = open_sequences(compose(small_run), "train")
    assert len(sequences) == 4
    for class_id, counts in enumerate(boxes.counts):
        assert counts.sum() == sum(np.sum(one.all_labels["class_id"] == class_id) for one in sequences)
    assert boxes.sensor_px2_per_input_px2 == 4
    assert artifacts(run).count("training_boxes.json") == 1
    tags: dict[str, str] = {}
    for entry in JournalReader(run).read():
        if isinstance(entry, TagsEntry):
            tags |= entry.values
    assert tags["model.parameters"] == str(
        sum(value.numel() for value in build_detector(compose(small_run)).parameters())
    )


def test_a_resumed_run_has_whole_curves_and_the_same_moments(small_run: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"

    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
            if trainer.global_step == 3:
                raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(compose([*small_run, *SETTINGS, f"run_dir={run}"]), callbacks=[Stop()])
    before = sorted((run / "event_images").iterdir())
    moments = load_moments(run / "moments.npz")
    boxes_written_ns = (run / "training_boxes.json").stat().st_mtime_ns
    train(compose([*small_run, *SETTINGS, f"resume={run}"]))
    assert sorted((run / "event_images").iterdir()) == before
    resumed = load_moments(run / "moments.npz")
    assert (moments.step, resumed.step) == (2, 4)
    assert [(one.sequence, one.frame) for one in resumed.moments] == [(o.sequence, o.frame) for o in moments.moments]
    assert (run / "training_boxes.json").stat().st_mtime_ns == boxes_written_ns
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
            (run / "moments.npz").mkdir()

    (run / "training_boxes.json").mkdir(parents=True)
    result = train(compose([*small_run, *SETTINGS, f"run_dir={run}"]), callbacks=[Obstruct()])
    assert result.step == 4
    assert "the event images cannot be made (FileExistsError" in caplog.text
    assert "the learning curves cannot be made (IsADirectoryError" in caplog.text
    assert "the compared moments cannot be made (DataError" in caplog.text
    assert "the training boxes' areas cannot be made (DataError" in caplog.text


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
