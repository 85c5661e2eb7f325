from pathlib import Path

import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data.label_filters import LABEL_RULES, Dataset, FilteredBoxes, filter_boxes
from trainable.errors import DataError

PATH = Path("day_bbox.npy")


def records(*boxes: tuple[float, float, float, float, int]) -> np.ndarray:
    """Boxes `(x, y, w, h, class_id)`, one after the other in time."""
    return np.array([(t, *box, 0, 1.0) for t, box in enumerate(boxes)], dtype=BOX_DTYPE)


def run(
    dataset: Dataset,
    boxes: np.ndarray,
    *,
    sensor_hw: tuple[int, int] = (720, 1280),
    is_train: bool = True,
    drop_bad_boxes: bool = False,
) -> FilteredBoxes:
    return filter_boxes(
        boxes,
        LABEL_RULES[dataset],
        sensor_hw=sensor_hw,
        is_train=is_train,
        drop_bad_boxes=drop_bad_boxes,
        path=PATH,
    )


def test_boxes_are_cut_at_the_outermost_pixels_and_only_those_reaching_out_are_counted() -> None:
    filtered = run("etram", records((-10, 5, 50, 50, 0), (1230, 680, 50, 40, 1), (1250, 690, 60, 60, 1)))
    assert [box[1:5] for box in filtered.boxes.tolist()] == [(0, 5, 40, 50), (1230, 680, 49, 39), (1250, 690, 29, 29)]
    assert filtered.cropped == 2
    assert filtered.dropped == {}


def test_small_boxes_are_dropped_by_side_and_on_gen1_by_diagonal_too() -> None:
    boxes = records(
        (10, 10, 5, 5, 0), (10, 10, 4.9, 50, 0), (10, 10, 10, 29, 0), (10, 10, 20, 21, 0), (9, 9, 10, 28, 0)
    )
    assert run("etram", boxes).boxes["t"].tolist() == [0, 2, 3, 4]
    gen1 = run("gen1", boxes, sensor_hw=(240, 304))
    assert gen1.boxes["t"].tolist() == [2]
    assert gen1.dropped == {"too small": 4}


def test_boxes_as_wide_as_the_sensor_are_dropped_in_training_only() -> None:
    boxes = records((0, 0, 576, 50, 0), (0, 0, 577, 50, 0))
    assert len(run("etram", boxes, sensor_hw=(480, 640)).boxes) == 1
    assert len(run("etram", boxes, sensor_hw=(480, 640), is_train=False).boxes) == 2


def test_gen4_keeps_pedestrian_two_wheeler_and_car_and_etram_all_eight() -> None:
    boxes = records(*((10, 10, 30, 30, class_id) for class_id in range(8)))
    gen4 = run("gen4", boxes)
    assert gen4.boxes["class_id"].tolist() == [0, 1, 2]
    assert gen4.dropped == {"of a class not used": 5}
    assert run("etram", boxes).boxes["class_id"].tolist() == list(range(8))


BAD_BOXES = [
    ((float("nan"), 10, 20, 20, 0), "not finite"),
    ((10, 10, float("inf"), 20, 0), "not finite"),
    ((50, 10, -20, 20, 0), "of negative size"),
    ((10, 10, 20, 20, 8), "of an unknown class"),
    ((10, 10, 0, 20, 0), "without extent"),
    ((1280, 10, 20, 20, 0), "outside the sensor"),
    ((10, -30, 20, 20, 0), "outside the sensor"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_BOXES)
def test_a_bad_box_is_an_error_that_names_file_box_and_next_step(
    bad: tuple[float, float, float, float, int], reason: str
) -> None:
    boxes = records((10, 10, 20, 20, 0), bad)
    with pytest.raises(
        DataError, match=rf"day_bbox\.npy: 1 of 2 boxes are {reason}, the first is box 1 \(t=1, .*--drop"
    ):
        run("etram", boxes)


@pytest.mark.parametrize(("bad", "reason"), BAD_BOXES)
def test_bad_boxes_are_dropped_and_counted_on_request(bad: tuple[float, float, float, float, int], reason: str) -> None:
    filtered = run("etram", records((10, 10, 20, 20, 0), bad), drop_bad_boxes=True)
    assert filtered.boxes["t"].tolist() == [0]
    assert filtered.dropped == {reason: 1}


@pytest.mark.parametrize("dataset", ["gen1", "gen4"])
@pytest.mark.parametrize(("bad", "reason"), BAD_BOXES)
def test_prophesees_boxes_outside_the_sensor_are_dropped_as_rvt_does(
    dataset: Dataset, bad: tuple[float, float, float, float, int], reason: str
) -> None:
    boxes = records((10, 10, 30, 30, 0), bad)
    if reason in ("without extent", "outside the sensor"):
        assert run(dataset, boxes).dropped == {reason: 1}
    elif dataset == "gen1" or reason != "of an unknown class":
        with pytest.raises(DataError, match=reason):
            run(dataset, boxes)


def test_no_box_of_etrams_own_recording_is_bad(shared_dir: Path) -> None:
    boxes = np.load(shared_dir / "data" / "etram_val_day_014_bbox.npy")
    filtered = run("etram", boxes.astype(BOX_DTYPE))
    assert len(filtered.boxes) == len(boxes)
