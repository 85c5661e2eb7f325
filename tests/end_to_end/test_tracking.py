"""Tracking against real servers that are absent, killed and restarted, and real trainings that are killed."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from trainable.tracking import RunTracking, default_uri, publish, read_progress
from trainable.tracking.entries import MetricsEntry
from trainable.tracking.journal import JournalReader
from trainable.tracking.progress import unpublished_lines

EXPERIMENT = "traffic"

TRAINING = """
import sys, time
from pathlib import Path
from trainable.tracking import RunTracking
directory, uri, first_step, resume_step = sys.argv[1:]
resume = {"resume_step": int(resume_step)} if resume_step else {}
tracking = RunTracking.start(Path(directory), experiment="traffic", uri=uri, interval_s=0.2, **resume)
for step in range(int(first_step), 10_000):
    tracking.metrics({"loss": 1 / step, "AP_S": float("nan")}, step)
    print(step, flush=True)
    time.sleep(0.005)
"""


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not reached within {seconds} s"
        time.sleep(0.1)


def log_steps(tracking: RunTracking, steps: range) -> float:
    """Log like a training; the longest time that one call took, in seconds."""
    longest_s = 0.0
    for step in steps:
        begin_s = time.perf_counter()
        tracking.metrics({"loss": 1 / step, "AP_S": float("nan")}, step)
        longest_s = max(longest_s, time.perf_counter() - begin_s)
    return longest_s


def test_a_server_that_comes_late_and_dies_in_the_middle_has_every_point_once(
    server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    tracking = RunTracking.start(run, experiment=EXPERIMENT, uri=server.uri, interval_s=0.2)
    tracking.parameters({"patch_size": 3})
    longest_s = log_steps(tracking, range(1, 51))

    server.start()
    wait_until(lambda: len(server.steps(run)) == 50, 20)
    longest_s = max(longest_s, log_steps(tracking, range(51, 101)))
    wait_until(lambda: len(server.steps(run)) == 100, 20)

    server.kill()
    longest_s = max(longest_s, log_steps(tracking, range(101, 151)))
    (run / "report.txt").write_text("done")
    tracking.artifact(run / "report.txt")
    with caplog.at_level(logging.WARNING):
        begin_s = time.monotonic()
        tracking.close("FINISHED", timeout_s=1.0)
        assert time.monotonic() - begin_s < 5.0
    assert f"python -m trainable publish {run}" in caplog.text
    assert unpublished_lines(run) == 52

    server.start()
    summary = publish(run)
    assert (summary.points_sent, summary.points_there, summary.artifacts_sent) == (50, 100, 1)
    assert server.steps(run) == list(range(1, 151))
    assert unpublished_lines(run) == 0
    assert MlflowClient(server.uri).get_run(summary.progress.mlflow_run_id).info.status == "FINISHED"
    again = publish(run)
    assert (again.points_sent, again.points_there, again.artifacts_sent) == (0, 150, 0)
    assert server.steps(run) == list(range(1, 151))
    assert longest_s < 0.5


def test_a_training_killed_and_resumed_has_every_point_once_and_says_when_it_is_gone(
    server: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    if not server.answers():
        server.start()

    def train_and_kill(first_step: int, resume_step: str, until_step: int) -> int:
        arguments = [str(run), server.uri, str(first_step), resume_step]
        training = subprocess.Popen([sys.executable, "-c", TRAINING, *arguments], stdout=subprocess.PIPE, text=True)
        assert training.stdout is not None
        with training:
            while int(training.stdout.readline()) < until_step:
                pass
            wait_until(lambda: server.status(run) == "RUNNING", 20)
            training.kill()
            return max([until_step, *map(int, training.stdout.read().split("\n")[:-1])])

    last_step = train_and_kill(1, "", until_step=1000)
    wait_until(lambda: server.status(run) == "FAILED", 20)  # its publishing process outlives it for one last time
    assert len(server.steps(run)) >= last_step
    resumed_last_step = train_and_kill(501, "500", until_step=1500)
    wait_until(lambda: server.status(run) == "FAILED", 20)
    publish(run)
    assert server.status(run) == "FAILED"

    steps = server.steps(run)
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= resumed_last_step
    journaled = [entry.step for entry in JournalReader(run).read() if isinstance(entry, MetricsEntry)]
    assert len(journaled) > len(steps)
    assert server.steps(run, "AP_S") == []


def test_trainings_that_start_together_share_one_new_database(tmp_path: Path) -> None:
    uri = default_uri(tmp_path)
    runs = [tmp_path / f"trial_{number}" for number in range(2)]
    trackings = [RunTracking.start(run, experiment=EXPERIMENT, uri=uri, interval_s=0.2) for run in runs]
    for tracking in trackings:
        log_steps(tracking, range(1, 101))
    for tracking in trackings:
        tracking.close("KILLED", "stopped early", timeout_s=30.0)
    client = MlflowClient(uri)
    for run in runs:
        progress = read_progress(run)
        assert progress is not None
        history = client.get_metric_history(progress.mlflow_run_id, "loss")
        assert sorted(point.step for point in history) == list(range(1, 101))
        assert client.get_run(progress.mlflow_run_id).info.status == "KILLED"


def test_without_a_server_the_run_is_journaled_and_can_be_published_later(server: Any, tmp_path: Path) -> None:
    if not server.answers():
        server.start()
    run = tmp_path / "run"
    tracking = RunTracking.start(run, experiment=EXPERIMENT, uri=None)
    log_steps(tracking, range(1, 11))
    tracking.close("FINISHED")
    assert sorted(path.name for path in run.iterdir()) == ["journal.jsonl"]
    assert publish(run, server.uri).points_sent == 10
