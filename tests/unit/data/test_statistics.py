"""Counts, filters, thresholds and exports of a dataset's statistics."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from trainable.data.statistics import DatasetStatistics, SplitStatistics
from trainable.errors import ConfigError
from trainable.object_sizes import GEN4_BOX_FILTER, AreaBin

BINS = (AreaBin("small", 0, 100), AreaBin("large", 100, 1e10))


def statistics(
    areas_px2: list[float],
    *,
    class_id: list[int] | None = None,
    passes: list[bool] | None = None,
    factor: float = 4.0,
    split: str = "train",
) -> DatasetStatistics:
    boxes = SplitStatistics(
        recordings=1,
        duration_s=math.nan,
        labelled_frames=1,
        label_hz=math.nan,
        left_out=0,
        class_id=np.array(class_id or [0] * len(areas_px2), np.int64),
        area_sensor_px2=np.array(areas_px2, np.float64),
        passes_filter=np.array(passes or [True] * len(areas_px2), np.bool_),
        events=None,
        events_per_s=np.array([math.nan]),
        occupied_share=np.array([math.nan]),
    )
    return DatasetStatistics(
        Path("somewhere"),
        "raw",
        ("cat", "dog"),
        {"input": BINS, "sensor": BINS},
        factor,
        GEN4_BOX_FILTER,
        {split: boxes},
    )


def test_bins_of_input_areas_are_four_times_as_large_on_the_sensor_at_half_resolution() -> None:
    found = statistics([50, 150, 390, 410], class_id=[0, 0, 1, 1])
    np.testing.assert_array_equal(found.counts("train", space="input", filtered=False), [[2, 0], [1, 1]])
    np.testing.assert_array_equal(found.counts("train", space="sensor", filtered=False), [[1, 1], [0, 2]])


def test_a_box_on_an_edge_counts_in_both_bins_as_in_coco() -> None:
    found = statistics([100], factor=1.0)
    np.testing.assert_array_equal(found.counts("train", space="input", filtered=False)[0], [1, 1])
    assert found.class_counts("train", filtered=False)[0] == 1


def test_filtered_counts_hold_only_what_the_filter_keeps() -> None:
    found = statistics([50, 150], class_id=[0, 1], passes=[False, True], factor=1.0)
    np.testing.assert_array_equal(found.counts("train", space="input", filtered=True), [[0, 0], [0, 1]])
    np.testing.assert_array_equal(found.class_counts("train", filtered=True), [0, 1])


def test_suggested_thresholds_are_quantiles_of_the_training_areas() -> None:
    areas = np.random.default_rng(0).uniform(10, 5000, 400)
    found = statistics(areas.tolist())
    expected = np.quantile(areas, (0.33, 0.66))
    assert found.suggested_thresholds("sensor") == pytest.approx(tuple(expected))
    assert found.suggested_thresholds("input") == pytest.approx(tuple(expected / 4))


@pytest.mark.parametrize("found", [statistics([]), statistics([50.0], split="val")])
def test_without_training_boxes_the_thresholds_are_undefined(found: DatasetStatistics) -> None:
    assert all(math.isnan(threshold) for threshold in found.suggested_thresholds("input"))


def test_json_has_null_for_what_is_undefined_and_every_count() -> None:
    found = statistics([50, 150, 390], class_id=[0, 0, 1], passes=[False, True, True])
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    split = plain["splits"]["train"]
    assert split["duration_s"] is split["label_hz"] is split["mean_events_per_s"] is split["events"] is None
    assert split["boxes"]["unfiltered"]["by_class"] == {"cat": 2, "dog": 1}
    assert split["boxes"]["unfiltered"]["by_class_and_sensor_area"]["cat"] == {"small": 1, "large": 1}
    assert split["boxes"]["prophesee"]["total"] == 2
    assert plain["suggested_thresholds"]["input_px2"]["small_threshold"] == pytest.approx(
        np.quantile([50, 150, 390], 0.33) / 4
    )
    assert json.loads(json.dumps(statistics([]).to_json(), allow_nan=False))["suggested_thresholds"]["sensor_px2"] == {
        "small_threshold": None,
        "medium_threshold": None,
    }


def test_the_table_names_units_classes_and_undefined_values() -> None:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(statistics([50, 150, 390], class_id=[0, 0, 1], passes=[False, True, True]).table())
    shown = capture.get()
    for text in ("input px²", "sensor px²", "cat", "dog", "small_threshold", " - "):
        assert text in shown


def test_large_numbers_stay_whole_on_a_terminal_of_80_characters() -> None:
    found = statistics([50.0] * 1000)
    split = replace(
        found.splits["train"],
        recordings=12_345,
        duration_s=123_456.7,
        labelled_frames=2_345_678,
        label_hz=30.0,
        left_out=345_678,
        events_per_s=np.array([12.345e6]),
        occupied_share=np.array([0.1234]),
    )
    console = Console(width=80)
    with console.capture() as capture:
        console.print(replace(found, splits={"train": split}).table())
    row = next(line for line in capture.get().splitlines() if line.strip().startswith("train "))
    assert " ".join(row.split()) == "train 12,345 123,456.7 1,000 345,678 2,345,678 30.0 12.35 M 12.34%"


@pytest.mark.parametrize("areas", [[50.0, 150.0, 39000.0], []])
def test_the_figure_is_a_png_even_without_boxes(areas: list[float], tmp_path: Path) -> None:
    statistics(areas).save_figure(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_of_an_unknown_format_or_in_no_folder_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the figure must be a file ending in .*\.png.*, got .*figure\.txt"):
        statistics([5.0]).save_figure(tmp_path / "figure.txt")
    with pytest.raises(ConfigError, match=r"absent/figure\.png cannot be written"):
        statistics([5.0]).save_figure(tmp_path / "absent" / "figure.png")
