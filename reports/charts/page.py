"""Charts for a page: Plotly figures as plain data, for a light ground.

Plotly reads tags and entities in its texts (`<b>`, `<a href>`), so all texts are escaped for it. The page itself gives
the figures their frame (`template`) and, on a dark ground, other colours (`palette.dark_colours`).
"""

import json
import re
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from reports.charts.chart import Chart
from reports.charts.drawable import (
    NOTHING_TO_SHOW,
    DrawableAxis,
    DrawableChart,
    DrawableSeries,
    Numbers,
    drawable,
)
from reports.charts.palette import GROUND, PALETTE
from reports.charts.study_chart import StudyChart
from reports.plain_text import MISSING, clipped, visible

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PlotlyFigure = dict[str, Any]

_SYMBOLS = {"circle": "circle", "square": "square", "diamond": "diamond", "triangle": "triangle-up", "cross": "x"}
_NAME_LENGTH = 60
_AXIS_TITLE_LENGTH = 80
_AXIS_LINE_LENGTH = 40
_CATEGORY_LENGTH = 32
_LABEL_LENGTH = 240
_STUDY_LINE_LENGTH = 80
_LEFT_TO_PAGE = ("template", "title", "width", "height")
_SMALL = 3e-3
"""Logarithmic axes from here down have powers of ten: 0.00001 needs too much room."""

_MARKED_POINTS = 40
"""A line of more points gets no marks: they would hide it."""


def page_figure(chart: Chart | StudyChart) -> PlotlyFigure:
    """Draw a chart with Plotly, without its title, which the page shows.

    Returns:
        `data` and `layout` of a Plotly figure, fit for `json.dumps(…, allow_nan=False)`.
    """
    return _study_figure(chart) if isinstance(chart, StudyChart) else _figure(drawable(chart))


def template() -> dict[str, Any]:
    """The frame of all figures: their fonts, lines and colours where a figure does not say otherwise."""
    axis = {
        "gridcolor": GROUND.grid.light,
        "linecolor": GROUND.axis.light,
        "zerolinecolor": GROUND.axis.light,
        "zerolinewidth": 1,
        "tickcolor": GROUND.axis.light,
        "tickfont": {"color": GROUND.faint_text.light},
        "ticks": "outside",
        "ticklen": 4,
        "showline": True,
        "automargin": True,
        "exponentformat": "none",
        "separatethousands": True,
        "title": {"standoff": 10, "font": {"size": 13}},
    }
    layout = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": [colour.light for colour in PALETTE],
        "font": {"color": GROUND.text.light, "size": 12, "family": "system-ui, sans-serif"},
        "hoverlabel": {
            "align": "left",
            "bgcolor": GROUND.surface.light,
            "bordercolor": GROUND.axis.light,
            "font": {"color": GROUND.text.light},
        },
        "legend": {"bgcolor": "rgba(0,0,0,0)", "font": {"size": 12}},
        "margin": {"l": 48, "r": 12, "t": 34, "b": 44},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GROUND.axis.light, "activecolor": GROUND.text.light},
        "xaxis": axis,
        "yaxis": axis,
    }
    return {"layout": layout}


def plotly_text(text: str) -> str:
    """Escape a text for Plotly, so that it shows just that; line ends stay line ends."""
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", "<br>")


def _figure(chart: DrawableChart) -> PlotlyFigure:
    named = bool(chart.names)
    groups = {series.series.name: f"g{number}" for number, series in enumerate(chart.series)}
    data = [trace for one in chart.series for trace in _traces(chart, one, groups[one.series.name], named=named)]
    layout: dict[str, Any] = {
        "showlegend": named,
        "hovermode": "closest",
        "xaxis": _axis(chart.x) | {"zeroline": False},
        "yaxis": _axis(chart.y),
        "shapes": [_vertical_line(x, name) for x, name in chart.chart.vertical_lines if np.isfinite(x)],
        "annotations": [],
    }
    if chart.right is not None:
        layout["yaxis2"] = _axis(chart.right) | {
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickmode": "auto",
        }
    if chart.empty:
        layout["annotations"] = [_centred(NOTHING_TO_SHOW)]
    return {"data": data, "layout": layout}


def _traces(chart: DrawableChart, drawn: DrawableSeries, group: str, *, named: bool) -> list[dict[str, Any]]:
    series, colour = drawn.series, drawn.colour.light
    name = plotly_text(clipped(series.name, _NAME_LENGTH)) or MISSING
    common = {"name": name, "legendgroup": group, "yaxis": "y2" if series.right else "y"}
    trace: dict[str, Any] = common | {
        "x": _listed(drawn.x),
        "y": _listed(drawn.y),
        "showlegend": named and drawn.in_legend,
        **_hover(drawn, chart.x.categories),
    }
    if series.kind == "bars":
        begin, end = chart.bar_edges(drawn)
        place = {"offset": _listed(begin - drawn.x), "width": _listed(end - begin)}
        return [
            trace | {"type": "bar", "marker": {"color": colour}, "textposition": "none"} | place | _error_bars(drawn)
        ]
    trace |= {"type": "scatter", "connectgaps": False, "marker": _marker(drawn), "mode": _mode(drawn)}
    if series.kind == "points":
        return [trace | _error_bars(drawn)]
    muted = series.colour == "muted"
    line = {"color": colour, "width": 1 if muted else 2, "dash": "dash" if series.dashed else "solid"}
    trace |= {"line": line | {"shape": "hv" if series.kind == "steps" else "linear"}, "opacity": 0.55 if muted else 1}
    return [*_band(drawn, common), trace]


def _mode(drawn: DrawableSeries) -> str:
    if drawn.series.kind == "points":
        return "markers"
    points = np.isfinite(drawn.y).sum()
    return "lines+markers" if points == 1 or (points <= _MARKED_POINTS and drawn.series.colour != "muted") else "lines"


def _marker(drawn: DrawableSeries) -> dict[str, Any]:
    points = drawn.series.kind == "points"
    marker = {"color": drawn.colour.light, "symbol": _SYMBOLS[drawn.series.marker], "size": 9 if points else 6}
    return marker | ({"line": {"width": 1, "color": GROUND.surface.light}} if points else {})


def _error_bars(drawn: DrawableSeries) -> dict[str, Any]:
    if drawn.low is None or drawn.high is None:
        return {}
    above, below = np.maximum(drawn.high - drawn.y, 0), np.maximum(drawn.y - drawn.low, 0)
    bars = {"type": "data", "symmetric": False, "array": _listed(above), "arrayminus": _listed(below)}
    ink = GROUND.text if drawn.series.kind == "bars" else drawn.colour
    return {"error_y": bars | {"color": ink.light, "thickness": 1.5, "width": 4}}


def _band(drawn: DrawableSeries, common: dict[str, Any]) -> list[dict[str, Any]]:
    """The area between the ends of intervals, a closed outline for each run of points that have them."""
    if drawn.low is None or drawn.high is None:
        return []
    x: list[float | None] = []
    y: list[float | None] = []
    for piece in drawn.pieces():
        places, low, high = drawn.x[piece], drawn.low[piece], drawn.high[piece]
        if drawn.series.kind == "steps":
            places, low, high = np.repeat(places, 2)[1:], np.repeat(low, 2)[:-1], np.repeat(high, 2)[:-1]
        x += [*_listed(places), *_listed(places[::-1]), None]
        y += [*_listed(low), *_listed(high[::-1]), None]
    if not x:
        return []
    fill = {"fill": "toself", "fillcolor": f"{drawn.colour.light}2e", "line": {"width": 0}, "mode": "lines"}
    return [common | {"type": "scatter", "x": x[:-1], "y": y[:-1], "showlegend": False, "hoverinfo": "skip"} | fill]


def _hover(drawn: DrawableSeries, categories: tuple[str, ...] | None) -> dict[str, Any]:
    """What is shown where a reader points: the point's text, its numbers, the interval."""
    lines = ["%{y}" if categories else "%{x}, %{y}"]
    given: dict[str, Any] = {}
    if drawn.low is not None and drawn.high is not None:
        lines.append("[%{customdata[0]}, %{customdata[1]}]")
        ends = zip(drawn.low, drawn.high, strict=True)
        given["customdata"] = [[f"{end:.5g}" if np.isfinite(end) else MISSING for end in pair] for pair in ends]
    texts = [[label] for label in drawn.labels] if drawn.labels else [[] for _ in drawn.x]
    if categories:
        texts = [
            [categories[int(x)], *more] if np.isfinite(x) and int(x) < len(categories) else more
            for x, more in zip(drawn.x, texts, strict=True)
        ]
    if any(texts):
        lines.insert(0, "%{text}")
        given["text"] = ["<br>".join(_folded(clipped(line, _LABEL_LENGTH)) for line in more) for more in texts]
    title = "%{fullData.name}" if drawn.series.name else ""
    return given | {"hovertemplate": "<br>".join(lines) + f"<extra>{title}</extra>"}


def _folded(text: str, width: int = 60) -> str:
    """A text in lines of a width that a phone has, escaped."""
    lines = re.findall(rf"\S.{{0,{width - 1}}}(?=\s|$)|\S{{1,{width}}}", text)
    return "<br>".join(plotly_text(line.strip()) for line in lines)


def _axis(axis: DrawableAxis) -> dict[str, Any]:
    title = wrap(clipped(axis.axis.title, _AXIS_TITLE_LENGTH), _AXIS_LINE_LENGTH)
    drawn: dict[str, Any] = {"title": {"text": "<br>".join(map(plotly_text, title))}}
    if axis.categories is not None:
        texts = [plotly_text(clipped(name, _CATEGORY_LENGTH)) or MISSING for name in axis.categories]
        return drawn | {
            "type": "linear",
            "tickmode": "array",
            "tickvals": list(range(len(texts))),
            "ticktext": texts,
            "range": [-0.5, len(texts) - 0.5],
            "zeroline": False,
        }
    drawn["type"] = "log" if axis.axis.log else "linear"
    if axis.limits is not None:
        drawn["range"] = [float(np.log10(end)) if axis.axis.log else end for end in axis.limits]
    return drawn


def _vertical_line(x: float, name: str) -> dict[str, Any]:
    label = {
        "text": plotly_text(clipped(name, _CATEGORY_LENGTH)),
        "textposition": "end",
        "textangle": -90,
        "xanchor": "right",
        "yanchor": "bottom",
        "font": {"size": 11, "color": GROUND.faint_text.light},
    }
    line = {"width": 1, "dash": "dot", "color": GROUND.faint_text.light}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line, "label": label}


def _centred(text: str) -> dict[str, Any]:
    place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
    return place | {"text": text, "font": {"size": 15, "color": GROUND.faint_text.light}}


def _listed(numbers: Numbers) -> list[float | None]:
    """Numbers as JSON can hold them, of more digits than a screen shows."""
    return [float(f"{number:.7g}") if np.isfinite(number) else None for number in numbers]


def _study_figure(chart: StudyChart) -> PlotlyFigure:
    drawn = chart.for_page()
    figure = json.loads(drawn.to_json())
    layout = {key: _escaped(value) for key, value in figure["layout"].items() if key not in _LEFT_TO_PAGE}
    finished = {"data": _escaped(figure["data"]), "layout": layout}
    crowded = plots_side_by_side(finished) > 1
    for key, axis in layout.items():
        if not re.fullmatch(r"[xy]axis\d*", key):
            continue
        if axis.get("type") == "log" and (crowded or _smallest(drawn, key) < _SMALL):
            axis |= {"dtick": 1, "exponentformat": "power"} if _smallest(drawn, key) < _SMALL else {"dtick": 1}
        if key.startswith("x"):
            lines = wrap(
                axis.get("title", {}).get("text", ""),
                _AXIS_LINE_LENGTH // 2,
                break_long_words=False,
                break_on_hyphens=False,
            )
            axis["title"] = {"text": "<br>".join(map(_folded_key, lines)), "font": {"size": 11 if crowded else 13}}
    return finished


def _smallest(figure: "Figure", key: str) -> float:
    """The smallest positive number along an axis."""
    letter, number = key[0], key.removeprefix(f"{key[0]}axis")
    traces = [trace for trace in figure.data if (trace[f"{letter}axis"] or letter) == letter + number]
    numbers = [value for trace in traces for value in trace[letter] if isinstance(value, int | float) and value > 0]
    return min(numbers, default=1.0)


def plots_side_by_side(figure: PlotlyFigure) -> int:
    """Count the columns of plots in a figure, so that a narrow page can give each its room."""
    axes = [axis for key, axis in figure["layout"].items() if re.fullmatch(r"xaxis\d*", key)]
    return len({axis.get("domain", [0, 1])[0] for axis in axes}) or 1


def _folded_key(text: str) -> str:
    """Write a long dotted key on two lines."""
    group, dot, name = text.rpartition(".")
    return f"{group}{dot}<br>{name}" if dot and len(text) > _AXIS_LINE_LENGTH // 2 else text


def _escaped(value: Any, key: str = "") -> Any:
    """Escape and clip every text in a figure, but for the line ends and the frame of hover texts that Optuna writes."""
    match value:
        case str() if key == "bdata":
            return value
        case str() if key in ("x", "y", "ticktext", "categoryarray"):
            return _folded_key(_escaped_line(visible(value), _CATEGORY_LENGTH))
        case str():
            return "<br>".join(
                _escaped_line(line, _STUDY_LINE_LENGTH) for line in re.split(r"<br ?/?>|\n", visible(value))
            )
        case dict():
            return {name: _escaped(inner, name) for name, inner in value.items()}
        case Sequence():
            return [_escaped(inner, key) for inner in value]
    return value


def _escaped_line(line: str, length: int) -> str:
    kept = line if len(line) <= length else clipped(line, length)
    return re.sub(r"<(?!/?extra>)", "&lt;", kept.replace("&", "&amp;"))
