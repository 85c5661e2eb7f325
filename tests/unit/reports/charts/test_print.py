"""Charts as Matplotlib figures."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from reports.charts.chart import Axis, Chart, Series
from reports.charts.print import print_figure, print_style
from reports.charts.study_chart import StudyChart

Make = Callable[..., Chart]


def pixels(figure: Figure) -> np.ndarray:
    """The figure as it is saved."""
    content = BytesIO()
    with print_style():
        figure.savefig(content, format="png")
    return np.asarray(Image.open(content).convert("RGB"))


@pytest.mark.parametrize("kind", ["line", "points", "steps", "bars"])
def test_every_kind_of_series_is_drawn_with_its_interval(make_chart: Make, kind: Any) -> None:
    plain = Series("a", [1, 2, 3], [2, 3, 4], kind=kind)
    with_interval = Series("a", [1, 2, 3], [2, 3, 4], kind=kind, low=[1, 2, np.nan], high=[3, 4, np.nan])
    limits = Axis("AP [%]", limits=(0, 5))
    drawings = [pixels(print_figure(make_chart(*series, y=limits))) for series in ([], [plain], [with_interval])]
    assert (drawings[0] != drawings[1]).any()
    assert (drawings[1] != drawings[2]).any()


def test_dollar_signs_are_shown_as_they_are(make_chart: Make) -> None:
    series = Series("$x^$", ["$\\frac{1}$", "b"], [1, 2], kind="bars")
    chart = make_chart(
        series, Series("$", ["b"], [1]), x=Axis("$y_$"), y=Axis("$a", log=True), vertical_lines=((0, "$\\$"),)
    )
    figure = print_figure(chart)
    assert pixels(figure).std() > 0
    assert figure.axes[0].get_xlabel() == "$y_$"


def test_an_empty_chart_says_so(make_chart: Make) -> None:
    figure = print_figure(make_chart(Series("a", [], []), Series("b", [1], [np.nan])))
    assert "No values to show" in [text.get_text() for text in figure.axes[0].texts]
    assert pixels(figure).std() > 0


@pytest.mark.parametrize("log", [True, False])
def test_an_axis_whose_data_is_missing_or_a_single_point_is_drawn(make_chart: Make, log: bool) -> None:
    for values in ([], [np.nan], [3.0]):
        series = Series("a", values, values)
        pixels(
            print_figure(make_chart(series, x=Axis("area", log=log), y=Axis("AP", log=log), right=Axis("w", log=log)))
        )


def test_endless_and_strange_names_are_drawn(make_chart: Make, hostile: str) -> None:
    endless = "n" * 10_000
    series = [Series(name, [name], [1], kind="bars") for name in (hostile, endless, "", "日本 😀")]
    figure = print_figure(make_chart(*series, x=Axis(endless), y=Axis(hostile), vertical_lines=((0, endless),)))
    assert pixels(figure).shape[1] < 2000


def test_a_legend_of_many_names_says_how_many_are_left_out(make_chart: Make) -> None:
    figure = print_figure(make_chart(*(Series(f"trial {number}", [1, 2], [1, 2]) for number in range(30))))
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[-1] == "and 16 more"


def test_settings_of_matplotlib_are_as_they_were(make_chart: Make) -> None:
    before = dict(matplotlib.rcParams)
    pixels(print_figure(make_chart(Series("a", [1], [1]))))
    assert dict(matplotlib.rcParams) == before


def test_a_chart_leaves_nothing_with_pyplot(make_chart: Make) -> None:
    def drawn() -> Figure:
        figure, axes = pyplot.subplots()
        axes.plot([1, 10], [1, 10])
        axes.set_xscale("log")
        axes.set_title("$x^$", loc="left")
        axes.set_xlabel("$y^$")
        axes.bar(["$z^$", "n" * 10_000], [1, 2])
        return figure

    figure = print_figure(StudyChart("c", "title $t^$", "a", lambda: pytest.fail("not for a page"), drawn))
    print_figure(make_chart(Series("a", [1], [1])))
    assert pyplot.get_fignums() == []
    assert pixels(figure).std() > 0
    assert figure.axes[0].get_title(loc="left") == ""
    assert figure.get_suptitle() == "title $t^$"
