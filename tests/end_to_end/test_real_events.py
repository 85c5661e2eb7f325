"""The whole way on real events, with the commands that the README shows."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_real_recording_goes_from_raw_events_to_metrics(shared_dir: Path, trainable: Command, tmp_path: Path) -> None:
    recordings = shared_dir / "data" / "figure_640x480"

    def run(*arguments: str) -> str:
        done = trainable(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("preprocess", str(recordings), "figure", "--dataset", "etram", "--workers", "2")
    statistics = run("stats", "figure", "--dataset", "etram", "--json", "statistics.json")
    assert "pedestrian" in statistics
    assert (tmp_path / "statistics.png").stat().st_size > 10_000

    run_settings = [
        "dataset=etram",
        "dataset.path=figure",
        "dataset.resolution_hw=[480,640]",
        "+experiment/gen4=tiny",
        "hardware.gpus=null",
        "hardware.num_workers.eval=0",
    ]
    run(
        "train",
        *run_settings,
        "hardware.num_workers.train=0",
        "batch_size.train=2",
        "batch_size.eval=1",
        "training.max_steps=60",
        "training.learning_rate=0.001",
        "dataset.sequence_length=3",
        "reproduce.seed_everything=0",
        "result_json=train.json",
        "run_dir=run",
    )
    trained = json.loads((tmp_path / "train.json").read_text())
    assert trained["step"] == 60

    table = run("validate", *run_settings, "checkpoint=run/checkpoints/last.ckpt", "result_json=validate.json")
    assert "AP_S" in table
    validated = json.loads((tmp_path / "validate.json").read_text())
    truths = validated["metrics"]["unfiltered"]["mean"]["all"]["truths"]
    assert truths > 0
    # The recording is too short to measure accuracy on; what is learnt shows at least in finding the figure at all.
    assert validated["metrics"]["unfiltered"]["by_class"]["pedestrian"]["all"]["AR"] > 0
    # `validate` runs windows of another length and batches of another size, which must not matter.
    assert validated["metrics"]["unfiltered"]["mean"]["all"]["AP"] == pytest.approx(
        trained["metrics"]["unfiltered"]["mean"]["all"]["AP"], abs=0.02
    )
