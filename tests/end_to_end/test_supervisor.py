"""A sweep that is stopped, ended by a signal, and robbed of Ray, and yet comes to its end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sweep.driver_lock import living_driver
from sweep.folder import SweepFolder
from sweep.record import create_sweep, open_study
from sweep.settings import settings_from
from sweep.trial_records import TrialRecord
from trainable.tracking.entries import StatusEntry
from trainable.tracking.journal import JournalReader

TRIALS, BUDGET, INTERVAL = 6, 200, 20
PATIENCE_S = 120

StartDriver = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def folder(tmp_path: Path, dataset: Path) -> SweepFolder:
    values = {
        "name": "troubled",
        "storage": str(tmp_path),
        "space": "demo",
        "trials": TRIALS,
        "objectives": ["AP"],
        "grace_steps": INTERVAL,
        "overrides": [
            "dataset=demo",
            f"dataset.path={dataset}",
            "dataset.resolution_hw=[96,160]",
            "+experiment=demo",
            f"training.max_steps={BUDGET}",
            f"validation.val_check_interval={INTERVAL}",
        ],
    }
    return create_sweep(settings_from(values, "the test's settings"))


@pytest.fixture
def start_driver(folder: SweepFolder) -> Iterator[StartDriver]:
    started: list[subprocess.Popen[bytes]] = []
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}

    def start() -> "subprocess.Popen[bytes]":
        script = Path(__file__).with_name("sweep_driver.py")
        started.append(
            subprocess.Popen(
                [sys.executable, str(script), str(folder.directory)],
                env={**environment, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_sweep_survives_the_death_of_ray_and_a_signal(folder: SweepFolder, start_driver: StartDriver) -> None:
    driver = start_driver()
    wait_for_news(folder)
    found = living_driver(folder)
    assert found is not None
    assert found.pid == driver.pid
    session_process(driver.pid).kill()
    wait_for_news(folder)  # from a new session
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(PATIENCE_S) == 128 + signal.SIGTERM
    unfinished = [trial for trial in trials(folder) if trial.state == "RUNNING"]
    assert unfinished
    begun = [directory for trial in unfinished if (directory := run_directory(folder, trial)).exists()]
    assert all(status(directory)[0] == "KILLED" for directory in begun)
    assert status(folder.directory) == ("KILLED", "ended by SIGTERM")
    assert living_driver(folder) is None

    assert start_driver().wait(PATIENCE_S) == 0
    ended = trials(folder)
    assert [trial.index for trial in ended] == list(range(TRIALS))
    for trial in ended:
        assert trial.state == ("PRUNED" if trial.stopped_at_a_rung else "COMPLETE")
        assert trial.last_step == (trial.last_rung if trial.stopped_at_a_rung else BUDGET)
        assert list(trial.reports) == list(range(INTERVAL, trial.last_step + 1, INTERVAL))
        expected = "FINISHED" if trial.state == "COMPLETE" else "KILLED"
        assert status(run_directory(folder, trial))[0] == expected
    assert any(trial.state == "COMPLETE" for trial in ended)
    assert status(folder.directory) == ("FINISHED", "")


def test_a_stopped_sweep_ends_orderly(folder: SweepFolder, start_driver: StartDriver) -> None:
    driver = start_driver()
    wait_for_news(folder)
    folder.requests_directory.mkdir(exist_ok=True)
    folder.stop_request().write_text("enough for today")
    assert driver.wait(PATIENCE_S) == 0
    assert any(trial.state == "RUNNING" for trial in trials(folder))
    assert status(folder.directory) == ("KILLED", "enough for today")


def run_directory(folder: SweepFolder, trial: TrialRecord) -> Path:
    return folder.run_directory("trials", trial.index)


def trials(folder: SweepFolder) -> list[TrialRecord]:
    return open_study(folder).trials()


def wait_for_news(folder: SweepFolder) -> None:
    """Wait until two more validations are reported."""
    before, until_s = _reports(folder), time.monotonic() + PATIENCE_S
    while _reports(folder) < before + 2:
        assert time.monotonic() < until_s, "the trials report nothing"
        time.sleep(0.2)


def _reports(folder: SweepFolder) -> int:
    return sum(len(trial.reports) for trial in trials(folder))


def session_process(driver: int) -> psutil.Process:
    """The process that drives Ray: the one below which its node runs."""
    for child in psutil.Process(driver).children():
        if any(below.name() == "raylet" for below in child.children()):
            return child
    raise AssertionError("there is no session")


def status(directory: Path) -> tuple[str, str]:
    """The last status in a run's journal, with its reason."""
    entries = [entry for entry in JournalReader(directory).read() if isinstance(entry, StatusEntry)]
    return entries[-1].status, entries[-1].reason
