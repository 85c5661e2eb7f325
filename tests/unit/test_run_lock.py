import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainable.errors import ConfigError
from trainable.run_lock import LOCK_NAME, run_lock

HOLDER = """
import os, sys, time
from pathlib import Path
from trainable.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    if os.fork() == 0:
        time.sleep(60)  # as a data loading process that outlives its parent
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the folder, with a child."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_folder_that_another_process_holds_is_refused_by_name(
    holder: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"{LOCK_NAME} is locked by process {holder.pid} on"), run_lock(tmp_path):
        pass


def test_the_lock_goes_with_the_process_that_held_it_though_its_children_live(
    holder: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    holder.kill()
    began_s = time.monotonic()
    with run_lock(tmp_path, wait_s=20):
        assert time.monotonic() - began_s < 5


def test_a_folder_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    with run_lock(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    assert not (tmp_path / "new").exists()
    with run_lock(tmp_path / "new"):
        (tmp_path / "new" / "config.yaml").touch()
    with run_lock(tmp_path / "new"):
        pass
    assert (tmp_path / "new" / "config.yaml").exists()
