import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep import disk_guard
from sweep.disk_guard import DiskGuard, remove_pause
from sweep.stop_request import StoppedByHand
from trainable.run_folder import RunFolder

Free = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run's folder with a checkpoint of 1000 bytes."""
    folder = RunFolder(tmp_path)
    folder.last_checkpoint.parent.mkdir()
    folder.last_checkpoint.write_bytes(bytes(1000))
    return folder


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Sets what the disk has left, one figure for each look at it."""
    usage = shutil.disk_usage("/")

    def set_free(*figures: int) -> None:
        left = iter(figures)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=next(left)))

    monkeypatch.setattr(disk_guard, "POLL_S", 0.0)
    return set_free


@pytest.mark.parametrize(("limit", "enough"), [(0, 2000), (5000, 5000)], ids=["two checkpoints", "the limit"])
def test_a_trial_waits_for_the_limit_and_for_two_checkpoints(
    limit: int, enough: int, folder: RunFolder, free: Free
) -> None:
    waited: list[str] = []
    guard = DiskGuard(folder, limit, lambda: waited.append((folder.directory / "paused").read_text()))
    free(enough)
    guard.wait_for_space()
    assert not waited
    free(enough - 1, enough - 1, enough)
    guard.wait_for_space()
    assert len(waited) == 2
    assert str(folder.directory) in waited[0]
    assert not (folder.directory / "paused").exists()


def test_a_trial_that_waits_can_be_stopped(folder: RunFolder, free: Free) -> None:
    def stop() -> None:
        raise StoppedByHand("enough")

    free(0)
    with pytest.raises(StoppedByHand):
        DiskGuard(folder, 1, stop).wait_for_space()
    assert not (folder.directory / "paused").exists()


def test_the_sign_of_a_killed_process_that_waited_is_removed(folder: RunFolder) -> None:
    (folder.directory / "paused").write_text("waits")
    remove_pause(folder)
    remove_pause(folder)
    assert not (folder.directory / "paused").exists()
