from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.moment_findings import ComparedMoment, compared_moments, find, largest_differences
from trainable.boxes import BOX_DTYPE
from trainable.moment_file import MomentFile, RecordedMoment

SMALL_PX2 = 100.0
NAMES = ("pedestrian", "vehicle")
SMALL, LARGE = (10, 10, 8, 8), (40, 30, 30, 20)


def boxes(*rows: tuple[float, ...], class_id: int = 0, score: float = 0.9) -> np.ndarray:
    found = np.zeros(len(rows), BOX_DTYPE)
    for box, row in zip(found, rows, strict=True):
        box["x"], box["y"], box["w"], box["h"] = row
        box["class_id"], box["class_confidence"] = class_id, score
    return found


def moment(
    detections: np.ndarray, labels: np.ndarray | None = None, frame: int = 3, sequence: str = "day", events: int = 1
) -> RecordedMoment:
    counts = np.full((2, 60, 100), events, np.uint8)
    return RecordedMoment(
        sequence, frame, 50_000 * frame, counts, boxes(SMALL, LARGE) if labels is None else labels, detections
    )


def file(*moments: RecordedMoment, names: tuple[str, ...] = NAMES) -> MomentFile:
    return MomentFile(100, names, moments)


def compared(reference: np.ndarray, candidate: np.ndarray, frame: int = 3) -> ComparedMoment:
    (found,) = compared_moments(file(moment(reference, frame=frame)), file(moment(candidate, frame=frame)), SMALL_PX2)
    return found


def test_a_detection_counts_for_a_label_of_its_class_that_it_overlaps_by_half() -> None:
    labels = boxes((0, 0, 10, 10))
    for overlap, expected in (((0, 0, 10, 5), True), ((0, 0, 10, 4.9), False), ((20, 20, 10, 10), False)):
        assert find(labels, boxes(overlap), SMALL_PX2).found.tolist() == [expected]
    assert find(labels, boxes((0, 0, 10, 10), class_id=1), SMALL_PX2).num_false == 1


def test_of_two_detections_of_one_label_the_better_one_is_right() -> None:
    detections = np.concatenate([boxes(SMALL, score=0.4), boxes((10, 10, 8, 7), score=0.8)])
    found = find(boxes(SMALL), detections, SMALL_PX2)
    assert found.detections["class_confidence"].tolist() == pytest.approx([0.8, 0.4])
    assert found.right.tolist() == [True, False]


def test_a_detection_takes_the_free_label_that_it_overlaps_most() -> None:
    found = find(boxes((0, 0, 10, 10), (1, 0, 10, 10)), boxes((1, 0, 10, 10), (1, 0, 10, 10)), SMALL_PX2)
    assert found.found.all()
    assert found.right.all()


def test_detections_with_low_scores_are_neither_right_nor_false() -> None:
    found = find(boxes(SMALL), boxes(SMALL, LARGE, score=0.2), SMALL_PX2)
    assert (found.num_found, found.num_false, len(found.detections)) == (0, 0, 0)


def test_a_label_of_just_the_largest_small_area_is_small() -> None:
    assert find(boxes((0, 0, 10, 10), (0, 0, 10, 10.1)), boxes(), SMALL_PX2).small.tolist() == [True, False]


def test_the_summary_counts() -> None:
    found = find(boxes(SMALL, LARGE), boxes(SMALL, (80, 40, 10, 10)), SMALL_PX2)
    assert found.summary() == "1 of 2 labels found, 1 of 1 small ones, 1 false detection"


@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 4), max_size=6),
    st.lists(st.tuples(*[st.integers(0, 40)] * 4), max_size=6),
)
def test_as_many_labels_are_found_as_detections_are_right(
    labels: Sequence[tuple[int, ...]], detections: Sequence[tuple[int, ...]]
) -> None:
    found = find(boxes(*labels), boxes(*detections), SMALL_PX2)
    assert found.num_found == int(found.right.sum()) <= min(len(labels), len(detections))


def test_a_small_label_more_weighs_more_than_any_number_of_false_detections() -> None:
    false = [(70, 5 * place, 10, 4) for place in range(5)]
    assert compared(boxes(LARGE), boxes(LARGE, SMALL, *false)).gain == (1, -4)
    assert compared(boxes(LARGE, *false), boxes(LARGE)).gain == (0, 5)


def test_the_largest_gains_and_losses_come_first_and_equal_moments_in_neither() -> None:
    nothing, small, all_found = boxes(), boxes(SMALL), boxes(SMALL, LARGE)
    pairs = [(nothing, small), (nothing, all_found), (small, nothing), (small, small), (all_found, nothing)]
    moments = [compared(*pair, frame=frame) for frame, pair in enumerate(pairs)]
    gains, losses = largest_differences(moments, most=3)
    assert [one.moment.frame for one in gains] == [1, 0]
    assert [one.moment.frame for one in losses] == [4, 2]
    assert len(largest_differences(moments, most=1)[0]) == 1


def test_small_labels_that_one_finds_are_named_the_smallest_first() -> None:
    labels = boxes((0, 0, 9, 9), (20, 0, 6, 6), LARGE, (60, 0, 5, 5))
    ours, theirs = moment(boxes((0, 0, 9, 9)), labels), moment(boxes((20, 0, 6, 6), LARGE), labels)
    (found,) = compared_moments(file(ours), file(theirs), SMALL_PX2)
    assert found.differing_small_labels() == [1, 0]


def test_only_moments_that_both_recorded_from_the_same_data_are_compared() -> None:
    detections = boxes(SMALL)
    ours = file(*(moment(detections, frame=frame) for frame in range(5)))
    theirs = file(
        moment(detections, frame=4),
        moment(detections, frame=1, events=2),
        moment(detections, frame=2, labels=boxes(SMALL)),
        moment(detections, frame=3, sequence="night"),
        moment(detections, frame=0),
    )
    assert [one.moment.frame for one in compared_moments(ours, theirs, SMALL_PX2)] == [0, 4]
    assert compared_moments(ours, file(*theirs.moments, names=("a", "b")), SMALL_PX2) == ()
    assert compared_moments(ours, file(), SMALL_PX2) == ()
