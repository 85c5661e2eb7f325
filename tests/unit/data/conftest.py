"""Preprocessed sequences small enough for every test to write its own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data.representation_store import Layout, frame_writer, representation_file
from trainable.data.sequence import Sequence

REPRESENTATION = "stacked_histogram_dt=50_nbins=2"

Boxes = npt.NDArray[np.void]
WriteSequence = Callable[..., Sequence]


@pytest.fixture
def write_sequence(tmp_path: Path) -> WriteSequence:
    """Writes a sequence folder, with labels in pixels of the frames, and opens it."""

    def write(
        name: str, frames: npt.NDArray[np.uint8], labels: dict[int, list[tuple[float, ...]]], layout: Layout = "sparse"
    ) -> Sequence:
        """`labels`: frame number to its boxes, each `(class_id, x, y, w, h)`."""
        folder = tmp_path / "train" / name
        representation = folder / "event_representations_v2" / REPRESENTATION
        representation.mkdir(parents=True)
        (folder / "labels_v2").mkdir()
        times_us = 50_000 * np.arange(1, len(frames) + 1)
        records = [
            (times_us[frame], x, y, w, h, class_id, 0, 1.0)
            for frame, boxes in labels.items()
            for class_id, x, y, w, h in boxes
        ]
        counts = [len(boxes) for boxes in labels.values()]
        np.save(representation / "timestamps_us.npy", times_us)
        np.save(representation / "objframe_idx_2_repr_idx.npy", np.array(list(labels), dtype=np.int64))
        np.savez(
            folder / "labels_v2" / "labels.npz",
            labels=np.array(records, dtype=BOX_DTYPE),
            objframe_idx_2_label_idx=np.cumsum([0, *counts[:-1]]),
        )
        file = representation / representation_file(layout, downsample_by_factor_2=False)
        _, *frame_shape = frames.shape
        with frame_writer(file, layout, tuple(frame_shape)) as append:
            for frame in frames:
                append(frame)
        return Sequence(folder, representation=REPRESENTATION, downsample_by_factor_2=False)

    return write


@pytest.fixture
def sequences(write_sequence: WriteSequence) -> list[Sequence]:
    """Five sequences of 4 x 24 x 32 frames of noise, labelled on about every third frame."""
    rng = np.random.default_rng(0)
    written = []
    for number, num_frames in enumerate((23, 9, 31, 6, 14)):
        frames = rng.poisson(0.05, (num_frames, 4, 24, 32)).astype(np.uint8)
        labels: dict[int, list[tuple[float, ...]]] = {}
        for frame in range(2, num_frames, 3):
            boxes = rng.uniform((0, 0, 2, 2), (20, 14, 11, 9), (rng.integers(1, 4), 4))
            labels[frame] = [(int(rng.integers(3)), *box) for box in boxes.tolist()]
        written.append(write_sequence(f"recording_{number}", frames, labels))
    return written
