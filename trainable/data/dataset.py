"""Loads what a sample key names, with its augmentation drawn and its labels moved."""

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from trainable.boxes import BOX_DTYPE
from trainable.config.dataset_schema import RandomAugmentation, StreamAugmentation
from trainable.data.augmentation import NO_AUGMENTATION, Augmentation, FloatArray, augment_boxes, draw_augmentation
from trainable.data.sequence import Sequence
from trainable.data.sparse_frames import SparseFrames
from trainable.data.windows import IntArray, SampleKey, Source

_DRAW_OF_SOURCE: dict[Source, int] = {"stream": 2, "random": 3}
"""Keeps the augmentations' random numbers apart from each other and from those of the order (0 and 1)."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One row of a batch.

    Attributes:
        key: What was asked for.
        sequence_name: Name of the sequence.
        events: The `stop - start` frames as they lie on disk, not yet augmented.
        augmentation: What is to be done to the events; it was done to the boxes.
        label_frames: `(labels,)` int64, the labelled frames, counted from the start of the sequence.
        boxes: `(boxes, 5)` float32 rows of class, cx, cy, w, h in input pixels.
        label_of_box: `(boxes,)` int64, each box's index into `label_frames`, rising.
    """

    key: SampleKey
    sequence_name: str
    events: SparseFrames
    augmentation: Augmentation
    label_frames: IntArray
    boxes: npt.NDArray[np.float32]
    label_of_box: IntArray


class DetectionDataset(Dataset[Sample]):
    """Maps a `SampleKey` to a `Sample`.

    In training a labelled frame from which augmentation removed every box counts as not labelled, as in RVT: nothing is
    learnt from it. In evaluation labels stay as they are.

    Args:
        sequences: At least one, all of one frame shape, as `open_split` gives them; keys number them in this order.
        seed: Seed of the augmentations.
        stream_augmentation: Augmentation of streams, one draw for each sub-sequence; none to leave them as they are.
        random_augmentation: Augmentation of random windows, one draw each; none to leave them as they are.
        only_load_end_labels: Give random windows the labels of their last frame only.

    Attributes:
        sequences: The sequences.
        frame_shape: `(channels, height, width)` of every frame.
    """

    def __init__(
        self,
        sequences: Several[Sequence],
        *,
        seed: int = 0,
        stream_augmentation: StreamAugmentation | None = None,
        random_augmentation: RandomAugmentation | None = None,
        only_load_end_labels: bool = False,
    ) -> None:
        self.sequences = sequences
        self.frame_shape = sequences[0].frame_shape
        self._seed = seed
        self._settings = {"stream": stream_augmentation, "random": random_augmentation}
        self._only_load_end_labels = only_load_end_labels

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, key: SampleKey) -> Sample:
        sequence = self.sequences[key.sequence]
        first, end = np.searchsorted(sequence.labelled_frames, (key.start, key.stop))
        frames = sequence.labelled_frames[first:end]
        if key.source == "random" and self._only_load_end_labels:
            frames = frames[-1:]
        records = [sequence.labels(frame) for frame in frames.tolist()]
        label_of_box = np.repeat(np.arange(len(frames)), [len(boxes) for boxes in records])
        boxes = np.concatenate([np.zeros(0, dtype=BOX_DTYPE), *records])
        class_id, boxes_xyxy = boxes["class_id"], _corners(boxes)
        augmentation = NO_AUGMENTATION
        if key.source != "eval":
            augmentation = self._draw(key, boxes_xyxy, label_of_box)
            _, height, width = self.frame_shape
            boxes_xyxy, in_view = augment_boxes(boxes_xyxy, augmentation, height=height, width=width)
            boxes_xyxy, class_id = boxes_xyxy[in_view], class_id[in_view]
            occupied, label_of_box = np.unique(label_of_box[in_view], return_inverse=True)
            frames = frames[occupied]
        return Sample(
            key=key,
            sequence_name=sequence.name,
            events=sequence.read(key.start, key.stop),
            augmentation=augmentation,
            label_frames=frames,
            boxes=_training_rows(class_id, boxes_xyxy),
            label_of_box=label_of_box,
        )

    def _draw(self, key: SampleKey, boxes_xyxy: FloatArray, label_of_box: IntArray) -> Augmentation:
        settings = self._settings[key.source]
        if settings is None:
            return NO_AUGMENTATION
        _, height, width = self.frame_shape
        return draw_augmentation(
            settings,
            np.random.default_rng((self._seed, _DRAW_OF_SOURCE[key.source], key.ordinal)),
            height=height,
            width=width,
            boxes_xyxy=boxes_xyxy,
            label_of_box=label_of_box,
        )


def _corners(boxes: npt.NDArray[np.void]) -> FloatArray:
    """Left, top, right and bottom, `(boxes, 4)`."""
    x, y, w, h = (boxes[field].astype(np.float64) for field in ("x", "y", "w", "h"))
    return np.stack([x, y, x + w, y + h], axis=1)


def _training_rows(class_id: npt.NDArray[np.uint32], boxes_xyxy: FloatArray) -> npt.NDArray[np.float32]:
    """Class, cx, cy, w, h, `(boxes, 5)`."""
    low, high = boxes_xyxy[:, :2], boxes_xyxy[:, 2:]
    return np.concatenate([class_id[:, None], (low + high) / 2, high - low], axis=1, dtype=np.float32)
