"""HDF5 files as users have them: cut short, of another kind, or packed with a filter that is not installed."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from trainable.errors import DataError

# Registers Blosc and the other common filters as it is imported. Without it, files that need none can still be read,
# and `open_dataset` names the filter that a file lacks.
with contextlib.suppress(ImportError):
    importlib.import_module("hdf5plugin")

_BLOSC = 32001
_BYTE_SHUFFLE = 1
_ZSTD = 5


def blosc_zstd(level: int) -> dict[str, object]:
    """Arguments of `create_dataset` for Blosc with byte shuffle and Zstd, the packing that RVT's files have.

    Raises:
        DataError: When the Blosc filter is not installed.
    """
    if not h5py.h5z.filter_avail(_BLOSC):
        raise DataError("writing representations needs the HDF5 filter Blosc: run `pip install hdf5plugin`")
    return {"compression": _BLOSC, "compression_opts": (0, 0, 0, 0, level, _BYTE_SHUFFLE, _ZSTD), "shuffle": False}


def open_hdf5(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises:
        DataError: When the file is missing, cut short, or of another kind.
    """
    try:
        return h5py.File(path, "r")
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; check the path, or preprocess the recording again") from error
    except OSError as error:
        cause = "it is cut short" if "truncated" in str(error) else "it is not an HDF5 file"
        raise DataError(
            f"{path}: expected an HDF5 file, but {cause} or cannot be opened ({error}); copy or download it again"
        ) from error


def open_dataset(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """Find a dataset in an open file and check that its packing can be read here.

    Args:
        file: The open file.
        name: The dataset's path inside the file, such as `events/x`.
        path: The file's path, for messages.

    Raises:
        DataError: When there is no such dataset, or a filter that it needs is not installed.
    """
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        with damage_reported(path):
            found = _names(file)
        raise DataError(f"{path}: expected a dataset {name!r}, the file has {found}; is it the right kind of file?")
    creation = dataset.id.get_create_plist()
    for position in range(creation.get_nfilters()):
        number, _, _, label = creation.get_filter(position)
        if not h5py.h5z.filter_avail(number):
            raise DataError(
                f"{path}: {name!r} is packed with the HDF5 filter {number} ({label.decode() or 'unnamed'}), which is "
                "not installed; run `pip install hdf5plugin`, or set HDF5_PLUGIN_PATH to the folder that has it"
            )
    return dataset


@contextlib.contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn an error of HDF5 while reading inside the block into a `DataError` that names the file."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{path}: the file is damaged and cannot be read ({error}); copy or download it again"
        ) from error


def _names(file: h5py.File) -> str:
    names: list[str] = []
    file.visit(names.append)
    return ", ".join(names[:20]) or "nothing in it"
