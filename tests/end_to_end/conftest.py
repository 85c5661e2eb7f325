"""A small simulated dataset, the command line as a user runs it, and a tracking server."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from trainable.data import preprocess, simulate
from trainable.tracking import read_progress

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


class Server:
    """An MLflow server on a fixed free port, which can be killed and started again over the same database."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.database = directory / "server.db"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        options += ["--backend-store-uri", f"sqlite:///{self.database}"]
        options += ["--artifacts-destination", str(self._directory / "artifacts")]
        environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *options],
            cwd=self._directory,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait(answering=True)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self._wait(answering=False)

    def steps(self, directory: Path, metric: str = "loss") -> list[int]:
        """The steps of every stored point of a run's metric, doubles included."""
        progress = read_progress(directory)
        if progress is None:
            return []
        history = MlflowClient(self.uri).get_metric_history(progress.mlflow_run_id, metric)
        return sorted(point.step for point in history)

    def status(self, directory: Path) -> str | None:
        """A run's status; None before it is published."""
        progress = read_progress(directory)
        return None if progress is None else MlflowClient(self.uri).get_run(progress.mlflow_run_id).info.status

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return True
        except OSError:
            return False

    def _wait(self, *, answering: bool) -> None:
        deadline = time.monotonic() + 60
        while self.answers() != answering:
            assert time.monotonic() < deadline, f"the server does not {'answer' if answering else 'end'} in a minute"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server
    finally:
        server.kill()
