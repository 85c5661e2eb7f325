"""Names, forms and completeness of what is reported."""

import io
import json
import re
from math import isnan

import numpy as np
import pytest
from rich.console import Console

from trainable.evaluation import GEN4_BOX_FILTER, FrameBoxes, Metrics, evaluate

CLASSES = ("pedestrian", "two-wheeler", "car")


def random_metrics(seed: int, *, frames: int = 20, **options: object) -> Metrics:
    rng = np.random.default_rng(seed)
    n = 8 * frames
    truths = FrameBoxes(rng.integers(0, frames, n), rng.uniform(5, 60, (n, 4)), rng.integers(0, 2, n))
    noise = rng.normal(0, 2, (n, 4)).clip(-4, 4)
    detections = FrameBoxes(truths.frame, truths.xywh + noise, truths.class_id, rng.random(n))
    return evaluate(
        truths,
        detections,
        class_names=CLASSES,
        small_object_classes=("two-wheeler",),
        box_filter=GEN4_BOX_FILTER,
        **options,
    )


@pytest.fixture(scope="module")
def metrics() -> Metrics:
    return random_metrics(0)


def test_flat_names_the_figures_of_both_settings(metrics: Metrics) -> None:
    flat = metrics.flat()
    assert metrics.prophesee is not None
    assert flat["AP"] == metrics.AP == metrics.unfiltered.AP
    assert flat["AP_S"] == metrics.AP_S
    assert flat["AP_small_classes"] == metrics.AP_small_classes == flat["AP_class/two-wheeler"]
    assert flat["AP_class_agnostic"] == metrics.AP_class_agnostic
    assert flat["prophesee/AP50"] == metrics.prophesee.AP50
    assert flat["AP_sensor/400-1024"] == metrics.unfiltered.mean.by_sensor_area["400-1024"].AP
    assert flat["count/truths"] == 160
    assert flat["prophesee/count/truths"] + flat["prophesee/count/truths_removed"] == 160
    assert flat["count/truths"] == sum(flat[f"count/truths_class/{name}"] for name in CLASSES)
    assert flat["AR_1"] <= flat["AR_10"] <= flat["AR"] == metrics.AR


def test_flat_always_has_the_same_names(metrics: Metrics) -> None:
    nothing = FrameBoxes(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0))
    empty = evaluate(nothing, nothing, class_names=CLASSES, small_object_classes=("car",), box_filter=GEN4_BOX_FILTER)
    assert list(empty.flat()) == list(metrics.flat())
    assert isnan(empty.flat()["prophesee/AP"])


def test_flat_names_are_valid_for_mlflow_and_none_is_the_folder_of_another(metrics: Metrics) -> None:
    names = set(metrics.flat())
    assert all(re.fullmatch(r"[A-Za-z0-9_\-./ ]+", name) for name in names)
    assert not any(name.rsplit("/", depth)[0] in names for name in names for depth in range(1, name.count("/") + 1))
    assert all(type(value) in (float, int) for value in metrics.flat().values())


def test_json_holds_null_where_undefined(metrics: Metrics) -> None:
    text = json.dumps(metrics.to_json(), allow_nan=False)
    values = json.loads(text)
    assert values["unfiltered"]["mean"]["all"]["AP"] == metrics.AP
    assert values["unfiltered"]["by_class"]["car"]["all"]["AP"] is None
    assert values["unfiltered"]["by_class"]["car"]["all"]["truths"] == 0
    assert values["protocol"]["box_filter"] == {
        "min_diagonal_px": 60,
        "min_side_px": 20,
        "skip_first_us": 500_000,
    }
    assert not re.search(r": -\d", text)


def test_there_are_no_filtered_figures_without_a_filter() -> None:
    boxes = FrameBoxes([0], np.ones((1, 4)), [0], [0.5])
    metrics = evaluate(boxes, boxes, class_names=CLASSES)
    assert metrics.prophesee is None
    assert metrics.to_json()["prophesee"] is None
    assert not any(name.startswith("prophesee/") for name in metrics.flat())
    assert "AP of car" in _rendered(metrics)


def test_mean_leaves_out_classes_without_truths(metrics: Metrics) -> None:
    by_class = [scores.all.AP for scores in metrics.unfiltered.by_class.values()]
    assert isnan(by_class[2])
    np.testing.assert_allclose(metrics.AP, np.mean(by_class[:2]), rtol=0, atol=1e-12)


def test_table_shows_both_settings_side_by_side(metrics: Metrics) -> None:
    text = _rendered(metrics)
    assert metrics.prophesee is not None
    row = next(line for line in text.splitlines() if "AP50" in line)
    assert f"{100 * metrics.AP50:.2f}" in row
    assert f"{100 * metrics.prophesee.AP50:.2f}" in row
    for label in (
        "AP_S: 0 to 1024 input px²",
        "AP_L: over 9216 input px²",
        "sensor px²",
        "AP class-agnostic",
        "AP of small classes",
        "AP of two-wheeler",
    ):
        assert label in text
    assert "nan" not in text


def _rendered(metrics: Metrics) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(metrics.table())
    return console.export_text()
