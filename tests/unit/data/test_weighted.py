from collections.abc import Callable

import numpy as np
import pytest

from trainable.data.sequence import Sequence
from trainable.data.weighted import class_balanced_weights
from trainable.data.windows import random_windows

SMALL = (5.0, 5.0, 4.0, 4.0)


@pytest.fixture
def labelled(write_sequence: Callable[..., Sequence]) -> list[Sequence]:
    frames = np.zeros((8, 2, 16, 16), dtype=np.uint8)
    return [
        write_sequence("first", frames, {1: [(0, *SMALL)], 3: [(0, *SMALL), (0, *SMALL)], 7: [(1, *SMALL)]}),
        write_sequence("second", frames, {2: [(2, *SMALL)], 3: [(0, *SMALL)], 4: [(0, *SMALL)]}),
    ]


def test_a_window_weighs_its_boxes_by_the_rarity_of_their_class(labelled: list[Sequence]) -> None:
    # Windows of 3 frames end at frames 3 and 7 of the first, and 2, 3 and 4 of the second sequence. They hold 3 boxes
    # of class 0; 1 of class 1; 1 of class 2; 1 of class 0 and 1 of class 2; 2 of class 0 and 1 of class 2.
    weights = class_balanced_weights(labelled, 3, num_classes=4)
    assert weights == pytest.approx([3 / 6, 1, 1 / 3, 1 / 6 + 1 / 3, 2 / 6 + 1 / 3])


def test_only_end_labels_count_when_only_they_are_loaded(labelled: list[Sequence]) -> None:
    weights = class_balanced_weights(labelled, 3, num_classes=3, only_load_end_labels=True)
    assert weights == pytest.approx([2 / 4, 1, 1, 1 / 4, 1 / 4])


def test_there_is_one_weight_a_random_window(sequences: list[Sequence]) -> None:
    weights = class_balanced_weights(sequences, 5, num_classes=3)
    assert len(weights) == len(random_windows(sequences, 5)[1])
    assert (weights > 0).all()
