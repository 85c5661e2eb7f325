"""Training learns: a detector that cannot memorise two recordings is trained wrongly."""

from pathlib import Path

import pytest

from trainable.config import compose
from trainable.data import preprocess, simulate
from trainable.train import train


@pytest.fixture
def two_recordings(tmp_path: Path) -> Path:
    """Two simulated recordings, which are both the training and the validation split."""
    raw, out = tmp_path / "raw", tmp_path / "dataset"
    simulate(raw, seed=1, train=2, val=0, test=0, duration_s=1.0, height=96, width=160, mean_objects=3.0)
    preprocess(raw, out, dataset="demo")
    (out / "val").symlink_to(out / "train")
    return out


def test_rvt_tiny_memorises_two_recordings(two_recordings: Path, tmp_path: Path) -> None:
    result = train(
        compose(
            [
                "dataset=demo",
                f"dataset.path={two_recordings}",
                "dataset.resolution_hw=[96,160]",
                "+experiment=demo",
                "model.backbone.embed_dim=32",
                "model.backbone.stage.attention.dim_head=32",
                "dataset.data_augmentation.random.prob_hflip=0",
                "dataset.data_augmentation.stream.prob_hflip=0",
                "batch_size.train=4",
                "dataset.sequence_length=4",
                "training.learning_rate=0.003",
                "training.max_steps=150",
                "validation.val_check_interval=150",
                "reproduce.seed_everything=0",
                "tracking.enabled=false",
                f"run_dir={tmp_path / 'run'}",
            ]
        )
    )
    assert result.metrics.AP50 > 0.9
