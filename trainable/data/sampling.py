"""Samplers that name every row of every batch, so that the order does not depend on who loads it."""

import heapq
from collections.abc import Iterator
from collections.abc import Sequence as Several

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from trainable.config.dataset_schema import Sampling
from trainable.data.schedule import RandomSchedule, StreamSchedule
from trainable.data.windows import SampleKey, SequenceSummary, random_windows, training_chunks
from trainable.errors import ConfigError, DataError


def stream_rows(sampling: Sampling, batch_size: int, stream_weight: float, random_weight: float) -> int:
    """How many rows of a global batch are streams; the others are random. Mixed batches have at least one stream.

    Source: RVT's data module.
    """
    match sampling:
        case "stream":
            return batch_size
        case "random":
            return 0
        case "mixed":
            share = random_weight / (stream_weight + random_weight)
            return batch_size - min(round(batch_size * share), batch_size - 1)


class TrainSampler(Sampler[list[SampleKey]]):
    """The endless micro-batches of one rank.

    A global batch has `batch_size` rows: streams first, then random ones; a row keeps its kind. Every rank works out
    the whole global batch and takes every `world_size`-th row of it, and its micro-batches share out its rows in the
    same way. So what a global batch holds depends on the seed and on `batch_size` only, and mixed batches stay mixed.

    Args:
        sequences: The training sequences, in the order in which the keys number them.
        sampling: Whether rows stream, are random, or both.
        batch_size: Rows of a global batch: of one optimizer step over all ranks.
        micro_batch_size: Rows that a rank gets at a time; default its whole share.
        sequence_length: Frames a window.
        seed: Seed of the order.
        stream_weight: Share of streams in mixed sampling, RVT's `w_stream`.
        random_weight: Share of random rows in mixed sampling, RVT's `w_random`.
        window_weights: `(windows,)` weights for weighted random sampling, such as `class_balanced_weights`.
        rank: Number of this process.
        world_size: Number of processes.
        start_position: Micro-batches that were consumed already; the first one yielded is the next.

    Attributes:
        sequence_length: Frames a window.
        micro_batches: Micro-batches of one optimizer step.

    Raises:
        ConfigError: When the rows cannot be shared out evenly, or mixed sampling has a single row.
        DataError: When there is no window to sample.
    """

    def __init__(
        self,
        sequences: Several[SequenceSummary],
        *,
        sampling: Sampling,
        batch_size: int,
        sequence_length: int,
        seed: int,
        micro_batch_size: int | None = None,
        stream_weight: float = 1.0,
        random_weight: float = 1.0,
        window_weights: npt.NDArray[np.float64] | None = None,
        rank: int = 0,
        world_size: int = 1,
        start_position: int = 0,
    ) -> None:
        micro_batch_size = micro_batch_size or max(batch_size // world_size, 1)
        if batch_size % (micro_batch_size * world_size):
            raise ConfigError(
                f"batch_size.train must be a multiple of batch_size.micro times the number of processes, got "
                f"{batch_size} rows for {world_size} processes with {micro_batch_size} rows at a time; "
                f"change batch_size.train, batch_size.micro or hardware.gpus"
            )
        if sampling == "mixed" and batch_size < 2:
            raise ConfigError(
                f"dataset.train.sampling=mixed needs batch_size.train of at least 2, got {batch_size}; "
                f"raise it, or choose stream or random"
            )
        self.micro_batches = batch_size // (micro_batch_size * world_size)
        self._start_position = start_position
        self._chunks = training_chunks(sequences, sequence_length)
        self._windows = random_windows(sequences, sequence_length)
        self.sequence_length = sequence_length
        self._seed = seed
        self._window_weights = window_weights
        self._batch_size = batch_size
        self._stream_rows = stream_rows(sampling, batch_size, stream_weight, random_weight)
        self._rows = [
            range(rank + world_size * number, batch_size, world_size * self.micro_batches)
            for number in range(self.micro_batches)
        ]
        if self._stream_rows and not self._chunks:
            raise DataError("none of the training sequences has a labelled frame; check the labels of the train split")
        if self._stream_rows < batch_size and not len(self._windows[0]):
            raise DataError(
                f"no labelled frame of the training sequences has the {sequence_length} frames that random sampling "
                f"needs; lower dataset.sequence_length or set dataset.train.sampling=stream"
            )

    def __iter__(self) -> Iterator[list[SampleKey]]:
        stream, random = self._schedules()
        step, number = divmod(self._start_position, self.micro_batches)
        while True:
            stream.advance(step)
            for rows in self._rows[number:]:
                yield [(stream if row < self._stream_rows else random).key(row, step) for row in rows]
            step, number = step + 1, 0

    @property
    def steps_per_pass(self) -> int:
        """Global batches until every window has come about once; in mixed sampling, of the kind that takes longer."""
        stream, random = self._schedules()
        random_rows = self._batch_size - self._stream_rows
        kinds = ((stream.num_windows, self._stream_rows), (random.num_windows, random_rows))
        return max(-(-windows // rows) for windows, rows in kinds if rows)

    def _schedules(self) -> tuple[StreamSchedule, RandomSchedule]:
        length, seed = self.sequence_length, self._seed
        random_rows = range(self._stream_rows, self._batch_size)
        return (
            StreamSchedule(self._chunks, rows=self._stream_rows, sequence_length=length, seed=seed),
            RandomSchedule(
                self._windows, rows=random_rows, sequence_length=length, seed=seed, weights=self._window_weights
            ),
        )


class EvalSampler(Sampler[list[SampleKey]]):
    """The batches of one rank in evaluation: every frame of every sequence exactly once, in order.

    Sequences are dealt to the rows of all ranks, the longest first, each to the row with the least to do. A row that
    has nothing left leaves the batch.

    Args:
        sequences: The sequences, in the order in which the keys number them.
        batch_size: Rows a rank.
        sequence_length: Frames a window.
        rank: Number of this process.
        world_size: Number of processes.
    """

    def __init__(
        self,
        sequences: Several[SequenceSummary],
        *,
        batch_size: int,
        sequence_length: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.sequence_length = sequence_length
        lengths = [-(-sequence.num_frames // sequence_length) for sequence in sequences]
        self._frames = [sequence.num_frames for sequence in sequences]
        rows: list[list[int]] = [[] for _ in range(batch_size * world_size)]
        load = [(0, row) for row in range(len(rows))]
        for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
            windows, row = load[0]
            rows[row].append(index)
            heapq.heapreplace(load, (windows + lengths[index], row))
        self._rows = {row: rows[row] for row in range(rank, len(rows), world_size)}
        self._num_batches = max(sum(lengths[index] for index in own) for own in self._rows.values())

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[list[SampleKey]]:
        streams = [self._stream(row, sequences) for row, sequences in self._rows.items()]
        for _ in range(len(self)):
            keys = (next(stream, None) for stream in streams)
            yield [key for key in keys if key is not None]

    def _stream(self, row: int, sequences: list[int]) -> Iterator[SampleKey]:
        for index in sequences:
            frames = self._frames[index]
            for start in range(0, frames, self.sequence_length):
                stop = min(start + self.sequence_length, frames)
                yield SampleKey(row, index, start, stop, start == 0, "eval", index)
