from typing import cast

import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data import Sequence
from trainable.evaluation_moments import Moment, choose_moments


class Recording:
    """What is asked of a recording: `sides[frame]` are the side lengths of the square labels on a frame."""

    def __init__(self, sides: dict[int, list[float]]) -> None:
        self._sides = sides

    def labels(self, frame: int) -> np.ndarray:
        table = np.zeros(len(self._sides[frame]), BOX_DTYPE)
        table["w"] = table["h"] = self._sides[frame]
        return table


def recording(sides: dict[int, list[float]]) -> Sequence:
    return cast(Sequence, Recording(sides))


def frames(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int64).reshape(-1, 2)


def test_the_frame_with_the_most_small_objects_is_taken() -> None:
    one = recording({3: [50, 60, 70], 5: [4, 50], 9: [4, 4], 12: [4, 4, 80]})
    evaluated = frames((0, 3), (0, 5), (0, 9), (0, 12))
    assert choose_moments([one], evaluated, count=1, small_area_px2=256) == (Moment(0, 12),)


def test_the_first_of_equal_frames_is_taken_whatever_their_order() -> None:
    one = recording({3: [4], 5: [4]})
    assert choose_moments([one], frames((0, 5), (0, 3)), count=1, small_area_px2=256) == (Moment(0, 3),)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [0]), (2, [0, 4]), (3, [0, 2, 4]), (5, [0, 1, 2, 3, 4]), (7, [0, 0, 1, 1, 2, 3, 4])],
)
def test_moments_are_spread_over_the_recordings(count: int, expected: list[int]) -> None:
    recordings = [recording({frame: [4] for frame in range(10)}) for _ in range(5)]
    evaluated = frames(*((number, frame) for number in range(5) for frame in range(10)))
    moments = choose_moments(recordings, evaluated, count=count, small_area_px2=256)
    assert [moment.sequence for moment in moments] == expected
    assert len(set(moments)) == count


def test_moments_of_one_recording_are_spread_over_its_time() -> None:
    one = recording({frame: [4] for frame in range(90)})
    evaluated = frames(*((0, frame) for frame in range(90)))
    chosen = choose_moments([one], evaluated, count=3, small_area_px2=256)
    assert [moment.frame for moment in chosen] == [0, 30, 60]


def test_only_what_was_evaluated_is_taken_and_no_more_than_there_is() -> None:
    recordings = [recording({0: [4]}), recording({0: [4], 1: [4, 4]})]
    assert choose_moments(recordings, frames((1, 0)), count=4, small_area_px2=256) == (Moment(1, 0),)
    assert choose_moments(recordings, frames(), count=4, small_area_px2=256) == ()
