"""A batch: events as their non-zero cells until the device makes them dense, and the labels of the labelled frames."""

import math
from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float32, Int32, Int64, UInt8
from torch import Tensor

from trainable.data.augment_events import augment_frames, moved_cells
from trainable.data.augmentation import NO_AUGMENTATION, Augmentation
from trainable.data.dataset import Sample
from trainable.data.windows import SampleKey


@dataclass(frozen=True, eq=False)
class Batch:
    """What a training or evaluation step gets.

    Attributes:
        keys: What each row holds, `batch` of them; stays on the host.
        sequence_names: Name of each row's sequence.
        augmentations: What is to be done to each row's events.
        frame_shape: `(channels, height, width)` of a frame.
        cell_offsets: `batch + 1` numbers; row `i` owns the cells `cell_offsets[i]:cell_offsets[i + 1]`.
        indices: Flat index of each non-zero cell into its own frame; rows follow each other, and in a row its frames.
        values: The cells' counts.
        counts: Number of cells of each frame; 0 for the empty frames that fill up a short window.
        rows: Row of each batch entry in the global batch: the recurrent state that belongs to it; stays on the CPU.
        reset: Whether the entry's recurrent state starts from zero.
        real_frames: How many of the entry's frames are real; the others behind them are empty.
        label_time: Time step of each labelled frame; rises.
        label_row: Batch entry of each labelled frame; rises among those of one time step.
        labels: Class, cx, cy, w, h in input pixels of every box; rows of zeros fill up.
        label_sequence: Index of each labelled frame's sequence; stays on the CPU.
        label_frame: Number of each labelled frame in its sequence; stays on the CPU.
    """

    keys: tuple[SampleKey, ...]
    sequence_names: tuple[str, ...]
    augmentations: tuple[Augmentation, ...]
    frame_shape: tuple[int, int, int]
    cell_offsets: tuple[int, ...]
    indices: Int32[Tensor, " cells"]
    values: UInt8[Tensor, " cells"]
    counts: Int64[Tensor, "batch time"]
    rows: Int64[Tensor, " batch"]
    reset: Bool[Tensor, " batch"]
    real_frames: Int64[Tensor, " batch"]
    label_time: Int64[Tensor, " labelled"]
    label_row: Int64[Tensor, " labelled"]
    labels: Float32[Tensor, "labelled boxes 5"]
    label_sequence: Int64[Tensor, " labelled"]
    label_frame: Int64[Tensor, " labelled"]

    def pin_memory(self) -> Self:
        """The batch in page-locked memory, from which copies to a GPU need not be waited for."""
        return self._map(Tensor.pin_memory)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """The batch on a device; `rows`, `label_sequence` and `label_frame` stay where they are."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def dense_events(self) -> UInt8[Tensor, "time batch channels height width"]:
        """The augmented event frames, made on the device on which the batch lies, without waiting for it.

        Returns:
            `(time, batch, channels, height, width)` uint8 counts.
        """
        batch, time = self.counts.shape
        cells_a_frame = math.prod(self.frame_shape)
        device = self.indices.device
        # One cell more than the frames have: there goes what augmentation moves out of the frame.
        nowhere = time * batch * cells_a_frame
        flat = torch.zeros(nowhere + 1, dtype=torch.uint8, device=device)
        dense = flat[:-1].view(time, batch, *self.frame_shape)
        time_steps = torch.arange(time, device=device)
        for row, augmentation in enumerate(self.augmentations):
            own = slice(*self.cell_offsets[row : row + 2])
            indices, values = self.indices[own], self.values[own]
            time_of_cell = torch.repeat_interleave(time_steps, self.counts[row], output_size=len(indices))
            frame_start = (time_of_cell * batch + row) * cells_a_frame
            if augmentation == NO_AUGMENTATION:
                flat.index_copy_(0, frame_start + indices, values)
            elif augmentation.angle_deg == 0:
                for target, lands in moved_cells(indices, augmentation, self.frame_shape):
                    flat.index_copy_(0, torch.where(lands, frame_start + target, nowhere), values)
            else:
                frames = torch.zeros((time, *self.frame_shape), dtype=torch.uint8, device=device)
                frames.view(-1).index_copy_(0, time_of_cell * cells_a_frame + indices, values)
                augment_frames(frames, augmentation, dense[:, row])
        return dense

    def describe(self) -> str:
        """One line a row: its sequence and frames, for error messages."""
        return "\n".join(
            f"row {key.row}: sequence {name} frames {key.start} to {key.stop - 1}"
            for key, name in zip(self.keys, self.sequence_names, strict=True)
        )

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The batch with every tensor changed that belongs on the device."""
        return replace(
            self,
            indices=change(self.indices),
            values=change(self.values),
            counts=change(self.counts),
            reset=change(self.reset),
            real_frames=change(self.real_frames),
            label_time=change(self.label_time),
            label_row=change(self.label_row),
            labels=change(self.labels),
        )


def collate(samples: Several[Sample], sequence_length: int) -> Batch:
    """Join samples to a batch of windows of `sequence_length` frames, filling up short ones with empty frames.

    Args:
        samples: At least one sample, each of at most `sequence_length` frames.
        sequence_length: Frames a window.
    """
    keys = tuple(sample.key for sample in samples)
    counts = np.zeros((len(samples), sequence_length), dtype=np.int64)
    for row, sample in enumerate(samples):
        counts[row, : len(sample.events)] = np.diff(sample.events.offsets)
    label_row = np.repeat(np.arange(len(samples)), [len(sample.label_frames) for sample in samples])
    label_frame = np.concatenate([sample.label_frames for sample in samples])
    label_time = label_frame - np.array([key.start for key in keys])[label_row]
    in_time = np.lexsort((label_row, label_time))
    indices = np.concatenate([sample.events.indices for sample in samples])
    return Batch(
        keys=keys,
        sequence_names=tuple(sample.sequence_name for sample in samples),
        augmentations=tuple(sample.augmentation for sample in samples),
        frame_shape=samples[0].events.shape,
        cell_offsets=(0, *np.cumsum(counts.sum(axis=1)).tolist()),
        indices=torch.from_numpy(indices.view(np.int32)),
        values=torch.from_numpy(np.concatenate([sample.events.values for sample in samples])),
        counts=torch.from_numpy(counts),
        rows=torch.tensor([key.row for key in keys]),
        reset=torch.tensor([key.is_first for key in keys]),
        real_frames=torch.tensor([key.stop - key.start for key in keys]),
        label_time=torch.from_numpy(label_time[in_time]),
        label_row=torch.from_numpy(label_row[in_time]),
        labels=torch.from_numpy(_padded_labels(samples)[in_time]),
        label_sequence=torch.tensor([key.sequence for key in keys])[label_row[in_time]],
        label_frame=torch.from_numpy(label_frame[in_time]),
    )


def _padded_labels(samples: Several[Sample]) -> npt.NDArray[np.float32]:
    """Boxes of every labelled frame of every sample in turn, `(labelled, boxes, 5)`, filled up with zeros."""
    labels_before = np.cumsum([0, *(len(sample.label_frames) for sample in samples)])
    label_of_box = np.concatenate(
        [sample.label_of_box + before for sample, before in zip(samples, labels_before[:-1], strict=True)]
    )
    boxes_a_label = np.bincount(label_of_box, minlength=labels_before[-1])
    first_box = np.cumsum(boxes_a_label) - boxes_a_label
    place = np.arange(len(label_of_box)) - first_box[label_of_box]
    labels = np.zeros((len(boxes_a_label), boxes_a_label.max(initial=0), 5), dtype=np.float32)
    labels[label_of_box, place] = np.concatenate([sample.boxes for sample in samples])
    return labels
