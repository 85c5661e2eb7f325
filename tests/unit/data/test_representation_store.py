from pathlib import Path

import h5py
import numpy as np
import pytest

from trainable.data.representation_store import FrameFile, Layout, frame_writer, representation_file
from trainable.errors import DataError

LAYOUTS: list[Layout] = ["sparse", "rvt"]


@pytest.fixture
def frames() -> np.ndarray:
    """Frames of which some are empty, and enough cells to fill several chunks."""
    generator = np.random.default_rng(0)
    dense = generator.integers(1, 256, (30, 4, 40, 50)) * (generator.random((30, 4, 40, 50)) < 0.6)
    dense[[0, 7, 8, 29]] = 0
    return dense.astype(np.uint8)


def write(path: Path, layout: Layout, frames: np.ndarray) -> Path:
    channels, height, width = frames.shape[1:]
    with frame_writer(path, layout, (channels, height, width)) as append:
        for frame in frames:
            append(frame)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_range_of_frames_is_read_as_it_was_written(layout: Layout, frames: np.ndarray, tmp_path: Path) -> None:
    file = FrameFile(write(tmp_path / "a.h5", layout, frames))
    assert (file.num_frames, file.frame_shape) == (30, (4, 40, 50))
    for start, stop in [(0, 30), (0, 1), (3, 3), (6, 10), (29, 30), (30, 30), (11, 24)]:
        np.testing.assert_array_equal(file.read(start, stop).to_dense(), frames[start:stop])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_range_outside_the_file_is_refused(layout: Layout, frames: np.ndarray, tmp_path: Path) -> None:
    file = FrameFile(write(tmp_path / "a.h5", layout, frames))
    with pytest.raises(IndexError, match="not within the 30 frames"):
        file.read(29, 31)


def test_files_are_named_as_rvt_names_them_and_sparse_ones_apart() -> None:
    assert representation_file("rvt", downsample_by_factor_2=False) == "event_representations.h5"
    assert representation_file("rvt", downsample_by_factor_2=True) == "event_representations_ds2_nearest.h5"
    assert representation_file("sparse", downsample_by_factor_2=True) == "event_representations_sparse_ds2_nearest.h5"


def test_the_sparse_file_of_nearly_empty_frames_is_smaller_than_rvts(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    frames = (generator.random((10, 20, 90, 160)) < 0.02).astype(np.uint8)
    sparse, rvt = (write(tmp_path / f"{layout}.h5", layout, frames).stat().st_size for layout in LAYOUTS)
    assert sparse < rvt


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.95])
def test_a_cut_file_is_refused(layout: Layout, kept: float, frames: np.ndarray, tmp_path: Path) -> None:
    whole = write(tmp_path / "a.h5", layout, frames).read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DataError, match=r"a\.h5: .* again"):
        FrameFile(tmp_path / "a.h5")


def test_a_file_of_a_later_version_is_refused(frames: np.ndarray, tmp_path: Path) -> None:
    write(tmp_path / "a.h5", "sparse", frames)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["version"] = 2
    with pytest.raises(DataError, match="expected version 1 of sparse event frames, got 2"):
        FrameFile(tmp_path / "a.h5")


def test_a_sparse_file_whose_datasets_disagree_is_refused(frames: np.ndarray, tmp_path: Path) -> None:
    write(tmp_path / "a.h5", "sparse", frames)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["values"].resize(10, axis=0)
    with pytest.raises(DataError, match="disagree in length"):
        FrameFile(tmp_path / "a.h5")


def test_representations_other_than_counts_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros((2, 5, 8, 8), dtype=np.int8)
    with pytest.raises(DataError, match=r"expected uint8 event frames .*, got int8 \(2, 5, 8, 8\)"):
        FrameFile(tmp_path / "a.h5")


def test_a_recording_is_no_file_of_frames(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events/x"] = np.zeros(3)
    with pytest.raises(DataError, match="expected a dataset 'data', the file has events, events/x"):
        FrameFile(tmp_path / "a.h5")
