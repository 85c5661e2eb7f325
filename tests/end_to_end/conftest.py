"""A small simulated dataset and the command line as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainable.data import preprocess, simulate

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def raw_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated recordings of a 96 x 160 sensor: 4 for training, 2 for validation, 1 for testing."""
    raw = tmp_path_factory.mktemp("simulated") / "raw"
    simulate(raw, seed=5, train=4, val=2, test=1, duration_s=1.5, height=96, width=160)
    return raw


@pytest.fixture(scope="session")
def dataset(raw_recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated recordings, preprocessed at half resolution."""
    out = tmp_path_factory.mktemp("preprocessed") / "dataset"
    preprocess(raw_recordings, out, dataset="demo")
    return out


@pytest.fixture(scope="session")
def small_run(dataset: Path) -> list[str]:
    """Overrides of a run that takes a fraction of a second a step."""
    return [
        "dataset=demo",
        f"dataset.path={dataset}",
        "dataset.resolution_hw=[96,160]",
        "+experiment=demo",
        "batch_size.train=4",
        "batch_size.eval=2",
        "reproduce.seed_everything=3",
        "tracking.enabled=false",
    ]


def command_environment() -> dict[str, str]:
    """One thread a process: the tests share two cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def trainable() -> Command:
    """Runs `python -m trainable` with arguments in a folder, and returns what it printed and its exit code."""

    def run(*arguments: str, cwd: Path, **options: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "trainable", *arguments],
            cwd=cwd,
            env=command_environment(),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def start_trainable() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts `python -m trainable` with arguments in a folder, and returns the running process."""

    def start(*arguments: str, cwd: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "trainable", *arguments],
            cwd=cwd,
            env=command_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
