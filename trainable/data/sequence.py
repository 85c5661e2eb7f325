"""Preprocessed sequences on disk, as RVT's preprocessing or this project's wrote them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainable.data.sparse_frames import SparseFrames


class Sequence:
    """One preprocessed recording: event frames at a fixed step, and labels on some of them.

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
        DataError: When a file is missing, damaged, or does not agree with the others.
    """

    name: str
    num_frames: int
    frame_shape: tuple[int, int, int]
    frame_times_us: npt.NDArray[np.int64]
    labelled_frames: npt.NDArray[np.int64]

    def __init__(self, directory: Path, *, representation: str, downsample_by_factor_2: bool) -> None:
        raise NotImplementedError

    def labels(self, frame: int) -> npt.NDArray[np.void]:
        """Labels of one frame, `(boxes,)` records of `BOX_DTYPE` in model-input pixels; none where it has none."""
        raise NotImplementedError

    def read(self, start: int, stop: int) -> SparseFrames:
        """Read the frames `start:stop`."""
        raise NotImplementedError


def open_split(root: Path, split: str, *, representation: str, downsample_by_factor_2: bool) -> list[Sequence]:
    """Open every sequence of a split, in order of name."""
    raise NotImplementedError
