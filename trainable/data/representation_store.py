"""Event frames on disk: this project's sparse file, and RVT's dense one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt

from trainable.data.failsafe_file import FailsafeFile
from trainable.data.hdf5_files import blosc_zstd, damage_reported, open_dataset, open_hdf5
from trainable.data.sparse_frames import SparseFrames
from trainable.errors import DataError

Layout = Literal["sparse", "rvt"]

AppendFrame = Callable[[npt.NDArray[np.uint8]], None]
"""Adds one dense frame, `(channels, height, width)` uint8, to a file."""

_FORMAT = "evsweep-sparse-frames"
_VERSION = 1
_CHUNK_CELLS = 1 << 16


def representation_file(layout: Layout, *, downsample_by_factor_2: bool) -> str:
    """Name of the file with the frames, inside the folder of the representation; for `rvt` it is RVT's own."""
    return (
        "event_representations"
        + ("_sparse" if layout == "sparse" else "")
        + ("_ds2_nearest" if downsample_by_factor_2 else "")
        + ".h5"
    )


@contextmanager
def frame_writer(path: Path, layout: Layout, frame_shape: tuple[int, int, int]) -> Iterator[AppendFrame]:
    """Create a file of frames; it is complete once the block is left without an error.

    Layout `sparse` has the attributes `format`, `version` and `frame_shape`, and the datasets `offsets` int64
    `(frames + 1,)`, `values` uint8 `(cells,)` and `index_gaps` uint32 `(cells,)`: a cell's flat index less that of the
    cell before it in its frame. It takes about half the room of RVT's dense chunks (measured at 12,000 and
    92,000 cells a frame), and is read without touching any zero. Layout `rvt` has the dataset `data`, one dense chunk
    a frame.

    Args:
        path: The file to create.
        layout: Which kind of file.
        frame_shape: `(channels, height, width)`.

    Yields:
        The function that adds a frame.

    Raises:
        OSError: When the file cannot be written, as on a full disk; from the function, or as the block is left.
    """
    with FailsafeFile(path) as target, h5py.File(target, "w") as file:
        append = _sparse_appender(file, frame_shape) if layout == "sparse" else _dense_appender(file, frame_shape)

        def append_and_check(frame: npt.NDArray[np.uint8]) -> None:
            append(frame)
            target.raise_failure()

        yield append_and_check
    target.raise_failure()


def _sparse_appender(file: h5py.File, frame_shape: tuple[int, int, int]) -> AppendFrame:
    file.attrs.update({"format": _FORMAT, "version": _VERSION, "frame_shape": frame_shape})
    growing = {"shape": (0,), "maxshape": (None,), "chunks": (_CHUNK_CELLS,), **blosc_zstd(level=5)}
    gaps = file.create_dataset("index_gaps", dtype=np.uint32, **growing)
    values = file.create_dataset("values", dtype=np.uint8, **growing)
    offsets = file.create_dataset("offsets", data=np.zeros(1, dtype=np.int64), maxshape=(None,), chunks=(4096,))

    def append(frame: npt.NDArray[np.uint8]) -> None:
        cells = SparseFrames.from_dense(frame[None])
        _extend(gaps, np.diff(cells.indices, prepend=np.uint32(0)))
        _extend(values, cells.values)
        _extend(offsets, np.array([len(gaps)], dtype=np.int64))

    return append


def _dense_appender(file: h5py.File, frame_shape: tuple[int, int, int]) -> AppendFrame:
    data = file.create_dataset(
        "data",
        dtype=np.uint8,
        shape=(0, *frame_shape),
        maxshape=(None, *frame_shape),
        chunks=(1, *frame_shape),
        **blosc_zstd(level=1),
    )
    return lambda frame: _extend(data, frame[None])


def _extend(dataset: h5py.Dataset, rows: npt.NDArray[np.generic]) -> None:
    length = len(dataset)
    dataset.resize(length + len(rows), axis=0)
    dataset[length:] = rows


class FrameFile:
    """A file of event frames, of either layout, open for reading.

    Args:
        path: The file.

    Attributes:
        num_frames: Number of frames in it.
        frame_shape: `(channels, height, width)` of a frame.

    Raises:
        DataError: When the file is missing, damaged, or no file of event frames.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_hdf5(path)
        with damage_reported(path):
            if self._file.attrs.get("format") == _FORMAT:
                self._open_sparse()
            else:
                self._open_dense()

    def _open_sparse(self) -> None:
        if (version := int(self._file.attrs["version"])) != _VERSION:
            raise DataError(
                f"{self._path}: expected version {_VERSION} of sparse event frames, got {version}; preprocess the "
                "recording again with this version of the program"
            )
        self._gaps = open_dataset(self._file, "index_gaps", self._path)
        self._values = open_dataset(self._file, "values", self._path)
        self._offsets: npt.NDArray[np.int64] | None = open_dataset(self._file, "offsets", self._path)[:]
        if not len(self._gaps) == len(self._values) == self._offsets[-1]:
            raise DataError(f"{self._path}: its datasets disagree in length; preprocess the recording again")
        channels, height, width = (int(size) for size in self._file.attrs["frame_shape"])
        self.frame_shape = channels, height, width
        self.num_frames = len(self._offsets) - 1

    def _open_dense(self) -> None:
        self._data = open_dataset(self._file, "data", self._path)
        self._offsets = None
        if self._data.ndim != 4 or self._data.dtype != np.uint8:
            raise DataError(
                f"{self._path}: expected uint8 event frames (frames, channels, height, width), got {self._data.dtype} "
                f"{self._data.shape}; only stacked histograms can be read"
            )
        self.num_frames, channels, height, width = self._data.shape
        self.frame_shape = channels, height, width

    def read(self, start: int, stop: int) -> SparseFrames:
        """Read the frames `start:stop`.

        Raises:
            IndexError: When the range does not lie within the file.
            DataError: When the file is damaged.
        """
        if not 0 <= start <= stop <= self.num_frames:
            raise IndexError(f"frames {start}:{stop} are not within the {self.num_frames} frames of {self._path}")
        with damage_reported(self._path):
            if self._offsets is None:
                return SparseFrames.from_dense(self._data[start:stop])
            first, last = self._offsets[start], self._offsets[stop]
            gaps, values = self._gaps[first:last], self._values[first:last]
        offsets = self._offsets[start : stop + 1] - first
        # Summing over all frames at once overflows in uint32; taking the frame's own start away overflows back.
        sums = np.cumsum(gaps, dtype=np.uint32)
        before = np.concatenate([np.zeros(1, dtype=np.uint32), sums])[offsets[:-1]]
        return SparseFrames(sums - np.repeat(before, np.diff(offsets)), values, offsets, self.frame_shape)
