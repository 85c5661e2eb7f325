from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.boxes import BOX_DTYPE
from trainable.data.label_frames import FramePlan, plan_frames
from trainable.errors import DataError

PATH = Path("day_bbox.npy")


def boxes_at(times_us: list[int]) -> np.ndarray:
    boxes = np.zeros(len(times_us), dtype=BOX_DTYPE)
    boxes["t"], boxes["track_id"] = times_us, range(len(times_us))
    return boxes


def plan(times_us: list[int], label_step_us: int | None = None) -> FramePlan:
    planned = plan_frames(boxes_at(times_us), label_step_us=label_step_us, path=PATH)
    assert planned is not None
    return planned


def test_every_third_label_of_30_hz_is_taken_with_two_frames_a_step() -> None:
    planned = plan([33_333 * number for number in range(1, 12)])
    assert planned.label_times_us.tolist() == [133_332, 233_331, 333_330]
    assert planned.frame_times_us.tolist() == [83_332, 133_332, 183_331, 233_331, 283_330, 333_330]
    assert planned.labelled_frames.tolist() == [1, 3, 5]


def test_every_sixth_label_of_60_hz_is_taken() -> None:
    planned = plan([16_667 * number for number in range(1, 20)])
    assert planned.label_times_us.tolist() == [100_002, 200_004, 300_006]


def test_gen1_takes_labels_250_ms_apart_with_two_frames_between() -> None:
    planned = plan([200_000, 450_000, 700_000, 1_450_000], label_step_us=250_000)
    assert planned.frame_times_us.tolist() == [
        *(100_000, 150_000, 200_000, 325_000, 450_000, 575_000, 700_000),
        *(825_000, 950_000, 1_075_000, 1_200_000, 1_325_000, 1_450_000),
    ]
    assert planned.labelled_frames.tolist() == [2, 4, 6, 12]


def test_labels_go_on_after_a_gap_and_jitter_up_to_2_ms_is_taken() -> None:
    planned = plan([100_000, 200_000, 210_000, 302_000, 402_100, 504_200, 1_002_000], label_step_us=100_000)
    assert planned.label_times_us.tolist() == [100_000, 200_000, 302_000, 402_100, 1_002_000]


def test_a_single_label_gets_the_frames_that_lead_up_to_it() -> None:
    planned = plan([260_000])
    assert planned.frame_times_us.tolist() == [60_000, 110_000, 160_000, 210_000, 260_000]
    assert planned.labelled_frames.tolist() == [4]


def test_no_label_at_or_after_100_ms_means_no_plan() -> None:
    assert plan_frames(boxes_at([99_999]), label_step_us=None, path=PATH) is None
    assert plan_frames(boxes_at([]), label_step_us=None, path=PATH) is None


def test_rates_other_than_prophesees_are_taken_where_a_multiple_is_near_100_ms() -> None:
    assert plan([50_000 * number for number in range(1, 8)]).label_times_us.tolist() == [100_000, 200_000, 300_000]
    with pytest.raises(
        DataError, match=r"day_bbox\.npy: boxes come every 40000 us, of which no multiple is near 100 ms"
    ):
        plan([40_000 * number for number in range(1, 8)])


def test_the_rate_is_found_where_most_frames_lost_their_boxes() -> None:
    planned = plan([33_333 * number for number in (3, 5, 7, 8, 9, 11, 13, 15)])
    assert planned.label_times_us.tolist() == [33_333 * number for number in (5, 8, 11)]


def test_times_that_nearly_coincide_are_an_error() -> None:
    with pytest.raises(DataError, match="boxes at 100000 and 100001 us are only 1 us apart"):
        plan([100_000, 100_001, 200_000], label_step_us=100_000)


@settings(deadline=None)
@given(
    first=st.integers(0, 400_000),
    steps=st.lists(st.integers(1, 40), min_size=1, max_size=30),
    boxes_a_time=st.integers(1, 3),
)
def test_every_labelled_frame_ends_on_its_labels_and_owns_them(first: int, steps: list[int], boxes_a_time: int) -> None:
    times = (first + 33_333 * np.cumsum([0, 1, *steps])).tolist()
    boxes = boxes_at(sorted(times * boxes_a_time))
    planned = plan_frames(boxes, label_step_us=None, path=PATH)
    if planned is None:
        assert times[-1] < 100_000
        return
    assert np.all(np.diff(planned.frame_times_us) > 0)
    last = np.append(planned.first_label[1:], len(planned.labels))
    for frame, start, stop in zip(planned.labelled_frames, planned.first_label, last, strict=True):
        owned = planned.labels[start:stop]
        expected = boxes[boxes["t"] == planned.frame_times_us[frame]]
        assert owned["track_id"].tolist() == expected["track_id"].tolist()
