"""The file that holds a sweep's studies: Optuna's journal, made safe against full disks and killed processes."""

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from sweep.file_lock import take_lock
from trainable.errors import SweepError


def open_storage(file: Path) -> JournalStorage:
    """Read a study file, which another process may be writing; a missing one is created empty.

    Raises:
        SweepError: If a line of it is damaged.
    """
    try:
        return JournalStorage(_WholeLines(file))
    except (ValueError, KeyError) as error:
        raise SweepError(
            f"{file} is damaged ({error}); restore it from a copy, or start a new sweep: the folders of its "
            "trials are not affected"
        ) from error


def mend(file: Path) -> None:
    """Cut off what a killed process left of an unfinished last line. Only the one process that writes may do this."""
    if not file.exists():
        return
    with file.open("rb+") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            stream.truncate(whole)
            os.fsync(stream.fileno())


class _WholeLines(JournalFileBackend):
    """Optuna's journal file; a line that cannot be written whole, such as on a full disk, is taken back."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file), lock_obj=_KernelLock(file))
        self._file = file

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        size = self._file.stat().st_size
        try:
            super().append_logs(logs)
        except OSError:
            os.truncate(self._file, size)
            raise


class _KernelLock(JournalFileOpenLock):
    """A lock on the file itself, which the kernel frees when its holder is killed; Optuna's own lingers for 30 s."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self._path = file
        self._held: IO[bytes] | None = None

    def acquire(self) -> bool:
        self._held = self._path.open("rb+")  # NFS gives exclusive locks on writable descriptors only
        try:
            return take_lock(self._held, fcntl.LOCK_EX)
        except SweepError:
            self.release()
            raise

    def release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
