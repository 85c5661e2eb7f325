"""Sweeps in processes of their own, and one of them that nothing happens to."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml
from mlflow import MlflowClient

from sweep.folder import open_sweep
from sweep.record import open_study
from sweep.trial_records import TrialRecord
from trainable.tracking import read_progress

STEPS, VALIDATION_INTERVAL = 18, 6
TRIALS = 4
PATIENCE_S = 400.0
"""Longest wait for anything: the machines that run the tests are shared."""

SPACE = {
    "name": "faults",
    "description": "Two known points, of which one fails, and two random ones.",
    "fixed": {"model.head.size_aware_loss": True},
    "dimensions": {
        "training.learning_rate": {"float": [1e-3, 1e-2], "log": True, "label": "rate"},
        "model.head.size_aware_weight": {
            "float": [1.1, 6.0],
            "when": {"model.head.size_aware_loss": True},
            "label": "weight",
        },
    },
    "known_points": {
        "baseline": {"model.head.size_aware_loss": False, "training.learning_rate": 0.003},
        "diverging": {
            "model.head.size_aware_weight": 2.0,
            "training.learning_rate": 0.003,
            "training.weight_decay": 1e30,
        },
    },
}


@dataclass(frozen=True)
class Published:
    """What a tracking server has of a run.

    Attributes:
        status: Its status.
        tags: Its tags.
        points: Metric and step to value.
    """

    status: str
    tags: Mapping[str, str]
    points: Mapping[tuple[str, int], float]


class Sweep:
    """A sweep that runs in processes of its own, as a user starts it."""

    def __init__(self, place: Path, name: str, settings: list[str], uri: str) -> None:
        self.directory = place / "sweeps" / name
        self._settings = settings
        self._uri = uri
        self._output = place / f"{name}.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        """What it has printed and logged so far."""
        return self._output.read_text()

    def run(self, *options: str, **environment: str) -> None:
        shared = ("--search", "random", "--scheduler", "none", "--objective", "AR", "--seed", "5")
        tracking = ("--tracking-uri", self._uri)
        options = ("--trials", str(TRIALS), "--max-concurrent", "2", *shared, *tracking, *options)
        self._start(
            "run", "--space", "faults.yaml", "--name", self.directory.name, *options, *self._settings, **environment
        )

    def resume(self) -> None:
        self._start("resume", self.directory.name)

    def kill_driver(self) -> list[psutil.Process]:
        """Kill the driver, and wait for nothing that it had started; those processes."""
        assert self._process is not None
        below = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        return below

    def kill_part(self, name: str) -> None:
        """Kill a part of Ray."""
        assert self._process is not None
        parts = [part for part in psutil.Process(self._process.pid).children(recursive=True) if part.name() == name]
        assert len(parts) == 1, parts
        parts[0].kill()

    def end(self) -> None:
        """Wait until it is done."""
        assert self._process is not None
        assert self._process.wait(PATIENCE_S) == 0, self.said

    def stop_at_once(self) -> None:
        """Leave nothing running, whatever the test came to."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def trial(self, index: int) -> Path:
        return self.directory / "trials" / f"{index:04d}"

    def step(self, *indices: int) -> int:
        """Where trials are, by default all of them, as the sum of their steps."""
        logs = [self.trial(index) / "trial.log" for index in indices or range(TRIALS)]
        told = [re.findall(r"INFO step (\d+) of", log.read_text()) for log in logs if log.exists()]
        return sum(int(steps[-1]) for steps in told if steps)

    def wait_for_step(self, step: int, *indices: int) -> None:
        self._wait_until(lambda: self.step(*indices) >= step)

    def wait_until_said(self, text: str, times: int) -> None:
        self._wait_until(lambda: self.said.count(text) >= times)

    def trials(self) -> list[TrialRecord]:
        return open_study(open_sweep(self.directory.parent, self.directory.name)).trials()

    def published(self, directory: Path) -> Published:
        progress = read_progress(directory)
        assert progress is not None, directory
        client = MlflowClient(self._uri)
        run = client.get_run(progress.mlflow_run_id)
        points: dict[tuple[str, int], float] = {}
        for name in run.data.metrics:
            for point in client.get_metric_history(run.info.run_id, name):
                assert (name, point.step) not in points, f"{directory}: {name} has step {point.step} twice"
                points[name, point.step] = point.value
        return Published(run.info.status, run.data.tags, points)

    def runs(self) -> list[str]:
        """The identities of the sweep's own run and of its trials' runs on the server, the latter sorted."""
        progress = read_progress(self.directory)
        assert progress is not None
        client, experiments = MlflowClient(self._uri), [progress.experiment_id]
        own = client.search_runs(experiments, f"tags.mlflow.runName = '{self.directory.name}'")
        below = client.search_runs(experiments, f"tags.`mlflow.parentRunId` = '{progress.mlflow_run_id}'")
        assert [run.info.run_id for run in own] == [progress.mlflow_run_id]
        return [progress.mlflow_run_id, *sorted(run.info.run_id for run in below)]

    def _wait_until(self, happened: Callable[[], bool]) -> None:
        assert self._process is not None
        deadline_s = time.monotonic() + PATIENCE_S
        while not happened():
            assert self._process.poll() is None, self.said
            assert time.monotonic() < deadline_s, self.said
            time.sleep(0.05)

    def _start(self, *arguments: str, **environment: str) -> None:
        with self._output.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sweep", *arguments],
                cwd=self.directory.parent.parent,
                env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1", **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the sweeps are run."""
    place = tmp_path_factory.mktemp("place")
    (place / "faults.yaml").write_text(yaml.safe_dump(SPACE))
    return place


@pytest.fixture(scope="session")
def begin(place: Path, small_run: list[str]) -> Iterator[Callable[..., Sweep]]:
    """Starts a sweep of a name."""
    settings = [
        *(override for override in small_run if not override.startswith(("reproduce.", "tracking."))),
        f"training.max_steps={STEPS}",
        f"validation.val_check_interval={VALIDATION_INTERVAL}",
        "logging.train.log_every_n_steps=1",
        "logging.train.log_model_every_n_steps=2",
        "logging.validation.event_images=0",
        "model.postprocess.confidence_threshold=0.00001",  # of a detector that has learned next to nothing
    ]
    begun: list[Sweep] = []

    def start(name: str, *options: str, uri: str = "", **environment: str) -> Sweep:
        sweep = Sweep(place, name, settings, uri or f"sqlite:///{place / 'mlflow.db'}")
        begun.append(sweep)
        sweep.run(*options, **environment)
        return sweep

    yield start
    for sweep in begun:
        sweep.stop_at_once()


@pytest.fixture(scope="session")
def reference(begin: Callable[..., Sweep]) -> Sweep:
    """The sweep that nothing happens to."""
    sweep = begin("reference")
    sweep.end()
    return sweep
