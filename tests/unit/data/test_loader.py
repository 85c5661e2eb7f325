import pickle
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from trainable.config.dataset_schema import FactorRange, Rotate, StreamAugmentation, StreamZoom, ZoomOut
from trainable.data.batch import Batch
from trainable.data.dataset import DetectionDataset, Sample
from trainable.data.loader import TimedLoader, data_loader
from trainable.data.sampling import EvalSampler, TrainSampler
from trainable.data.sequence import Sequence
from trainable.data.windows import SampleKey
from trainable.errors import DataError

STREAM = StreamAugmentation(
    prob_hflip=0.5,
    rotate=Rotate(prob=0.5, min_angle_deg=2.0, max_angle_deg=6.0),
    zoom=StreamZoom(prob=0.5, zoom_out=ZoomOut(factor=FactorRange(min=1.0, max=1.2))),
)


def training(sequences: list[Sequence], num_workers: int, start_position: int = 0) -> TimedLoader:
    sampler = TrainSampler(
        sequences,
        sampling="mixed",
        batch_size=4,
        micro_batch_size=2,
        sequence_length=3,
        seed=5,
        start_position=start_position,
    )
    dataset = DetectionDataset(sequences, seed=5, stream_augmentation=STREAM)
    return data_loader(dataset, sampler, num_workers=num_workers)


def same(first: Batch, second: Batch) -> bool:
    return (
        first.keys == second.keys
        and first.augmentations == second.augmentations
        and torch.equal(first.dense_events(), second.dense_events())
        and torch.equal(first.labels, second.labels)
        and torch.equal(first.label_time, second.label_time)
        and torch.equal(first.label_row, second.label_row)
    )


@pytest.mark.parametrize("num_workers", [1, 2])
def test_batches_do_not_depend_on_the_number_of_workers(sequences: list[Sequence], num_workers: int) -> None:
    alone = list(islice(training(sequences, num_workers=0), 24))
    shared = list(islice(training(sequences, num_workers=num_workers), 24))
    assert all(same(one, other) for one, other in zip(alone, shared, strict=True))


def test_training_goes_on_where_it_was_interrupted(sequences: list[Sequence]) -> None:
    whole = list(islice(training(sequences, num_workers=0), 20))
    for position in (1, 7, 12):
        resumed = list(islice(training(sequences, num_workers=0, start_position=position), 8))
        assert all(same(one, other) for one, other in zip(whole[position:], resumed, strict=False))


def test_training_has_no_length(sequences: list[Sequence]) -> None:
    with pytest.raises(TypeError):
        len(training(sequences, num_workers=0))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_evaluation_gives_every_label_once_each_time(sequences: list[Sequence], num_workers: int) -> None:
    sampler = EvalSampler(sequences, batch_size=2, sequence_length=4)
    loader = data_loader(DetectionDataset(sequences), sampler, num_workers=num_workers)
    expected = [
        (index, frame, len(sequence.labels(frame)))
        for index, sequence in enumerate(sequences)
        for frame in sequence.labelled_frames.tolist()
    ]
    for _ in range(2):
        seen: list[tuple[int, int, int]] = []
        for batch in loader:
            boxes = (batch.labels[..., 3] > 0).sum(dim=1)
            seen += zip(batch.label_sequence.tolist(), batch.label_frame.tolist(), boxes.tolist(), strict=True)
        assert sorted(seen) == expected
    assert len(loader) == len(sampler)


def test_workers_open_their_own_files_after_the_parent_has_read(sequences: list[Sequence]) -> None:
    before = [sequence.read(0, 3).to_dense() for sequence in sequences]
    sampler = EvalSampler(sequences, batch_size=1, sequence_length=3)
    loaded = {batch.keys[0]: batch for batch in data_loader(DetectionDataset(sequences), sampler, num_workers=2)}
    for key, batch in loaded.items():
        if key.start == 0:
            assert torch.equal(batch.dense_events()[:, 0], torch.from_numpy(before[key.sequence]))


def test_a_dataset_can_be_sent_to_another_process(sequences: list[Sequence]) -> None:
    dataset = DetectionDataset(sequences, stream_augmentation=STREAM)
    key = next(iter(EvalSampler(sequences, batch_size=1, sequence_length=3)))[0]
    expected = dataset[key].events.to_dense()
    copy: DetectionDataset = pickle.loads(pickle.dumps(dataset))
    assert (copy[key].events.to_dense() == expected).all()


def test_time_spent_waiting_is_measured(sequences: list[Sequence]) -> None:
    loader = training(sequences, num_workers=0)
    batches = iter(loader)
    next(batches)
    first = loader.waited_s
    next(batches)
    assert 0 < first < loader.waited_s


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_damaged_file_is_reported_with_its_own_message(
    sequences: list[Sequence], num_workers: int, tmp_path: Path
) -> None:
    for file in tmp_path.rglob("*.h5"):
        file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"^\S*/recording_\d/\S*\.h5: expected an HDF5 file, but it is cut short"):
        next(iter(training(sequences, num_workers=num_workers)))


def test_workers_compute_on_one_thread(sequences: list[Sequence]) -> None:
    class CountsThreads(DetectionDataset):
        def __getitem__(self, key: SampleKey) -> Sample:
            return replace(super().__getitem__(key), sequence_name=str(torch.get_num_threads()))

    sampler = EvalSampler(sequences, batch_size=1, sequence_length=3)
    batch = next(iter(data_loader(CountsThreads(sequences), sampler, num_workers=1)))
    assert batch.sequence_names == ("1",)
