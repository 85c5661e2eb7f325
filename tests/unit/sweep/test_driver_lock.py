"""Who runs a sweep."""

import errno
import fcntl
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from sweep.driver_lock import check_no_driver, driver_lock, living_driver
from sweep.folder import SweepFolder
from trainable.errors import SweepError

HOLD = """
import sys, time
from pathlib import Path
from sweep.driver_lock import driver_lock
from sweep.folder import SweepFolder
with driver_lock(SweepFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(make_sweep: Callable[..., SweepFolder]) -> SweepFolder:
    return make_sweep()


@pytest.fixture
def other_driver(folder: SweepFolder) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder.directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_running_sweep_tells_who_runs_it(folder: SweepFolder) -> None:
    assert living_driver(folder) is None
    with driver_lock(folder):
        driver = living_driver(folder)
        assert driver is not None
        assert (driver.pid, driver.host) == (os.getpid(), platform.node())
    assert living_driver(folder) is None


def test_a_second_driver_is_refused_and_told_of_the_first(
    folder: SweepFolder, other_driver: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.driver_lock.WAIT_S", 0.1)
    with pytest.raises(SweepError, match=f"running already, by process {other_driver.pid}"), driver_lock(folder):
        pass
    with pytest.raises(SweepError, match=f"running already, by process {other_driver.pid}"):
        check_no_driver(folder)
    other_driver.kill()
    other_driver.wait()


def test_a_killed_driver_leaves_the_sweep_free(folder: SweepFolder, other_driver: "subprocess.Popen[str]") -> None:
    other_driver.kill()
    other_driver.wait()
    check_no_driver(folder)
    with driver_lock(folder):
        pass


def test_looking_does_not_keep_a_driver_from_starting(folder: SweepFolder) -> None:
    def look() -> None:
        while True:
            living_driver(folder)

    with driver_lock(folder):
        pass
    onlooker = multiprocessing.get_context("fork").Process(target=look)
    onlooker.start()
    time.sleep(0.05)
    try:
        for _ in range(20):
            with driver_lock(folder):
                pass
    finally:
        onlooker.kill()
        onlooker.join()


def test_a_storage_without_locks_is_named_with_advice(folder: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(SweepError, match=r"driver\.lock cannot be locked .* has no locks"), driver_lock(folder):
        pass
    with pytest.raises(SweepError, match=r"driver\.lock cannot be locked .* has no locks"):
        living_driver(folder)
