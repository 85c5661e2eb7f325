import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports import run_files
from reports.run_artifacts import FolderArtifacts
from reports.run_files import (
    Missing,
    read_config,
    read_match_records,
    read_moments,
    read_space,
    read_training_boxes,
)
from reports.runs import Run, Sweep
from search_spaces import Space, load_space
from trainable.config import Config
from trainable.evaluation import MatchRecords, metrics_from_records
from trainable.moment_file import MomentFile
from trainable.training_boxes import TrainingBoxes

READERS: dict[str, Callable[[Run], object]] = {
    "config.yaml": read_config,
    "match_records/step_0000200.npz": read_match_records,
    "moments.npz": read_moments,
    "training_boxes.json": read_training_boxes,
}


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    """A complete run, its files read with care."""
    made = make_run(3, name="<script>alert(1)</script>")
    config = made.artifacts.file("config.yaml")
    assert config is not None
    return replace(made, artifacts=FolderArtifacts(config.parent))


def place(run: Run, path: str) -> Path:
    """Where a run's file is, or would be."""
    config = run.artifacts.file("config.yaml")
    assert config is not None
    return config.parent / path


def reason(found: object) -> str:
    assert isinstance(found, Missing)
    return found.reason


def test_files_of_a_run_are_read(run: Run) -> None:
    config, moments, boxes = read_config(run), read_moments(run), read_training_boxes(run)
    assert isinstance(config, Config)
    assert config.reproduce.seed_everything == 0
    assert isinstance(moments, MomentFile)
    assert len(moments.moments) == 6
    assert isinstance(boxes, TrainingBoxes)


def test_match_records_are_those_of_the_newest_validation(run: Run) -> None:
    earlier = place(run, "match_records/step_0000100.npz")
    for name in ("step_9.npz.partial", "step_.npz", "step_0000300", "last.npz"):
        earlier.with_name(name).write_bytes(b"no records")
    records = read_match_records(run)
    assert isinstance(records, MatchRecords)
    assert metrics_from_records(records).flat()["AP"] == run.metrics["AP"]


@pytest.mark.parametrize("path", READERS)
def test_files_that_are_not_there_are_missing(path: str, make_run: Callable[..., Run]) -> None:
    run = make_run(3, name="the run", left_out=(path, path.partition("/")[0]))
    assert reason(READERS[path](run)) == f"The file {path.partition('/step')[0]} of 'the run' is missing."


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100, b"[[[[", b"PK\x03\x04" + b"x" * 100, b"{}", b"1" * 10_000])
def test_damaged_files_are_missing_with_a_reason(path: str, content: bytes, run: Run) -> None:
    place(run, path).write_bytes(content)
    found = reason(READERS[path](run))
    assert found.startswith(f"The file {path} of '<script>alert(1)</script>' cannot be read (")
    assert found.endswith(").")
    assert len(found) < 500
    assert str(place(run, "")) not in found


@pytest.mark.parametrize("path", READERS)
def test_a_file_that_was_cut_short_is_missing_with_a_reason(path: str, run: Run) -> None:
    whole = place(run, path).read_bytes()
    place(run, path).write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in reason(READERS[path](run))


class Pickled:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("path", [path for path in READERS if path.endswith(".npz")])
def test_nothing_is_unpickled(path: str, run: Run, tmp_path: Path) -> None:
    with np.load(place(run, path), allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    for name in columns:
        np.savez(place(run, path), **columns | {name: np.array([Pickled(tmp_path / "made")], object)})
        assert "cannot be read" in reason(READERS[path](run))
    place(run, path).write_bytes(b"\x80\x04N.")
    assert "cannot be read" in reason(READERS[path](run))
    assert list(tmp_path.iterdir()) == []


BOMB = "a: &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, "stands for more than"),
        ("&a {a: *a}", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("a: " + "9" * 10_000, "cannot be read"),
        ("!!python/object/apply:os.system ['false']", "could not determine a constructor"),
        ("- 1", "holds no mapping"),
        ("training: {max_steps: -1}", "cannot be read"),
        ("a: " + "x" * 2**20, "MiB"),
    ],
)
def test_a_configuration_by_somebody_else_is_checked(text: str, expected: str, run: Run) -> None:
    place(run, "config.yaml").write_text(text)
    assert expected in reason(read_config(run))


def test_a_space_is_read_from_the_parent_run(make_sweep: Callable[..., Sweep]) -> None:
    sweep = make_sweep(trials=1, finalists=())
    assert read_space(sweep.own) == load_space("demo")
    file = sweep.own.artifacts.file("space.yaml")
    assert file is not None
    for text in (BOMB, "name: x", "&a [*a]", "a: 1\na: 2", "[" * 5000):
        file.write_text(text)
        assert not isinstance(read_space(sweep.own), Space)


def test_records_that_take_very_much_memory_unpacked_are_not_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_files, "MOST_UNPACKED_BYTES", 1000)
    path = place(run, "match_records/step_0000200.npz")
    np.savez_compressed(path, meta=np.zeros(10_000))
    assert path.stat().st_size < 1000
    assert "when unpacked" in reason(read_match_records(run))
    content = path.read_bytes()
    shutil.rmtree(path.parent)
    path.parent.write_bytes(content)
    assert "when unpacked" in reason(read_match_records(run)), "in the place of the folder, too"
