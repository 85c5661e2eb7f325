from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from trainable.config.dataset_schema import Sampling
from trainable.data.sampling import EvalSampler, TrainSampler, stream_rows
from trainable.data.windows import SampleKey
from trainable.errors import ConfigError, DataError

SAMPLINGS: list[Sampling] = ["stream", "random", "mixed"]


@dataclass
class Summary:
    num_frames: int
    labelled_frames: npt.NDArray[np.int64]


def summaries() -> list[Summary]:
    rng = np.random.default_rng(0)
    return [Summary(frames, np.flatnonzero(rng.random(frames) < 0.3)) for frames in (40, 17, 60, 9, 33)]


def batches(count: int, sampling: Sampling = "mixed", **settings: Any) -> list[list[SampleKey]]:
    sampler = TrainSampler(
        summaries(), sampling=sampling, **{"batch_size": 6, "sequence_length": 5, "seed": 3, **settings}
    )
    return list(islice(sampler, count))


@pytest.mark.parametrize(
    ("sampling", "batch_size", "weights", "expected"),
    [
        ("stream", 6, (1, 1), 6),
        ("random", 6, (1, 1), 0),
        ("mixed", 6, (1, 1), 3),
        ("mixed", 8, (1, 3), 2),
        ("mixed", 2, (1, 100), 1),
        ("mixed", 5, (1, 1), 3),
    ],
)
def test_rows_are_split_as_rvt_splits_them(
    sampling: Sampling, batch_size: int, weights: tuple[float, float], expected: int
) -> None:
    assert stream_rows(sampling, batch_size, *weights) == expected


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_batch_holds_every_row_once(sampling: Sampling) -> None:
    assert all([key.row for key in batch] == list(range(6)) for batch in batches(50, sampling))


def test_rows_of_a_mixed_batch_keep_their_kind() -> None:
    kinds = {tuple(key.source for key in batch) for batch in batches(50, stream_weight=1.0, random_weight=2.0)}
    assert kinds == {("stream", "stream", "random", "random", "random", "random")}


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("micro_batch_size", [None, 2])
def test_resuming_at_any_position_gives_the_batches_that_follow(
    sampling: Sampling, micro_batch_size: int | None
) -> None:
    settings = {"sampling": sampling, "micro_batch_size": micro_batch_size}
    whole = batches(90, **settings)
    for position in range(80):
        assert batches(10, start_position=position, **settings) == whole[position : position + 10]


def test_iterating_twice_gives_the_same_batches() -> None:
    sampler = TrainSampler(summaries(), sampling="mixed", batch_size=4, sequence_length=5, seed=0)
    assert list(islice(sampler, 20)) == list(islice(sampler, 20))


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("micro_batch_size", "world_size"), [(6, 1), (3, 1), (1, 1), (3, 2), (1, 2), (2, 3), (1, 6)])
def test_ranks_and_micro_batches_partition_the_global_batch(
    sampling: Sampling, micro_batch_size: int, world_size: int
) -> None:
    micro_batches = 6 // (micro_batch_size * world_size)
    of_ranks = [
        batches(30 * micro_batches, sampling, micro_batch_size=micro_batch_size, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert {len(batch) for of_rank in of_ranks for batch in of_rank} == {micro_batch_size}
    for step, whole in enumerate(batches(30, sampling)):
        shares = [batch for of_rank in of_ranks for batch in of_rank[step * micro_batches : (step + 1) * micro_batches]]
        assert sorted(key for share in shares for key in share) == whole


def test_micro_batches_of_a_mixed_batch_stay_mixed() -> None:
    for batch in batches(20, micro_batch_size=2):
        assert [key.source for key in batch] == ["stream", "random"]


def test_a_pass_counts_the_steps_until_every_window_was_seen() -> None:
    sequences = [Summary(100, np.arange(0, 100, 5)), Summary(100, np.array([4, 9]))]  # 21 windows, 21 labels in reach
    settings: dict[str, Any] = {"sequence_length": 5, "seed": 0, "batch_size": 4}
    assert TrainSampler(sequences, sampling="stream", **settings).steps_per_pass == 6
    assert TrainSampler(sequences, sampling="random", **settings).steps_per_pass == 6
    mixed = TrainSampler(sequences, sampling="mixed", random_weight=3.0, micro_batch_size=1, **settings)
    assert mixed.steps_per_pass == 22
    assert mixed.micro_batches == 4


def test_rows_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"got 6 rows for 2 processes with 2 rows at a time"):
        batches(1, micro_batch_size=2, world_size=2)
    with pytest.raises(ConfigError, match=r"got 6 rows for 4 processes with 1 rows at a time"):
        batches(1, world_size=4)


def test_a_mixed_batch_of_one_row_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mixed needs batch_size\.train of at least 2, got 1"):
        batches(1, batch_size=1)


def test_data_without_labels_is_refused() -> None:
    unlabelled = [replace(summary, labelled_frames=np.zeros(0, dtype=np.int64)) for summary in summaries()]
    with pytest.raises(DataError, match="none of the training sequences has a labelled frame"):
        TrainSampler(unlabelled, sampling="stream", batch_size=1, sequence_length=5, seed=0)


def test_sequences_too_short_for_random_sampling_are_refused() -> None:
    with pytest.raises(DataError, match="has the 61 frames that random sampling needs"):
        batches(1, "random", sequence_length=61)


@pytest.mark.parametrize(("batch_size", "world_size"), [(1, 1), (2, 1), (4, 1), (9, 1), (2, 2), (1, 5)])
def test_evaluation_sees_every_frame_of_every_sequence_once_and_in_order(batch_size: int, world_size: int) -> None:
    keys: list[SampleKey] = []
    for rank in range(world_size):
        sampler = EvalSampler(summaries(), batch_size=batch_size, sequence_length=5, rank=rank, world_size=world_size)
        own = list(sampler)
        assert len(own) == len(sampler)
        assert all(0 < len(batch) <= batch_size for batch in own)
        keys += [key for batch in own for key in batch]
    for index, summary in enumerate(summaries()):
        of_sequence = [key for key in keys if key.sequence == index]
        assert [key.is_first for key in of_sequence] == [True] + [False] * (len(of_sequence) - 1)
        frames = [frame for key in of_sequence for frame in range(key.start, key.stop)]
        assert frames == list(range(summary.num_frames))


def test_evaluation_rows_stream_one_sequence_after_the_other() -> None:
    for batch_size in (1, 2, 3):
        flat = [key for batch in EvalSampler(summaries(), batch_size=batch_size, sequence_length=5) for key in batch]
        for row in range(batch_size):
            keys = [key for key in flat if key.row == row]
            for before, after in pairwise(keys):
                assert after.is_first or (after.sequence, after.start) == (before.sequence, before.stop)


def test_evaluation_spreads_work_evenly_over_rows() -> None:
    sampler = EvalSampler(summaries(), batch_size=2, sequence_length=5)
    # Windows of 5 frames: 8, 4, 12, 2 and 7, together 33.
    assert len(sampler) == 17


def test_evaluation_without_work_for_a_rank_is_empty() -> None:
    sampler = EvalSampler(summaries()[:1], batch_size=1, sequence_length=5, rank=1, world_size=2)
    assert (len(sampler), list(sampler)) == (0, [])
