from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from trainable.data.windows import Chunk, num_windows, random_windows, training_chunks


@dataclass
class Summary:
    num_frames: int
    labelled_frames: npt.NDArray[np.int64]


def labelled(num_frames: int, *frames: int) -> Summary:
    return Summary(num_frames, np.array(frames, dtype=np.int64))


def test_training_chunk_begins_with_its_first_label_at_the_end_of_the_first_window() -> None:
    assert training_chunks([labelled(50, 20, 23, 30)], 5)[0].start == 16


def test_training_chunk_begins_at_frame_zero_when_the_first_label_comes_early() -> None:
    assert training_chunks([labelled(50, 2, 4)], 5) == [Chunk(0, 0, 5)]


def test_training_chunk_stops_behind_its_last_label() -> None:
    assert training_chunks([labelled(50, 20, 23)], 5) == [Chunk(0, 16, 24)]


def test_sequence_is_cut_only_where_labels_lie_further_apart_than_a_window() -> None:
    assert training_chunks([labelled(50, 10, 15, 21)], 5) == [Chunk(0, 6, 16), Chunk(0, 17, 22)]


def test_chunks_number_sequences_and_pass_over_those_without_labels() -> None:
    chunks = training_chunks([labelled(50, 9), labelled(50), labelled(50, 9)], 5)
    assert [chunk.sequence for chunk in chunks] == [0, 2]


@pytest.mark.parametrize("sequence_length", [1, 3, 7])
def test_every_training_window_has_a_label_and_every_label_a_window(sequence_length: int) -> None:
    rng = np.random.default_rng(sequence_length)
    frames = np.flatnonzero(rng.random(400) < 0.2)
    seen: list[int] = []
    for chunk in training_chunks([labelled(400, *frames)], sequence_length):
        for window in range(num_windows(chunk, sequence_length)):
            start = chunk.start + window * sequence_length
            inside = frames[(frames >= start) & (frames < min(start + sequence_length, chunk.stop))]
            assert len(inside) > 0
            seen += inside.tolist()
    assert seen == frames.tolist()


def test_random_windows_end_at_labelled_frames_that_have_enough_frames_before_them() -> None:
    owners, stops = random_windows([labelled(20, 3, 4, 9), labelled(20), labelled(20, 19)], 5)
    assert owners.tolist() == [0, 0, 2]
    assert stops.tolist() == [5, 10, 20]
