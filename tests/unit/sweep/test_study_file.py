import errno
import fcntl
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import optuna
import pytest

from sweep.study_file import mend, open_storage
from trainable.errors import SweepError


def new_study(file: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(study_name="search", storage=open_storage(file), load_if_exists=True)


@contextmanager
def room_for(file: Path, further_bytes: int) -> Iterator[None]:
    """A disk that is full after so many bytes more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + further_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def write_for_ever(file: Path) -> None:
    trial = new_study(file).ask()
    for number in range(1_000_000):
        trial.set_user_attr(f"{number}", "x" * 1000)


def test_a_line_that_does_not_fit_on_the_disk_is_taken_back_and_can_be_written_later(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    trial = new_study(file).ask()
    before = file.read_bytes()
    with room_for(file, 20), pytest.raises(OSError, match="File too large"):
        trial.set_user_attr("key", "a value that is longer than the room on the disk")
    assert file.read_bytes() == before
    trial.set_user_attr("key", "value")
    assert new_study(file).trials[0].user_attrs == {"key": "value"}


def test_an_unfinished_last_line_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    new_study(file).ask()
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":4,"wor')
    mend(file)
    assert file.read_bytes() == whole
    mend(file)
    assert file.read_bytes() == whole


def test_a_file_that_is_not_there_needs_no_mending(tmp_path: Path) -> None:
    mend(tmp_path / "study.jsonl")
    assert not (tmp_path / "study.jsonl").exists()


def test_a_file_without_a_whole_line_becomes_empty(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    file.write_bytes(b'{"op_')
    mend(file)
    assert file.read_bytes() == b""


def test_a_killed_writer_keeps_nobody_waiting(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    writer = multiprocessing.get_context("spawn").Process(target=write_for_ever, args=(file,))
    writer.start()
    while not file.exists() or file.stat().st_size < 100_000:
        assert writer.is_alive()
        time.sleep(0.01)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    started = time.monotonic()
    mend(file)
    new_study(file).ask()
    assert time.monotonic() - started < 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.jsonl"]


def test_a_damaged_file_is_named_with_advice(tmp_path: Path) -> None:
    file = tmp_path / "study.jsonl"
    file.write_text("not a study\n{}\n")
    with pytest.raises(SweepError, match=r"study\.jsonl is damaged .*restore it from a copy"):
        open_storage(file)


def test_the_lock_is_taken_on_a_writable_descriptor_as_nfs_wants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_on_nfs(file: IO[bytes], kind: int) -> None:
        if kind & fcntl.LOCK_EX and not file.writable():
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(fcntl, "flock", as_on_nfs)
    new_study(tmp_path / "study.jsonl").ask()


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_a_storage_without_locks_is_named_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(file: object, kind: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(SweepError, match=r"study\.jsonl cannot be locked .* has no locks.*--storage"):
        new_study(tmp_path / "study.jsonl")
