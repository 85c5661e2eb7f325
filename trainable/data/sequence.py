"""Preprocessed sequences on disk, as RVT's preprocessing or this project's wrote them."""

import os
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainable.data.raw_boxes import as_box_records
from trainable.data.representation_store import FrameFile, representation_file
from trainable.data.sparse_frames import SparseFrames
from trainable.errors import DataError

LABELS_FOLDER = "labels_v2"
REPRESENTATIONS_FOLDER = "event_representations_v2"

_OPEN_FILES = 64
"""Files kept open in each process: a data set has more sequences than a process may have open files."""


class Sequence:
    """One preprocessed recording: event frames at a fixed step, and labels on some of them.

    Instances are small and can be pickled. Each process opens the file of frames for itself, at its first reading.

    Source: `uzh-rpg/RVT`, `data/genx_utils/sequence_base.py` and `labels.py`: the folder's layout, and labels cut to
    the centres of the outermost pixels, before and after halving. A labelled frame of which no label is left after that
    counts as unlabelled.

    Args:
        directory: The sequence's folder, with `labels_v2/` and `event_representations_v2/<representation>/`.
        representation: Folder of the event representation, such as `stacked_histogram_dt=50_nbins=10`.
        downsample_by_factor_2: Whether to read the frames of half resolution.

    Attributes:
        name: The folder's name.
        num_frames: Number of frames.
        frame_shape: `(channels, height, width)` of a frame; height and width are the model's input.
        frame_times_us: `(frames,)` int64, time at which each frame's window ends.
        labelled_frames: `(labelled,)` int64, rising: the frames that have labels.

    Raises:
        DataError: When a file is missing, damaged, holds no label, or does not agree with the others.
    """

    def __init__(self, directory: Path, *, representation: str, downsample_by_factor_2: bool) -> None:
        self.name = directory.name
        frames_folder = directory / REPRESENTATIONS_FOLDER / representation
        self._frames_path = _frames_path(frames_folder, downsample_by_factor_2)
        frames = FrameFile(self._frames_path)
        self.num_frames = frames.num_frames
        self.frame_shape = frames.frame_shape

        self.frame_times_us: npt.NDArray[np.int64] = _load_array(frames_folder / "timestamps_us.npy").astype(np.int64)
        if len(self.frame_times_us) != self.num_frames:
            raise DataError(
                f"{frames_folder}: timestamps_us.npy has {len(self.frame_times_us)} times for {self.num_frames} frames "
                f"in {self._frames_path.name}; preprocess the recording again"
            )
        labelled_path = frames_folder / "objframe_idx_2_repr_idx.npy"
        labelled_frames = _load_array(labelled_path).astype(np.int64)
        if (
            np.any(labelled_frames < 0)
            or np.any(labelled_frames >= self.num_frames)
            or np.any(np.diff(labelled_frames) <= 0)
        ):
            raise DataError(
                f"{labelled_path}: expected rising frame numbers below {self.num_frames}, got {labelled_frames}; "
                "preprocess the recording again"
            )
        labels, first_label = _load_labels(directory / LABELS_FOLDER / "labels.npz", len(labelled_frames))
        label_counts = np.diff(first_label, append=len(labels))
        labels = _to_input_pixels(labels, self.frame_shape[1:], downsample_by_factor_2)
        frame_of_label = np.repeat(labelled_frames, label_counts)

        has_extent = (labels["w"] > 0) & (labels["h"] > 0)
        self._labels = labels[has_extent]
        self._frame_of_label: npt.NDArray[np.int64] = frame_of_label[has_extent]
        self.labelled_frames: npt.NDArray[np.int64] = np.unique(self._frame_of_label)

    @property
    def all_labels(self) -> npt.NDArray[np.void]:
        """Labels of all frames, `(boxes,)` records of `BOX_DTYPE` in model-input pixels; not to be written to."""
        return self._labels

    def labels(self, frame: int) -> npt.NDArray[np.void]:
        """Labels of one frame, `(boxes,)` records of `BOX_DTYPE` in model-input pixels; empty where it has none."""
        first, last = np.searchsorted(self._frame_of_label, (frame, frame + 1))
        return self._labels[first:last].copy()

    def read(self, start: int, stop: int) -> SparseFrames:
        """Read the frames `start:stop`.

        Raises:
            IndexError: When the range does not lie within the sequence.
            DataError: When the file is damaged.
        """
        return _opened(self._frames_path, os.getpid()).read(start, stop)


def open_split(root: Path, split: str, *, representation: str, downsample_by_factor_2: bool) -> list[Sequence]:
    """Open every sequence of a split, in order of name.

    Args:
        root: The preprocessed dataset's folder.
        split: Name of the split's folder in it: `train`, `val` or `test`.
        representation: Folder of the event representation, such as `stacked_histogram_dt=50_nbins=10`.
        downsample_by_factor_2: Whether to read the frames of half resolution.

    Raises:
        DataError: When a folder is missing or empty, a sequence cannot be used, or frames differ in size.
    """
    for folder in (root, root / split):
        if not folder.is_dir():
            raise DataError(
                f"{folder}: expected a folder of a preprocessed dataset, there is none; set dataset.path to the folder "
                "that holds train/, val/ and test/, or make it with `python -m trainable preprocess`"
            )
    folders = sorted(entry for entry in (root / split).iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise DataError(
            f"{root / split}: the split is empty; make it with `python -m trainable preprocess` from recordings in "
            f"a folder {split}/"
        )
    sequences = [
        Sequence(folder, representation=representation, downsample_by_factor_2=downsample_by_factor_2)
        for folder in folders
    ]
    odd = next((sequence for sequence in sequences if sequence.frame_shape != sequences[0].frame_shape), None)
    if odd is not None:
        raise DataError(
            f"{root / split}: sequences differ in frame shape, {odd.name} has {odd.frame_shape} and "
            f"{sequences[0].name} {sequences[0].frame_shape}; keep one dataset to recordings of one sensor size"
        )
    return sequences


@lru_cache(maxsize=_OPEN_FILES)
def _opened(path: Path, process: int) -> FrameFile:
    """The file, opened by this process: HDF5's handles must not be shared with a parent process."""
    return FrameFile(path)


def _frames_path(folder: Path, downsample_by_factor_2: bool) -> Path:
    sparse, dense = (
        folder / representation_file(layout, downsample_by_factor_2=downsample_by_factor_2)
        for layout in ("sparse", "rvt")
    )
    for path in (sparse, dense):
        if path.is_file():
            return path
    there = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else "no such folder"
    raise DataError(
        f"{folder}: expected {sparse.name} or {dense.name}, got {there}; check dataset.ev_repr_name and "
        "dataset.downsample_by_factor_2, or preprocess the recording again"
    )


def _load_array(path: Path) -> npt.NDArray[np.generic]:
    try:
        return np.load(path, allow_pickle=False)  # type: ignore[no-any-return]
    except FileNotFoundError as error:
        raise DataError(f"{path}: the sequence lacks this file; preprocess the recording again") from error
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path}: expected a NumPy .npy file ({error}); preprocess the recording again") from error


def _load_labels(path: Path, labelled_frames: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """Labels in sensor pixels, and where each labelled frame's labels begin."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            records, first_label = archive["labels"], archive["objframe_idx_2_label_idx"].astype(np.int64)
    except FileNotFoundError as error:
        raise DataError(f"{path}: the sequence has no labels; preprocess the recording with its box file") from error
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: expected labels and objframe_idx_2_label_idx in an .npz file ({error}); preprocess the recording "
            "again"
        ) from error
    if not len(records) or not labelled_frames:
        raise DataError(f"{path}: the sequence has no labels; move its folder out of the split")
    if (
        len(first_label) != labelled_frames
        or first_label[0] != 0
        or np.any(np.diff(first_label, append=len(records)) < 0)
    ):
        raise DataError(
            f"{path}: objframe_idx_2_label_idx does not cut {len(records)} labels into {labelled_frames} labelled "
            "frames; preprocess the recording again"
        )
    return as_box_records(records, path), first_label


def _to_input_pixels(
    labels: npt.NDArray[np.void], input_hw: tuple[int, int], downsample_by_factor_2: bool
) -> npt.NDArray[np.void]:
    halvings = int(downsample_by_factor_2)
    moved = labels.copy()
    for start, extent, input_size in (("x", "w", input_hw[1]), ("y", "h", input_hw[0])):
        sensor_end = (input_size << halvings) - 1
        first = np.clip(labels[start], 0, sensor_end)
        length = np.clip(labels[start] + labels[extent], 0, sensor_end) - first
        if downsample_by_factor_2:
            last = np.minimum((first + length) / 2, input_size - 1)
            first = first / 2
            length = last - first
        moved[start], moved[extent] = first, length
    return moved
