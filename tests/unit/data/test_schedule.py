from itertools import pairwise

import numpy as np
import pytest

from trainable.data.schedule import RandomSchedule, StreamSchedule
from trainable.data.windows import Chunk, SampleKey

CHUNKS = [Chunk(0, 0, 23), Chunk(0, 40, 45), Chunk(1, 3, 20), Chunk(2, 0, 8), Chunk(3, 10, 11)]
WINDOWS = (np.array([0, 0, 0, 1, 1, 4, 4]), np.array([5, 6, 9, 11, 30, 7, 12]))


def stream_keys(rows: int, steps: int, seed: int = 0) -> list[list[SampleKey]]:
    schedule = StreamSchedule(CHUNKS, rows=rows, sequence_length=5, seed=seed)
    keys = []
    for step in range(steps):
        schedule.advance(step)
        keys.append([schedule.key(row, step) for row in range(rows)])
    return keys


def random_keys(
    steps: int, *, rows: range = range(3), seed: int = 0, weights: list[float] | None = None
) -> list[SampleKey]:
    shares = None if weights is None else np.array(weights)
    schedule = RandomSchedule(WINDOWS, rows=rows, sequence_length=5, seed=seed, weights=shares)
    return [schedule.key(row, step) for step in range(steps) for row in rows]


def test_a_row_streams_a_chunk_in_order_and_then_starts_another() -> None:
    for row in range(3):
        keys = [batch[row] for batch in stream_keys(rows=3, steps=60)]
        for before, after in pairwise(keys):
            if after.is_first:
                assert before.stop in {chunk.stop for chunk in CHUNKS if chunk.sequence == before.sequence}
                assert after.start in {chunk.start for chunk in CHUNKS if chunk.sequence == after.sequence}
            else:
                assert (after.sequence, after.start, after.ordinal) == (before.sequence, before.stop, before.ordinal)


def test_only_the_last_window_of_a_chunk_is_short() -> None:
    lengths = {
        (key.stop - key.start, key.stop in {chunk.stop for chunk in CHUNKS if chunk.sequence == key.sequence})
        for batch in stream_keys(rows=2, steps=60)
        for key in batch
    }
    assert lengths == {(5, False), (5, True), (3, True), (2, True), (1, True)}


def test_one_row_sees_every_chunk_once_a_pass() -> None:
    windows_a_pass = 5 + 1 + 4 + 2 + 1
    keys = [batch[0] for batch in stream_keys(rows=1, steps=3 * windows_a_pass)]
    whole = sorted((chunk.sequence, start) for chunk in CHUNKS for start in range(chunk.start, chunk.stop, 5))
    for number in range(3):
        seen = keys[number * windows_a_pass : (number + 1) * windows_a_pass]
        assert sorted((key.sequence, key.start) for key in seen) == whole


def test_rows_share_one_queue_so_that_a_pass_has_each_chunk_once() -> None:
    taken = {key.ordinal: (key.sequence, key.start) for batch in stream_keys(4, 80) for key in batch if key.is_first}
    for number in range(4):
        one_pass = [taken[ordinal] for ordinal in range(number * len(CHUNKS), (number + 1) * len(CHUNKS))]
        assert sorted(one_pass) == sorted((chunk.sequence, chunk.start) for chunk in CHUNKS)


def test_passes_are_shuffled_differently_and_by_the_seed() -> None:
    keys = [[key.start for key in batch] for batch in stream_keys(rows=1, steps=52)]
    passes = {str(keys[number : number + 13]) for number in range(0, 52, 13)}
    assert len(passes) > 1
    assert stream_keys(1, 52, seed=1) != stream_keys(1, 52, seed=0)
    assert stream_keys(1, 52, seed=1) == stream_keys(1, 52, seed=1)


def test_advancing_at_once_equals_advancing_step_by_step() -> None:
    expected = stream_keys(rows=3, steps=200)[199]
    schedule = StreamSchedule(CHUNKS, rows=3, sequence_length=5, seed=0)
    schedule.advance(199)
    assert [schedule.key(row, 199) for row in range(3)] == expected


def test_random_rows_see_every_window_once_a_pass_whatever_the_number_of_rows() -> None:
    whole = sorted(zip(*(column.tolist() for column in WINDOWS), strict=True))
    for rows in (range(1), range(4, 7), range(9)):
        keys = random_keys(14, rows=rows)
        for number in range(len(keys) // 7):
            assert sorted((key.sequence, key.stop) for key in keys[number * 7 : (number + 1) * 7]) == whole


def test_random_windows_always_start_afresh_and_have_full_length() -> None:
    keys = random_keys(14)
    assert all(key.is_first and key.stop - key.start == 5 for key in keys)
    assert [key.ordinal for key in keys] == list(range(42))


def test_random_order_changes_from_pass_to_pass_and_with_the_seed() -> None:
    stops = [key.stop for key in random_keys(7, rows=range(2))]
    assert stops[:7] != stops[7:]
    assert random_keys(7, seed=1) != random_keys(7, seed=0)


def test_weighted_windows_are_drawn_in_proportion_to_their_weight() -> None:
    keys = random_keys(2000, weights=[0, 1, 0, 3, 0, 0, 4])
    counts = {stop: sum(key.stop == stop for key in keys) / len(keys) for stop in (5, 6, 9, 11, 30, 7, 12)}
    assert counts == pytest.approx({5: 0, 6: 1 / 8, 9: 0, 11: 3 / 8, 30: 0, 7: 0, 12: 4 / 8}, abs=0.03)
