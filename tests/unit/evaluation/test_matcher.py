"""COCO's rules for matching and for area bins, each in the smallest case that shows it."""

import numpy as np

from trainable.evaluation import FrameBoxes, Metrics, evaluate
from trainable.object_sizes import AreaBin

Box = tuple[float, float, float, float]
ONE_BIN = (AreaBin("small", 0, 100), AreaBin("medium", 100, 400), AreaBin("large", 400, 1e10))


def measure(truths: list[Box], detections: list[Box], **options: object) -> Metrics:
    """Metrics of one frame and class; detections in falling order of score."""
    return evaluate(
        FrameBoxes(np.zeros(len(truths)), np.reshape(truths, (-1, 4)), np.zeros(len(truths))),
        FrameBoxes(
            np.zeros(len(detections)),
            np.reshape(detections, (-1, 4)),
            np.zeros(len(detections)),
            np.linspace(0.9, 0.1, len(detections)),
        ),
        class_names=["car"],
        area_bins=ONE_BIN,
        **options,
    )


def assert_close(actual: object, expected: float) -> None:
    """Equal but for the tiny number that pycocotools adds to a denominator."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


SMALL: Box = (0, 0, 10, 9)
MEDIUM: Box = (0, 0, 10, 11)
FAR_SMALL: Box = (50, 50, 9, 9)
FAR_MEDIUM: Box = (80, 80, 15, 15)


def test_unmatched_detection_outside_the_bin_is_ignored() -> None:
    metrics = measure([FAR_SMALL], [FAR_MEDIUM, FAR_SMALL])
    assert_close(metrics.AP_S, 1)
    assert_close(metrics.AP, 0.5)


def test_detection_matched_to_a_truth_outside_the_bin_is_ignored() -> None:
    metrics = measure([MEDIUM, FAR_SMALL], [SMALL, FAR_SMALL])
    assert_close(metrics.unfiltered.mean.by_area["S"].AP50, 1)


def test_detection_outside_the_bin_on_a_truth_inside_is_a_true_positive() -> None:
    metrics = measure([SMALL], [MEDIUM])
    assert_close(metrics.unfiltered.mean.by_area["S"].AP50, 1)
    assert np.isnan(metrics.AP_M)


def test_truth_inside_the_bin_wins_over_one_outside_of_higher_iou() -> None:
    metrics = measure([MEDIUM, SMALL], [MEDIUM])
    assert_close(metrics.unfiltered.mean.by_area["S"].AP50, 1)
    assert_close(metrics.unfiltered.mean.by_area["S"].AP75, 1)
    assert_close(metrics.unfiltered.mean.by_area["M"].AP75, 1)


def test_second_detection_inside_the_bin_on_a_truth_outside_is_a_false_positive() -> None:
    metrics = measure([MEDIUM, FAR_SMALL], [SMALL, SMALL, FAR_SMALL])
    assert_close(metrics.unfiltered.mean.by_area["S"].AP50, 0.5)


def test_both_ends_of_a_bin_are_included() -> None:
    on_the_edge: Box = (0, 0, 10, 10)
    metrics = measure([on_the_edge], [on_the_edge])
    scores = metrics.unfiltered.mean.by_area
    assert (scores["S"].truths, scores["M"].truths, scores["L"].truths) == (1, 1, 0)
    assert_close([metrics.AP_S, metrics.AP_M], 1)


def test_empty_bin_is_nan() -> None:
    metrics = measure([SMALL], [SMALL])
    assert np.isnan([metrics.AP_M, metrics.AP_L, metrics.unfiltered.mean.by_area["L"].AR]).all()


def test_no_detections_give_zero_and_not_nan() -> None:
    metrics = measure([SMALL], [])
    assert (metrics.AP, metrics.AP_S, metrics.AR, metrics.AP_class_agnostic) == (0, 0, 0, 0)
    assert np.isnan(metrics.AP_M)


def test_no_truths_at_all_give_nan() -> None:
    metrics = measure([], [SMALL])
    assert np.isnan([metrics.AP, metrics.AP_S, metrics.AR, metrics.AP_class_agnostic]).all()


def test_neither_truths_nor_detections_give_nan() -> None:
    metrics = measure([], [])
    assert np.isnan(metrics.AP)
    assert metrics.flat()["count/truths"] == 0


def test_among_truths_of_equal_iou_the_last_is_taken() -> None:
    left, middle, right = (0.0, 0.0, 10.0, 9.0), (2.0, 0.0, 10.0, 9.0), (4.0, 0.0, 10.0, 9.0)
    # The first detection overlaps both truths alike; the second reaches only the right one at IoU 0.75.
    close_to_right = (5.0, 0.0, 10.0, 9.0)
    assert measure([left, right], [middle, close_to_right]).unfiltered.mean.all.AR < (
        measure([right, left], [middle, close_to_right]).unfiltered.mean.all.AR
    )


def test_detections_beyond_the_last_cap_do_not_count() -> None:
    assert_close(measure([FAR_SMALL], [SMALL, FAR_SMALL], max_detections=(1,)).AP, 0)
    assert_close(measure([FAR_SMALL], [SMALL, FAR_SMALL], max_detections=(1, 2)).AP, 0.5)


def test_recall_is_reported_at_every_cap() -> None:
    metrics = measure([SMALL, FAR_SMALL], [FAR_MEDIUM, SMALL, FAR_SMALL], max_detections=(1, 2, 3))
    assert metrics.unfiltered.mean.all.AR_by_cap == {1: 0, 2: 0.5, 3: 1}
    assert metrics.AR == 1


def test_crowded_frame_with_many_choices_is_matched_greedily() -> None:
    truths: list[Box] = [(0.1 * index, 0, 10, 9) for index in range(40)]
    metrics = measure(truths, truths)
    assert_close(metrics.AP, 1)


def test_class_counts_unless_class_agnostic() -> None:
    box = np.array([SMALL])
    metrics = evaluate(FrameBoxes([0], box, [0]), FrameBoxes([0], box, [1], [0.5]), class_names=["car", "bus"])
    assert_close(metrics.AP, 0)
    assert_close(metrics.AP_class_agnostic, 1)
    assert np.isnan(metrics.unfiltered.by_class["bus"].all.AP)
