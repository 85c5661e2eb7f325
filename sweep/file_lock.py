"""Locks of the kernel on a sweep's files, which end with the process that holds them, however that ends."""

import fcntl
from typing import IO, Any

from trainable.errors import SweepError


def take_lock(file: IO[Any], kind: int) -> bool:
    """Lock an open file until it is closed.

    Args:
        file: The file. On network file systems it must be open for writing if the lock is exclusive.
        kind: `fcntl.LOCK_EX` or `fcntl.LOCK_SH`; with `fcntl.LOCK_NB` it does not wait.

    Returns:
        Whether this process has the lock now; it has not where it would have to wait and must not.

    Raises:
        SweepError: If the file system has no locks.
    """
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        return False
    except OSError as error:
        raise SweepError(
            f"{file.name} cannot be locked ({error.strerror}): the file system of the sweep's storage has no locks, "
            "without which two processes could write the sweep at once; choose a --storage on a local disk or on a "
            "share with locks, such as NFSv4, or mount this one with them (NFS: without `nolock`; Lustre: with `flock`)"
        ) from error
    return True
