from pathlib import Path

import h5py
import numpy as np
import pytest

from trainable.data.hdf5_files import blosc_zstd, damage_reported, open_dataset, open_hdf5
from trainable.errors import DataError

UNKNOWN_FILTER = 300


def write(path: Path) -> bytes:
    with h5py.File(path, "w") as file:
        steps = np.cumsum(np.random.default_rng(0).integers(0, 9, 50_000))
        file.create_dataset("events/x", data=steps, chunks=(10_000,), **blosc_zstd(level=1))
    return path.read_bytes()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.h5: there is no such file"):
        open_hdf5(tmp_path / "a.h5")


def test_a_file_of_another_kind_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"<html>404 not found</html>" * 100)
    with pytest.raises(DataError, match=r"a\.h5: expected an HDF5 file, but it is not an HDF5 file"):
        open_hdf5(tmp_path / "a.h5")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_cut_file_is_called_cut_short(tmp_path: Path, kept: float) -> None:
    whole = write(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DataError, match="cut short"):
        open_hdf5(tmp_path / "a.h5")


def test_a_damaged_chunk_is_reported_with_the_file(tmp_path: Path) -> None:
    whole = bytearray(write(tmp_path / "a.h5"))
    whole[len(whole) // 2 : len(whole) // 2 + 10_000] = bytes(10_000)
    (tmp_path / "a.h5").write_bytes(whole)
    with (
        open_hdf5(tmp_path / "a.h5") as file,
        pytest.raises(DataError, match=r"a\.h5: the file is damaged"),
        damage_reported(tmp_path / "a.h5"),
    ):
        file["events/x"][:]


def test_a_missing_dataset_is_named_with_what_is_there(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    with (
        open_hdf5(tmp_path / "a.h5") as file,
        pytest.raises(DataError, match=r"expected a dataset 'events/t', the file has events, events/x"),
    ):
        open_dataset(file, "events/t", tmp_path / "a.h5")


def test_a_filter_that_is_not_installed_is_named_with_the_next_step(tmp_path: Path) -> None:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((10,))
    creation.set_filter(UNKNOWN_FILTER, h5py.h5z.FLAG_OPTIONAL)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((10,))
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT16, space, creation)
    with (
        open_hdf5(tmp_path / "a.h5") as file,
        pytest.raises(DataError, match=r"HDF5 filter 300 .* `pip install hdf5plugin`, or set HDF5_PLUGIN_PATH"),
    ):
        open_dataset(file, "x", tmp_path / "a.h5")
