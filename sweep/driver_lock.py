"""One driver at a time runs a sweep; others can see whether there is one."""

import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from sweep.file_lock import take_lock
from sweep.folder import SweepFolder
from trainable.errors import SweepError

WAIT_S = 2.0
"""How long to try for the lock: whoever looks whether it is taken holds it for a moment."""
_POLL_S = 0.05


@dataclass(frozen=True)
class Driver:
    """The process that runs a sweep.

    Attributes:
        host: The machine's name.
        pid: The process's number there.
        started: When it took the sweep, local time.
    """

    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.started}"


@contextmanager
def driver_lock(folder: SweepFolder) -> Iterator[None]:
    """Be the sweep's driver. The lock is the kernel's and ends with the process, however that ends.

    Raises:
        SweepError: If another process is, or the file system has no locks.
    """
    with folder.lock_file.open("a+") as file:
        deadline_s = time.monotonic() + WAIT_S
        while not take_lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            if time.monotonic() >= deadline_s:
                raise SweepError(_taken(folder, _read(file)))
            time.sleep(_POLL_S)
        driver = Driver(platform.node(), os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S"))
        file.truncate(0)
        file.write(json.dumps(asdict(driver)))
        file.flush()
        yield


def living_driver(folder: SweepFolder) -> Driver | None:
    """The process that runs the sweep now; none where none does.

    Raises:
        SweepError: If the file system has no locks.
    """
    try:
        file = folder.lock_file.open()
    except FileNotFoundError:
        return None
    with file:
        return None if take_lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB) else _read(file)


def check_no_driver(folder: SweepFolder) -> None:
    """Refuse to touch a sweep that is running.

    Raises:
        SweepError: If it is.
    """
    driver = living_driver(folder)
    if driver is not None:
        raise SweepError(_taken(folder, driver))


def _taken(folder: SweepFolder, driver: Driver) -> str:
    return (
        f"{folder.name} is running already, by {driver}; watch it with `{folder.command('status')}`, or end it with "
        f"`{folder.command('stop')}`"
    )


def _read(file: IO[str]) -> Driver:
    """Whoever holds the lock; unknown in the moment before it has written who it is."""
    file.seek(0)
    try:
        return Driver(**json.loads(file.read()))
    except (ValueError, TypeError):
        return Driver("a machine that is just starting it", 0, "now")
