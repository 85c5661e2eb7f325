"""Size weights of finalists over the training boxes' areas."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from reports.charts.chart import Chart
from reports.document.blocks import Paragraph, Table
from reports.evidence import Evidence
from reports.run_files import Missing
from reports.runs import Curve, Run, Sweep
from reports.size_weight_curves import SizeWeights, size_weight_blocks, size_weights_of
from trainable.losses import size_weights
from trainable.training_boxes import TrainingBoxes, save_training_boxes

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]

AREAS = np.array([20.0, 100.0, 250.0, 300.0, 900.0, 2000.0])
POINT = {
    "model.head.size_aware_loss": True,
    "model.head.weight_type": "step",
    "model.head.size_aware_weight": 3.0,
    "model.head.small_threshold": 256,
    "model.head.medium_threshold": 1024,
}


def boxes() -> TrainingBoxes:
    class_id = np.arange(len(AREAS)) % 3
    return TrainingBoxes.of(class_id, AREAS, class_names=("a", "b", "c"), sensor_px2_per_input_px2=4.0)


def expected(area_scale: float = 1.0) -> np.ndarray:
    return size_weights(
        torch.from_numpy(AREAS * area_scale),
        weight_type="step",
        size_aware_weight=3.0,
        small_threshold=256,
        medium_threshold=1024,
    ).numpy()


def weights_of(run: Run) -> SizeWeights:
    found = size_weights_of(run, boxes())
    assert isinstance(found, SizeWeights)
    return found


def test_weights_are_those_of_the_loss(make_run: MakeRun) -> None:
    np.testing.assert_allclose(weights_of(make_run(0, parameters=POINT)).at(AREAS), expected(), rtol=1e-6)


def test_thresholds_in_sensor_pixels_act_on_sensor_areas(make_run: MakeRun) -> None:
    run = make_run(0, parameters=POINT | {"model.head.size_aware_area_space": "sensor"})
    np.testing.assert_allclose(weights_of(run).at(AREAS), expected(area_scale=4.0), rtol=1e-6)


def test_the_baseline_weighs_everything_one(make_run: MakeRun) -> None:
    weights = weights_of(make_run(0, parameters={"model.head.size_aware_loss": False}))
    assert weights.at(AREAS).tolist() == [1.0] * len(AREAS)


def test_a_quantile_stands_for_the_area_that_the_run_recorded(make_run: MakeRun) -> None:
    point = POINT | {"model.head.small_threshold": "q0.33", "model.head.medium_threshold": "q0.66"}
    tags = {"size_aware.small_threshold_px2": "256", "size_aware.medium_threshold_px2": "1024"}
    np.testing.assert_allclose(weights_of(make_run(0, parameters=point, tags=tags)).at(AREAS), expected(), rtol=1e-6)


@pytest.mark.parametrize(
    "tags", [{}, {"size_aware.small_threshold_px2": "<b>"}, {"size_aware.small_threshold_px2": "-5"}]
)
def test_a_quantile_of_unknown_area_is_said_to_be_missing(tags: dict[str, str], make_run: MakeRun) -> None:
    run = make_run(0, parameters=POINT | {"model.head.small_threshold": "q0.33"}, tags=tags)
    found = size_weights_of(run, boxes())
    assert isinstance(found, Missing)
    assert "cannot be computed" in found.reason


def test_normalised_weights_are_divided_by_the_mean_of_the_training(make_run: MakeRun) -> None:
    run = make_run(0, parameters=POINT | {"model.head.size_aware_normalize": True})
    recorded = {**run.curves, "train/mean_size_weight": Curve(np.array([50, 100]), np.array([1.4, 1.6]))}
    np.testing.assert_allclose(weights_of(replace(run, curves=recorded)).at(AREAS), expected() / 1.5, rtol=1e-6)
    unrecorded = {name: curve for name, curve in run.curves.items() if name != "train/mean_size_weight"}
    own_mean = weights_of(replace(run, curves=unrecorded))
    assert own_mean.at(AREAS).mean() == pytest.approx(1, rel=1e-3)
    assert isinstance(size_weights_of(replace(run, curves=unrecorded), None), Missing)


def test_chart_and_table_show_every_finalist_over_the_histogram(make_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [
        make_run(0, parameters={"model.head.size_aware_loss": False}, known_point="baseline"),
        make_run(1, parameters=POINT),
    ]
    for run in runs:
        save_training_boxes(run.artifacts.directory / "training_boxes.json", boxes())
    blocks = list(size_weight_blocks(Evidence(bare_sweep(runs))))
    chart = next(block for block in blocks if isinstance(block, Chart))
    histogram, *lines = chart.series
    assert sorted(line.name for line in lines) == ["baseline", "trial 1"]
    assert histogram.right
    assert sum(histogram.y) == len(AREAS)
    assert chart.x.log
    assert "4 sensor px²" in chart.x.title
    table = next(block for block in blocks if isinstance(block, Table)).data.set_index("configuration")
    assert table.loc["baseline", "mean_weight"] == 1
    assert table.loc["trial 1", "small_sensor_px2"] == 1024
    assert table.loc["trial 1", "share_raised"] == pytest.approx(5 / 6)


def test_what_is_missing_is_said(make_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [make_run(0, parameters=POINT, left_out=["config.yaml", "training_boxes.json"])]
    blocks = list(size_weight_blocks(Evidence(bare_sweep(runs))))
    assert all(isinstance(block, Paragraph) and block.kind == "warning" for block in blocks)
    assert len(blocks) == 2
