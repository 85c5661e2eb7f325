import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainable.data.augment_events import augment_frames
from trainable.data.augmentation import NO_AUGMENTATION, Augmentation, Window
from trainable.data.batch import Batch, collate
from trainable.data.dataset import Sample
from trainable.data.sparse_frames import SparseFrames
from trainable.data.windows import SampleKey

SHAPE = (3, 12, 16)
AUGMENTATIONS = [
    NO_AUGMENTATION,
    Augmentation(flip=True),
    Augmentation(angle_deg=5.0, zoom_in=Window(2, 3, 8, 6)),
    Augmentation(flip=True, zoom_out=Window(1, 1, 12, 9)),
]


def sample(
    row: int, frames: int, boxes_by_frame: dict[int, int], augmentation: Augmentation = NO_AUGMENTATION
) -> Sample:
    """`boxes_by_frame`: labelled frame, counted from the sequence's start, to its number of boxes."""
    rng = np.random.default_rng(row)
    start = 10 * row
    counts = list(boxes_by_frame.values())
    return Sample(
        key=SampleKey(row, row + 100, start, start + frames, row == 1, "stream", row),
        sequence_name=f"recording_{row}",
        events=SparseFrames.from_dense(rng.poisson(0.1, (frames, *SHAPE)).astype(np.uint8)),
        augmentation=augmentation,
        label_frames=np.array(list(boxes_by_frame), dtype=np.int64),
        boxes=rng.uniform(1, 9, (sum(counts), 5)).astype(np.float32),
        label_of_box=np.repeat(np.arange(len(counts)), counts),
    )


def test_dense_events_are_the_augmented_frames_with_time_first() -> None:
    samples = [sample(row, 4, {}, augmentation) for row, augmentation in enumerate(AUGMENTATIONS)]
    dense = collate(samples, 4).dense_events()
    assert dense.shape == (4, len(samples), *SHAPE)
    assert dense.dtype == torch.uint8
    for row, one in enumerate(samples):
        expected = torch.zeros((4, *SHAPE), dtype=torch.uint8)
        augment_frames(torch.from_numpy(one.events.to_dense()), one.augmentation, expected)
        assert expected.any()
        assert torch.equal(dense[:, row], expected)


def test_a_short_window_is_filled_up_with_empty_frames_and_says_so() -> None:
    samples = [sample(0, 5, {}), sample(1, 2, {}, Augmentation(flip=True))]
    batch = collate(samples, 5)
    dense = batch.dense_events()
    assert batch.real_frames.tolist() == [5, 2]
    assert dense[:2, 1].any()
    assert not dense[2:, 1].any()
    assert torch.equal(dense[:, 0], torch.from_numpy(samples[0].events.to_dense()))


def test_frames_without_events_are_empty() -> None:
    nothing = SparseFrames.from_dense(np.zeros((2, *SHAPE), dtype=np.uint8))
    samples = (sample(0, 2, {}), sample(1, 2, {}, Augmentation(flip=True)))
    empty = [replace(one, events=nothing) for one in samples]
    assert not collate(empty, 2).dense_events().any()


def test_labels_are_ordered_by_time_and_row_and_filled_up_with_zeros() -> None:
    samples = [sample(0, 4, {1: 2, 3: 1}), sample(1, 4, {10: 1, 11: 3}), sample(2, 4, {})]
    batch = collate(samples, 4)
    assert batch.label_time.tolist() == [0, 1, 1, 3]
    assert batch.label_row.tolist() == [1, 0, 1, 0]
    assert batch.label_sequence.tolist() == [101, 100, 101, 100]
    assert batch.label_frame.tolist() == [10, 1, 11, 3]
    expected = torch.zeros((4, 3, 5))
    expected[0, :1] = torch.from_numpy(samples[1].boxes[:1])
    expected[1, :2] = torch.from_numpy(samples[0].boxes[:2])
    expected[2, :3] = torch.from_numpy(samples[1].boxes[1:])
    expected[3, :1] = torch.from_numpy(samples[0].boxes[2:])
    assert torch.equal(batch.labels, expected)


def test_rows_and_resets_come_from_the_keys() -> None:
    batch = collate([sample(5, 3, {}), sample(1, 3, {})], 3)
    assert batch.rows.tolist() == [5, 1]
    assert batch.reset.tolist() == [False, True]


def test_a_batch_without_labels_has_empty_label_tensors() -> None:
    batch = collate([sample(0, 3, {}), sample(1, 3, {})], 3)
    assert batch.labels.shape == (0, 0, 5)
    assert (len(batch.label_time), len(batch.label_row), len(batch.label_frame)) == (0, 0, 0)
    assert batch.label_time.dtype == batch.label_row.dtype == batch.label_frame.dtype == torch.int64


def test_a_labelled_frame_without_boxes_is_kept() -> None:
    batch = collate([sample(0, 3, {1: 0, 2: 2})], 3)
    assert batch.label_time.tolist() == [1, 2]
    assert not batch.labels[0].any()


def test_describe_names_sequences_and_frames() -> None:
    assert collate([sample(0, 3, {}), sample(2, 3, {})], 3).describe() == (
        "row 0: sequence recording_0 frames 0 to 2\nrow 2: sequence recording_2 frames 20 to 22"
    )


def test_a_batch_survives_pickling() -> None:
    batch = collate([sample(0, 3, {1: 2}), sample(1, 3, {}, Augmentation(flip=True))], 3)
    copy: Batch = pickle.loads(pickle.dumps(batch))
    assert torch.equal(copy.dense_events(), batch.dense_events())
    assert torch.equal(copy.labels, batch.labels)
    assert copy.keys == batch.keys


def test_moving_a_batch_leaves_host_tensors_where_they_are() -> None:
    moved = collate([sample(0, 3, {1: 2})], 3).to("meta")
    on_device = {name for name, value in vars(moved).items() if isinstance(value, torch.Tensor) and value.is_meta}
    assert on_device == {"indices", "values", "counts", "reset", "real_frames", "label_time", "label_row", "labels"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_events_made_dense_on_the_gpu_equal_those_made_on_the_cpu() -> None:
    batch = collate([sample(row, 4, {10 * row: 1}, augmentation) for row, augmentation in enumerate(AUGMENTATIONS)], 4)
    moved = batch.pin_memory().to("cuda", non_blocking=True)
    assert torch.equal(moved.dense_events().cpu(), batch.dense_events())
    assert torch.equal(moved.labels.cpu(), batch.labels)
