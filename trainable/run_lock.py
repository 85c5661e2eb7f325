"""One process at a time trains in a run's folder."""

import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainable.errors import ConfigError

LOCK_NAME = "run.lock"
POLL_S = 0.2


@contextmanager
def run_lock(directory: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a run's folder for this process.

    The operating system releases the lock with the process, however that ends, so a lock is never stale. It is a POSIX
    record lock: the data loading processes that a training forks don't inherit it, and network file systems know it.
    A folder in which nothing else was written is removed again.

    Args:
        directory: The run's folder, made where it is missing.
        wait_s: How long to wait for another process to end.

    Raises:
        ConfigError: If another process holds the folder.
    """
    path = directory / LOCK_NAME
    directory.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline_s = time.monotonic() + wait_s
        while not _try_lock(file.fileno()):
            if time.monotonic() >= deadline_s:
                file.seek(0)
                raise ConfigError(
                    f"another process trains in {directory}: {path} is locked by {file.read() or 'it'}; wait until it "
                    "has ended, or end it, or choose another folder"
                )
            time.sleep(POLL_S)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        try:
            yield
        finally:
            if {entry.name for entry in directory.iterdir()} == {LOCK_NAME}:
                path.unlink()
                directory.rmdir()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX allows either
        return False
    return True
