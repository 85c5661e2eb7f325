"""Loaders: a sampler, a dataset and the processes that read ahead."""

from collections.abc import Iterator
from time import perf_counter

import torch
from torch.utils.data import DataLoader, Dataset

from trainable.data.batch import Batch, collate
from trainable.data.dataset import DetectionDataset
from trainable.data.sampling import EvalSampler, TrainSampler
from trainable.data.windows import SampleKey
from trainable.errors import DataError


class _Batches(Dataset[Batch | DataError]):
    """Loads whole batches; a file that cannot be used is handed over as the error, with its own message unchanged."""

    def __init__(self, dataset: DetectionDataset, sequence_length: int) -> None:
        self._dataset = dataset
        self._sequence_length = sequence_length

    def __getitem__(self, keys: list[SampleKey]) -> Batch | DataError:
        try:
            return collate([self._dataset[key] for key in keys], self._sequence_length)
        except DataError as error:
            return error


class TimedLoader:
    """Iterates over batches and measures how long each was waited for.

    Args:
        loader: Gives batches, or the error that kept it from loading one.

    Attributes:
        waited_s: Seconds spent waiting for batches so far.
    """

    def __init__(self, loader: DataLoader[Batch | DataError]) -> None:
        self._loader = loader
        self.waited_s = 0.0

    def __len__(self) -> int:
        """Number of batches.

        Raises:
            TypeError: When there is no end, as in training.
        """
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self._loader)
        while True:
            begun = perf_counter()
            batch = next(batches, None)
            self.waited_s += perf_counter() - begun
            if batch is None:
                return
            if isinstance(batch, DataError):
                raise batch
            yield batch


def data_loader(
    dataset: DetectionDataset,
    sampler: TrainSampler | EvalSampler,
    *,
    num_workers: int,
    prefetch_factor: int = 2,
    pin_memory: bool | None = None,
) -> TimedLoader:
    """The sampler's batches, in its order whatever the number of workers.

    Those of training never end. Those of an evaluation start over when iterated again, with the same processes.
    Each process runs torch on one thread, as torch sees to itself.

    Args:
        dataset: Loads the samples.
        sampler: Names them.
        num_workers: Loading processes; with 0 the calling process loads.
        prefetch_factor: Batches that each process reads ahead.
        pin_memory: Whether batches lie in page-locked memory; default: where there is a GPU.
    """
    return TimedLoader(
        DataLoader(
            _Batches(dataset, sampler.sequence_length),
            batch_size=None,
            sampler=sampler,
            num_workers=num_workers,
            prefetch_factor=prefetch_factor if num_workers else None,
            persistent_workers=isinstance(sampler, EvalSampler) and num_workers > 0,
            pin_memory=torch.cuda.is_available() if pin_memory is None else pin_memory,
        )
    )
