"""Forms of input, the box filter, sensor pixels, and errors."""

import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.errors import ConfigError, DataError
from trainable.evaluation import GEN4_BOX_FILTER, FrameBoxes, evaluate
from trainable.object_sizes import AreaBin

CLASSES = ("car", "bus")


def frame(*rows: tuple[float, ...], time_us: int = 1_000_000) -> np.ndarray:
    """A structured array of x, y, w, h, class and score."""
    boxes = np.zeros(len(rows), BOX_DTYPE)
    for name, column in zip(("x", "y", "w", "h", "class_id", "class_confidence"), zip(*rows, strict=True), strict=True):
        boxes[name] = column
    boxes["t"] = time_us
    return boxes


def assert_close(actual: object, expected: float) -> None:
    """Equal but for the tiny number that pycocotools adds to a denominator."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


EMPTY = np.zeros(0, BOX_DTYPE)
LARGE = (0, 0, 60, 60, 0, 0.9)
TINY = (100, 100, 10, 10, 0, 0.8)


def test_both_forms_of_input_give_the_same() -> None:
    truths, detections = [frame(LARGE, TINY), EMPTY, frame(TINY)], [frame(LARGE), frame(TINY), frame(TINY, LARGE)]
    arrays = evaluate(truths, detections, class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    tables = evaluate(
        FrameBoxes.from_frames(truths, scored=False),
        FrameBoxes.from_frames(detections, scored=True),
        class_names=CLASSES,
        box_filter=GEN4_BOX_FILTER,
        frame_times_us=[10**6] * 3,
    )
    np.testing.assert_equal(arrays.flat(), tables.flat())
    assert 0 < arrays.AP < 1


def test_order_in_which_frames_arrive_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    n = 200
    truths = FrameBoxes(rng.integers(0, 20, n), rng.uniform(1, 40, (n, 4)), rng.integers(0, 2, n))
    xywh = truths.xywh + rng.normal(0, 1, (n, 4)).clip(-1, 1)
    detections = FrameBoxes(truths.frame, xywh, truths.class_id, rng.random(n).round(1))

    def reversed_frames(boxes: FrameBoxes) -> FrameBoxes:
        order = np.argsort(-boxes.frame, kind="stable")
        score = None if boxes.score is None else boxes.score[order]
        return FrameBoxes(boxes.frame[order], boxes.xywh[order], boxes.class_id[order], score)

    expected = evaluate(truths, detections, class_names=CLASSES).flat()
    actual = evaluate(reversed_frames(truths), reversed_frames(detections), class_names=CLASSES).flat()
    np.testing.assert_equal(actual, expected)


def test_tables_of_several_ranks_join_with_frame_offsets() -> None:
    first = FrameBoxes([0, 1], np.ones((2, 4)), [0, 1], [0.1, 0.2])
    second = FrameBoxes([0], np.zeros((1, 4)), [1], [0.3])
    joined = FrameBoxes.concatenate([first, second], frame_offsets=[0, 2])
    assert joined.frame.tolist() == [0, 1, 2]
    assert joined.score is not None
    assert joined.score.tolist() == [0.1, 0.2, 0.3]


def test_box_filter_deletes_truths_and_detections() -> None:
    metrics = evaluate([frame(LARGE, TINY)], [frame(TINY, LARGE)], class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    assert metrics.prophesee is not None
    assert metrics.prophesee.mean.all.truths == 1
    assert metrics.prophesee.truths_removed == 1
    assert metrics.unfiltered.truths_removed == 0
    assert_close([metrics.prophesee.AP, metrics.AP], 1)


def test_detection_that_passes_on_a_truth_that_does_not_is_a_false_positive() -> None:
    nearly, wide = (0, 0, 50, 19, 0, 0.95), (0, 0, 60, 20, 0, 0.95)
    other = (200, 200, 60, 60, 0, 0.5)
    metrics = evaluate([frame(nearly, other)], [frame(wide, other)], class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    assert metrics.prophesee is not None
    assert_close(metrics.AP50, 1)
    assert_close(metrics.prophesee.AP50, 0.5)


def test_frames_left_without_truths_count_only_without_the_filter() -> None:
    truths, detections = [frame(LARGE), frame(TINY), EMPTY], [frame((*LARGE[:5], 0.5)), frame(LARGE), frame(LARGE)]
    metrics = evaluate(truths, detections, class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    assert metrics.prophesee is not None
    assert_close(metrics.prophesee.AP, 1)
    assert metrics.prophesee.frames == 1
    assert metrics.unfiltered.frames == 3
    assert metrics.AP < 0.5


@pytest.mark.parametrize(("time_us", "counts"), [(500_000, False), (500_001, True)])
def test_filter_skips_the_first_half_second_inclusive(time_us: int, counts: bool) -> None:
    metrics = evaluate([frame(LARGE, time_us=time_us)], [frame(LARGE)], class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    assert_close(metrics.AP, 1)
    assert metrics.prophesee is not None
    assert metrics.prophesee.frames == counts


def test_given_frame_times_win_over_the_boxes_own() -> None:
    metrics = evaluate(
        [frame(LARGE)], [frame(LARGE)], class_names=CLASSES, box_filter=GEN4_BOX_FILTER, frame_times_us=[0]
    )
    assert metrics.prophesee is not None
    assert metrics.prophesee.frames == 0


def test_without_times_every_frame_counts() -> None:
    boxes = FrameBoxes.from_frames([frame(LARGE, time_us=0)], scored=True)
    metrics = evaluate(boxes, boxes, class_names=CLASSES, box_filter=GEN4_BOX_FILTER)
    assert metrics.prophesee is not None
    assert_close(metrics.prophesee.AP, 1)


@pytest.mark.parametrize(
    ("width", "height", "half", "passes"),
    [
        (36, 48, False, True),
        (36, 47, False, False),
        (20, 60, False, True),
        (19, 90, False, False),
        (18, 24, True, True),
        (18, 23, True, False),
        (10, 30, True, True),
        (9.5, 60, True, False),
    ],
)
def test_filter_limits_are_sensor_pixels_and_included(width: float, height: float, half: bool, passes: bool) -> None:
    box = frame((0, 0, width, height, 0, 0.5))
    metrics = evaluate([box], [box], class_names=CLASSES, box_filter=GEN4_BOX_FILTER, downsample_by_factor_2=half)
    assert metrics.prophesee is not None
    assert metrics.prophesee.mean.all.truths == passes


def test_sensor_bins_are_four_times_larger_at_half_resolution() -> None:
    box = frame((0, 0, 10, 10, 0, 0.5))
    bins = (AreaBin("input-sized", 100, 100.5), AreaBin("sensor-sized", 400, 400.5))
    full = evaluate([box], [box], class_names=CLASSES, sensor_area_bins=bins)
    half = evaluate([box], [box], class_names=CLASSES, sensor_area_bins=bins, downsample_by_factor_2=True)
    assert [scores.truths for scores in full.unfiltered.mean.by_sensor_area.values()] == [1, 0]
    assert [scores.truths for scores in half.unfiltered.mean.by_sensor_area.values()] == [0, 1]
    assert half.unfiltered.mean.by_area["S"].truths == full.unfiltered.mean.by_area["S"].truths == 1


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("x", np.nan, r"detections: every box must have finite x, y, w, h, but 1 of 1 .* frame 0"),
        ("w", np.inf, "finite x, y, w, h"),
        ("h", -1.0, "a width and a height ≥ 0"),
        ("class_confidence", np.nan, "a finite score"),
        ("class_id", 2, r"a class id from 0 to 1, but 1 of 1 .*: 2"),
    ],
)
def test_detection_that_is_no_box_is_refused(column: str, value: float, message: str) -> None:
    wrong = frame(LARGE)
    wrong[column] = value
    with pytest.raises(DataError, match=message):
        evaluate([frame(LARGE)], [wrong], class_names=CLASSES)


def test_truth_that_is_no_box_is_refused() -> None:
    wrong = frame(LARGE)
    wrong["y"] = np.nan
    with pytest.raises(DataError, match="ground truth: every box must have finite"):
        evaluate([wrong], [frame(LARGE)], class_names=CLASSES)


def test_unscored_detections_are_refused() -> None:
    boxes = FrameBoxes.from_frames([frame(LARGE)], scored=False)
    with pytest.raises(DataError, match="must have scores"):
        evaluate(boxes, boxes, class_names=CLASSES)
    without_field = np.zeros(1, [(name, "f4") for name in ("x", "y", "w", "h", "class_id")])
    with pytest.raises(DataError, match=r"frame 0: .* without \['class_confidence'\]"):
        evaluate([frame(LARGE)], [without_field], class_names=CLASSES)


def test_arguments_that_disagree_on_the_frames_are_refused() -> None:
    with pytest.raises(DataError, match=r"same frames, got \{'ground_truth': 2, 'detections': 1\}"):
        evaluate([frame(LARGE), EMPTY], [frame(LARGE)], class_names=CLASSES)
    with pytest.raises(DataError, match="'frame_times_us': 3"):
        evaluate([frame(LARGE)], [frame(LARGE)], class_names=CLASSES, frame_times_us=[1, 2, 3])
    beyond = FrameBoxes([5], np.ones((1, 4)), [0], [0.5])
    with pytest.raises(DataError, match="`detections` has a box in frame 5, but there are 1 frames"):
        evaluate([frame(LARGE)], beyond, class_names=CLASSES)


def test_truths_of_one_frame_at_two_times_are_refused() -> None:
    boxes = np.concatenate([frame(LARGE), frame(TINY, time_us=2_000_000)])
    with pytest.raises(DataError, match="must share one time t, got 1000000 to 2000000"):
        evaluate([boxes], [boxes], class_names=CLASSES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ()}, "at least one class"),
        ({"class_names": ("car", "car")}, "must not repeat a name, got 'car'"),
        ({"class_names": ("car!", "bus")}, "letters, digits"),
        ({"small_object_classes": ("bike",)}, r"must be among the classes \['car', 'bus'\], got \['bike'\]"),
        ({"area_bins": (AreaBin("all", 0, 1),)}, "three ranges"),
        ({"sensor_area_bins": (AreaBin("odd", 5, 5),)}, "from a lower to a higher, finite area ≥ 0, got 5 to 5"),
        ({"max_detections": (10, 1)}, r"rising numbers ≥ 1, got \[10, 1\]"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluate([frame(LARGE)], [frame(LARGE)], **({"class_names": CLASSES} | options))
