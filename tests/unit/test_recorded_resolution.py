from pathlib import Path

import pytest

from trainable.assembly import open_sequences, with_recorded_resolution
from trainable.config import Config, compose
from trainable.data import preprocess, simulate
from trainable.errors import ConfigError, DataError


def demo(path: Path, *overrides: str) -> Config:
    return compose(["dataset=demo", f"dataset.path={path}", "+experiment=demo", *overrides])


def test_the_size_of_the_sensor_is_read_from_the_frames_where_it_is_null(tmp_path: Path) -> None:
    simulate(tmp_path / "raw", seed=1, train=1, val=0, test=0, duration_s=0.4, height=96, width=160, mean_objects=3.0)
    preprocess(tmp_path / "raw", tmp_path / "dataset", dataset="demo")
    config = with_recorded_resolution(demo(tmp_path / "dataset", "dataset.resolution_hw=null"))
    assert config.dataset.resolution_hw == (96, 160)
    assert config.input_hw == (48, 80)
    assert len(open_sequences(config, "train")) == 1


def test_a_size_that_is_given_needs_no_dataset(tmp_path: Path) -> None:
    config = demo(tmp_path / "none")
    assert with_recorded_resolution(config) is config


def test_a_null_size_needs_a_dataset(tmp_path: Path) -> None:
    config = demo(tmp_path / "none", "dataset.resolution_hw=null")
    with pytest.raises(DataError, match="preprocessed dataset"):
        with_recorded_resolution(config)
    with pytest.raises(ConfigError, match=r"set it to \[HEIGHT,WIDTH\]"):
        _ = config.input_hw
