"""One process publishes a sweep's own run and its trials: with a server that goes away, and a driver that is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from trainable.tracking import FolderPublishing, RunTracking, publish, read_progress

TRIALS = ("trials/0000", "trials/0001", "confirm/0000")

DRIVER = """
import sys, time
from pathlib import Path
from trainable.tracking import RunTracking
sweep, uri, first_step, resume_step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
resume = {"resume_step": int(resume_step)} if resume_step else {}
common = {"experiment": "sweeps", "interval_s": 0.2, **resume}
parent = RunTracking.start(sweep, run_id="sweep", uri=uri, with_runs_below=True, **common)
trials = [
    RunTracking.start(sweep / path, run_id=path, parent_run_id="sweep", uri=None, **common)
    for path in ("trials/0000", "trials/0001", "confirm/0000")
]
if not resume:
    trials[2].close("FINISHED")
for step in range(first_step, 10_000):
    for run in (parent, *trials[:2]):
        run.metrics({"loss": 1 / step}, step)
    print(step, flush=True)
    time.sleep(0.01)
    if resume and step == int(resume_step) + 50:
        for run in (*trials, parent):
            run.close("FINISHED", timeout_s=60)
        break
"""


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not reached within {seconds} s"
        time.sleep(0.1)


class Published:
    """What a server has of a sweep's runs."""

    def __init__(self, sweep: Path, uri: str) -> None:
        self._sweep = sweep
        self._client = MlflowClient(uri)

    def run(self, path: str = "") -> Run | None:
        progress = read_progress(self._sweep / path)
        return None if progress is None else self._client.get_run(progress.mlflow_run_id)

    def status(self, path: str = "") -> str | None:
        run = self.run(path)
        return None if run is None else run.info.status

    def steps(self, path: str = "") -> list[int]:
        run = self.run(path)
        assert run is not None
        return sorted(point.step for point in self._client.get_metric_history(run.info.run_id, "loss"))

    def parents(self) -> set[str | None]:
        return {run.data.tags.get("mlflow.parentRunId") for path in TRIALS if (run := self.run(path)) is not None}


def test_a_folder_is_published_by_one_process_and_a_server_that_comes_back_has_every_point_once(
    server: Any, tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    published = Published(sweep, server.uri)
    server.start()
    parent = RunTracking.start(sweep, experiment="sweeps", uri=server.uri, interval_s=0.2, with_runs_below=True)
    trials = [start_trial(sweep, path, parent.run_id) for path in TRIALS]
    log([parent, *trials], range(1, 51))
    wait_until(lambda: all(published.run(path) and len(published.steps(path)) == 50 for path in ("", *TRIALS)), 40)

    server.kill()
    log([parent, *trials], range(51, 101))
    time.sleep(1.0)
    log([parent, *trials], range(101, 151))
    late = start_trial(sweep, "trials/0002", parent.run_id)  # begins and ends while the server is away
    log([late], range(1, 11))
    late.close("KILLED", "stopped early")
    server.start()

    log([parent, *trials], range(151, 201))
    for trial in trials:
        trial.close("FINISHED")
    parent.close("FINISHED", timeout_s=60)
    for path in ("", *TRIALS):
        assert published.steps(path) == list(range(1, 201))
        assert published.status(path) == "FINISHED"
    assert published.steps("trials/0002") == list(range(1, 11))
    assert published.status("trials/0002") == "KILLED"
    own = published.run()
    assert own is not None
    assert published.parents() == {own.info.run_id}
    again = publish(sweep)
    assert (again.runs, again.points_sent, again.points_there) == (5, 0, 810)


def start_trial(sweep: Path, path: str, parent: str) -> RunTracking:
    return RunTracking.start(
        sweep / path, experiment="sweeps", uri=None, run_id=f"{parent}-{path}", parent_run_id=parent, run_name=path
    )


def log(runs: list[RunTracking], steps: range) -> None:
    for step in steps:
        for run in runs:
            run.metrics({"loss": 1 / step}, step)


def test_when_the_driver_is_killed_its_running_runs_have_failed_until_they_are_resumed(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    published = Published(sweep, uri)

    def drive(first_step: int, resume_step: str) -> "subprocess.Popen[str]":
        arguments = [str(sweep), uri, str(first_step), resume_step]
        return subprocess.Popen([sys.executable, "-c", DRIVER, *arguments], stdout=subprocess.PIPE, text=True)

    with drive(1, "") as driver:
        assert driver.stdout is not None
        wait_until(lambda: all(published.run(path) for path in ("", *TRIALS)), 60)
        assert [published.status(path) for path in ("", *TRIALS)] == ["RUNNING", "RUNNING", "RUNNING", "FINISHED"]
        os.kill(driver.pid, signal.SIGKILL)
        last_step = int(driver.stdout.read().split("\n")[-2])
    for path in ("", "trials/0000", "trials/0001"):
        wait_until(lambda path=path: published.status(path) == "FAILED", 30)
        run = published.run(path)
        assert run is not None
        assert "killed" in run.data.tags["evsweep.status_reason"]
        assert set(published.steps(path)) >= set(range(1, last_step + 1))
    assert published.status("confirm/0000") == "FINISHED"

    with drive(last_step + 1, str(last_step)) as driver:
        assert driver.stdout is not None
        for path in ("", "trials/0000"):
            wait_until(lambda path=path: published.status(path) in ("RUNNING", "FINISHED"), 60)
        assert driver.wait(120) == 0
    for path in ("", "trials/0000", "trials/0001"):
        assert published.status(path) == "FINISHED"
        steps = published.steps(path)
        assert steps == list(range(1, last_step + 51))


def test_the_command_publishes_a_whole_folder_and_names_what_it_cannot(
    trainable: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    runs = [RunTracking.start(sweep, experiment="sweeps", uri=None, run_id="own"), start_trial(sweep, TRIALS[0], "own")]
    log(runs, range(1, 11))
    for run in runs:
        run.close("FINISHED")
    done = trainable("publish", "sweep", "--uri", uri, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.strip().split(maxsplit=1) for line in done.stdout.splitlines()[:2]] == [
        ["2", "runs"],
        ["20", "points sent"],
    ]
    damaged = sweep / "trials" / "0009" / "journal.jsonl"
    damaged.parent.mkdir()
    damaged.write_text("damaged")
    done = trainable("publish", "sweep", "--uri", uri, cwd=tmp_path)
    assert done.returncode == 2
    assert "these runs could not be published" in done.stderr
    assert "trials/0009/journal.jsonl" in done.stderr
    assert "20  points already there" in done.stdout


def test_a_publishing_process_that_dies_is_replaced(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run = RunTracking.start(sweep, experiment="sweeps", uri=None)
    publishing = FolderPublishing(sweep, uri, 0.2)
    publishing.keep_running()
    first = publishing._process
    assert first is not None
    first.kill()
    first.wait()
    publishing.keep_running()
    assert publishing._process is not first
    log([run], range(1, 11))
    run.close("FINISHED")
    publishing.close(timeout_s=60)
    assert Published(sweep, uri).steps() == list(range(1, 11))
