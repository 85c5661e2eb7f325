from pathlib import Path

import pytest

from trainable.data.raw_dataset import find_recordings
from trainable.errors import DataError


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_recordings_are_found_by_split_and_name_with_any_suffix(tmp_path: Path) -> None:
    touch(tmp_path / "val", "b_bbox.npy", "b_td.dat", "a_bbox.npy", "a.raw", "._a_bbox.npy", "notes.txt")
    touch(tmp_path / "train", "c_bbox.npy", "c_td.h5", "c_td.dat", "d_bbox.npy", "d_td.dat.h5")
    found = [(recording.split, recording.name, recording.events_path.name) for recording in find_recordings(tmp_path)]
    assert found == [
        ("train", "c", "c_td.h5"),
        ("train", "d", "d_td.dat.h5"),
        ("val", "a", "a.raw"),
        ("val", "b", "b_td.dat"),
    ]


def test_a_folder_without_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected folders train, val, test with recordings, found none"):
        find_recordings(tmp_path)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "test", "readme.txt")
    with pytest.raises(DataError, match=r"test: the split is empty; expected box files <name>_bbox\.npy"):
        find_recordings(tmp_path)


def test_a_recording_without_boxes_is_named(tmp_path: Path) -> None:
    touch(tmp_path / "train", "a_td.h5", "a_bbox.npy", "b_td.raw")
    with pytest.raises(DataError, match=r"b_td\.raw: the recording has no labels; expected its boxes in b_bbox\.npy"):
        find_recordings(tmp_path)


def test_boxes_without_a_recording_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "train", "a_bbox.npy")
    with pytest.raises(DataError, match=r"a_bbox\.npy: its recording is missing; expected a with one of _td\.h5,"):
        find_recordings(tmp_path)
