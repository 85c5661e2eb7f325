"""Charts as Plotly figures."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from plotly import graph_objects

from reports.charts.chart import Axis, Chart, Series
from reports.charts.page import page_figure, plotly_text, plots_side_by_side, template
from reports.charts.study_chart import StudyChart

Make = Callable[..., Chart]


def texts(value: Any) -> Iterator[str]:
    """Every text in a figure."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def checked(chart: Chart | StudyChart) -> dict[str, Any]:
    """The figure, once Plotly has accepted all of its properties and JSON can hold it."""
    figure = page_figure(chart)
    graph_objects.Figure(figure)
    json.dumps(figure, allow_nan=False)
    return figure


@pytest.mark.parametrize("kind", ["line", "points", "steps", "bars"])
def test_every_kind_of_series_is_drawn_with_its_interval(make_chart: Make, kind: Any) -> None:
    series = Series(
        "a", [1, 2, 3], [2, 3, 4], kind=kind, low=[1, 2, np.nan], high=[3, 4, np.nan], labels=["x", "y", "z"]
    )
    figure = checked(make_chart(series, Series("b", [1], [5], kind=kind, dashed=True, marker="cross")))
    drawn = [trace for trace in figure["data"] if trace.get("hoverinfo") != "skip"]
    assert [trace["y"] for trace in drawn] == [[2, 3, 4], [5]]
    assert drawn[0]["text"] == ["x", "y", "z"]
    if kind in ("points", "bars"):
        assert drawn[0]["error_y"]["array"] == [1, 1, None]
    else:
        assert figure["data"][0]["fill"] == "toself"
        assert min(figure["data"][0]["y"]) == 1


def test_a_band_has_an_outline_for_each_run_of_intervals(make_chart: Make) -> None:
    series = Series("a", [1, 2, 3, 4, 5], [2] * 5, low=[1, 1, np.nan, 1, 1], high=[3, 3, np.nan, 3, 3])
    band = checked(make_chart(series))["data"][0]
    assert band["x"] == [1, 2, 2, 1, None, 4, 5, 5, 4]
    assert band["y"] == [1, 1, 3, 3, None, 1, 1, 3, 3]


def test_series_of_one_name_have_one_entry_in_the_legend(make_chart: Make) -> None:
    series = [Series(name, [1, 2], [1, 2]) for name in ("a", "b", "a")]
    figure = checked(make_chart(*series))
    assert [trace["showlegend"] for trace in figure["data"]] == [True, True, False]
    assert figure["data"][0]["legendgroup"] == figure["data"][2]["legendgroup"]
    assert not checked(make_chart(series[0]))["layout"]["showlegend"]


def test_a_chart_without_points_says_so(make_chart: Make) -> None:
    figure = checked(make_chart(Series("a", [1], [np.nan]), Series("b", [], [])))
    assert figure["layout"]["annotations"][0]["text"] == "No values to show"
    assert not checked(make_chart(Series("a", [1], [1])))["layout"]["annotations"]


def test_no_text_of_a_name_is_left_that_plotly_would_interpret(make_chart: Make, hostile: str) -> None:
    series = Series(hostile, [hostile, "b"], [1, 2], kind="bars", labels=[hostile, hostile], low=[0, 0], high=[3, 3])
    figure = checked(
        make_chart(
            series,
            Series("other", ["b"], [1]),
            x=Axis(hostile),
            y=Axis(hostile),
            right=Axis(hostile),
            vertical_lines=((1, hostile),),
        )
    )
    tagged = [
        text for text in texts(figure) if "<" in text.replace("<br>", "").replace("<extra>", "").replace("</extra>", "")
    ]
    assert tagged == []
    assert all("%{x} " not in trace["hovertemplate"] for trace in figure["data"] if "hovertemplate" in trace)
    assert plotly_text("a<b>&lt;") == "a&lt;b&gt;&amp;lt;"


def test_a_name_of_ten_thousand_characters_is_clipped_wherever_it_stands(make_chart: Make) -> None:
    endless = "n" * 10_000
    series = Series(endless, [endless], [1], labels=[endless])
    chart = make_chart(series, x=Axis(endless), y=Axis(endless), vertical_lines=((0, endless),))
    assert max(map(len, texts(checked(chart)))) < 600


def test_a_logarithmic_axis_takes_its_limits_as_powers(make_chart: Make) -> None:
    figure = checked(make_chart(Series("a", [10, 100], [1, 2]), x=Axis("area", log=True, limits=(10, 1000))))
    assert figure["layout"]["xaxis"]["range"] == [1, 3]


def test_the_axis_on_the_right_lies_over_the_other(make_chart: Make) -> None:
    figure = checked(make_chart(Series("a", [1], [1]), Series("b", [1], [2], right=True), right=Axis("weight")))
    assert [trace["yaxis"] for trace in figure["data"]] == ["y", "y2"]
    assert figure["layout"]["yaxis2"]["overlaying"] == "y"


def test_a_figure_of_optuna_keeps_its_lines_but_none_of_the_tags_in_its_texts(hostile: str) -> None:
    figure = graph_objects.Figure(
        graph_objects.Scatter(
            x=[hostile, "b"],
            y=np.array([1.5, 2.5]),
            text=[f"Trial 1<br>{hostile}", "n" * 10_000],
            hovertemplate="%{text}<extra>a</extra>",
        ),
        {"title": {"text": hostile}, "xaxis": {"title": {"text": hostile}}, "width": 900},
    )
    drawn = checked(StudyChart("c", "t", "a", lambda: figure, lambda: pytest.fail("not for print")))
    trace = drawn["data"][0]
    assert trace["text"][0].startswith("Trial 1<br>&lt;script>")
    assert trace["hovertemplate"] == "%{text}<extra>a</extra>"
    assert len(trace["text"][1]) < 100
    assert "title" not in drawn["layout"]
    assert "width" not in drawn["layout"]
    assert "<" not in trace["x"][0]


def test_plots_side_by_side_are_counted() -> None:
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=3)
    drawn = page_figure(StudyChart("c", "t", "a", lambda: figure, lambda: pytest.fail("not for print")))
    assert plots_side_by_side(drawn) == 3
    assert plots_side_by_side({"layout": {}}) == 1


def test_the_frame_of_all_figures_is_a_template_of_plotly() -> None:
    graph_objects.layout.Template(template())
