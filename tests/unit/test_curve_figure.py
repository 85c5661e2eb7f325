import csv
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from trainable.curve_figure import save_curve_figure, save_curve_table

CURVES = {
    "AP": {20: 0.1, 40: 0.3},
    "AP_S": {40: 0.05},
    "train/loss": {10: 8.0, 20: 6.0, 30: 5.5, 40: 5.0},
    "memory/host_mib": {10: 900.0},
}


def test_the_table_has_a_row_a_step_and_an_empty_cell_where_a_metric_has_no_value(tmp_path: Path) -> None:
    save_curve_table(tmp_path / "curves.csv", CURVES)
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["step", "train/loss", "AP", "AP_S"],
        ["10", "8.0", "", ""],
        ["20", "6.0", "0.1", ""],
        ["30", "5.5", "", ""],
        ["40", "5.0", "0.3", "0.05"],
    ]


def test_the_figure_shows_the_curves(tmp_path: Path) -> None:
    save_curve_figure(tmp_path / "curves.png", CURVES, caption="run")
    save_curve_figure(tmp_path / "empty.png", {}, caption="run")
    with_curves, empty = (matplotlib.image.imread(tmp_path / name) for name in ("curves.png", "empty.png"))
    assert with_curves.shape == empty.shape
    blue = np.array([0, 114, 178]) / 255
    assert (np.abs(with_curves[..., :3] - blue).max(axis=2) < 0.02).sum() > 500
    assert (np.abs(empty[..., :3] - blue).max(axis=2) < 0.02).sum() == 0


@pytest.mark.parametrize("curves", [{"train/loss": {0: 1.0}}, {"AP": {5: 0.0}}])
def test_a_single_point_is_a_figure(curves: dict[str, dict[int, float]], tmp_path: Path) -> None:
    save_curve_figure(tmp_path / "curves.png", curves, caption="run")
    assert (tmp_path / "curves.png").stat().st_size > 0
