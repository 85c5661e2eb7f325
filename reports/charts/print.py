"""Charts for print: Matplotlib figures on white, which any thread may draw.

Nothing of pyplot's state is used for a `Chart`. Texts never stand for formulas: Matplotlib would read `$…$` as one.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib import font_manager, pyplot, rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis as DrawnAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.category import StrCategoryFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter, LogFormatter, LogLocator, NullFormatter

from reports.charts.chart import Chart
from reports.charts.drawable import NOTHING_TO_SHOW, DrawableAxis, DrawableChart, DrawableSeries, Numbers, drawable
from reports.charts.palette import GROUND, PALETTE
from reports.charts.study_chart import StudyChart
from reports.plain_text import MINUS, MISSING, clipped

WIDTH_INCHES = 7.5
HEIGHT_INCHES = 4.2

_SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "X"}
_TITLE_LENGTH = 160
_TITLE_LINE_LENGTH = 82
_NAME_LENGTH = 48
_AXIS_TITLE_LENGTH = 80
_CATEGORY_LENGTH = 24
_CROWDED_CHARACTERS = 70
_MARKED_POINTS = 40
_LEGEND_ENTRIES = 14
_AXES_OF_ONE_PLOT = 2
"""Its own and those of its colour bar."""

_FEW_DECADES = 300
"""A logarithmic axis that reaches less far has numbers at 2 and 5 as well."""

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GROUND.axis.light,
    "axes.facecolor": GROUND.surface.light,
    "axes.labelcolor": GROUND.text.light,
    "axes.labelsize": 9.5,
    "axes.prop_cycle": f"cycler('color', {[colour.light for colour in PALETTE]})",
    "axes.titlecolor": GROUND.text.light,
    "axes.titlesize": 10,
    "axes.unicode_minus": True,
    "figure.facecolor": GROUND.surface.light,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "grid.color": GROUND.grid.light,
    "legend.fontsize": 8.5,
    "savefig.facecolor": GROUND.surface.light,
    "svg.fonttype": "path",
    "svg.hashsalt": "evsweep",
    "text.color": GROUND.text.light,
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": GROUND.axis.light,
    "xtick.labelcolor": GROUND.faint_text.light,
    "ytick.color": GROUND.axis.light,
    "ytick.labelcolor": GROUND.faint_text.light,
}


@contextmanager
def print_style() -> Iterator[None]:
    """Settings of Matplotlib in which figures must be drawn and saved; those in force before come back after."""
    notes = logging.getLogger("matplotlib.category")
    level = notes.level
    notes.setLevel(logging.WARNING)
    try:
        with rc_context(_STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        notes.setLevel(level)


def print_figure(chart: Chart | StudyChart) -> Figure:
    """Draw a chart with Matplotlib, its title above.

    Returns:
        The figure, with a canvas of its own. Save it within `print_style`.
    """
    with print_style():
        return _study_figure(chart) if isinstance(chart, StudyChart) else _figure(drawable(chart))


def _figure(chart: DrawableChart) -> Figure:
    figure = _new_figure(chart.chart.title)
    left = figure.subplots()
    right = None if chart.right is None else left.twinx()
    left.spines[["top", "right"]].set_visible(False)
    _draw_axis(left, "x", chart.x)
    _draw_axis(left, "y", chart.y)
    left.grid(axis="both", linewidth=0.8)
    if right is not None and chart.right is not None:
        right.spines[["top"]].set_visible(False)
        _draw_axis(right, "y", chart.right)
        left.set_zorder(right.get_zorder() + 1)
        left.patch.set_visible(False)
    for series in chart.series:
        _draw(right if series.series.right and right is not None else left, series, chart)
    _limit(left, right, chart)
    _number_plainly(left.xaxis, chart.x)
    _number_plainly(left.yaxis, chart.y)
    if right is not None:
        _number_plainly(right.yaxis, chart.right)
    for x, name in chart.chart.vertical_lines:
        if np.isfinite(x):
            left.axvline(x, color=GROUND.faint_text.light, linewidth=0.9, linestyle=":")
            _beside_line(left, x, printable(name, _CATEGORY_LENGTH))
    if chart.empty:
        left.annotate(
            NOTHING_TO_SHOW,
            (0.5, 0.5),
            xycoords="axes fraction",
            ha="center",
            va="center",
            fontsize=12,
            color=GROUND.faint_text.light,
        )
    if chart.names:
        _draw_legend(figure, chart)
    return figure


def printable(text: str, length: int) -> str:
    """A text in one line, clipped, with a replacement for each character that the font has not."""
    glyphs = _glyphs()
    return "".join(char if ord(char) in glyphs else "\N{REPLACEMENT CHARACTER}" for char in clipped(text, length))


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())


def _new_figure(title: str) -> Figure:
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasAgg(figure)
    _set_title(figure, title)
    return figure


def _set_title(figure: Figure, title: str) -> None:
    lines = wrap(printable(title, _TITLE_LENGTH), _TITLE_LINE_LENGTH)
    figure.suptitle("\n".join(lines), fontsize=10.5, fontweight="bold", x=0.01, ha="left")


def _draw_axis(axes: Axes, which: Literal["x", "y"], axis: DrawableAxis) -> None:
    drawn: DrawnAxis = axes.xaxis if which == "x" else axes.yaxis
    _set_label(drawn, axis.axis.title, _AXIS_TITLE_LENGTH if which == "x" else _AXIS_TITLE_LENGTH // 2)
    if axis.categories is not None:
        names = [printable(name, _CATEGORY_LENGTH) or MISSING for name in axis.categories]
        drawn.set_ticks(range(len(names)), names)
        if which == "x" and sum(map(len, names)) > _CROWDED_CHARACTERS:
            axes.tick_params("x", labelrotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        return
    if axis.axis.log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")


def _set_label(drawn: DrawnAxis, text: str, line_length: int) -> None:
    drawn.set_label_text("\n".join(wrap(printable(text, _AXIS_TITLE_LENGTH), line_length)))


def _number_plainly(drawn: DrawnAxis, axis: DrawableAxis | None = None) -> None:
    """Write numbers as readers do, without powers of ten, for which Matplotlib would need formulas."""
    if axis is not None and axis.categories is not None:
        return
    drawn.set_major_formatter(FuncFormatter(lambda value, _: _plain_number(value)))
    if drawn.get_scale() == "log":
        low, high = sorted(drawn.get_view_interval())
        drawn.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high < _FEW_DECADES * low else (1,)))
        drawn.set_minor_formatter(NullFormatter())


def _plain_number(value: float) -> str:
    text = f"{value:,.10g}" if 1e-4 <= abs(value) < 1e9 or value == 0 else f"{value:.3g}"
    return text.replace("-", MINUS)


def _draw(axes: Axes, drawn: DrawableSeries, chart: DrawableChart) -> None:
    series, colour = drawn.series, drawn.colour.light
    muted = series.colour == "muted"
    if not np.isfinite(drawn.y).any():
        return
    if series.kind == "bars":
        _draw_bars(axes, drawn, chart)
        return
    points = int(np.isfinite(drawn.y).sum())
    marked = series.kind == "points" or points == 1 or (points <= _MARKED_POINTS and not muted)
    axes.plot(
        drawn.x,
        drawn.y,
        color=colour,
        alpha=0.55 if muted and series.kind != "points" else 1,
        drawstyle="steps-post" if series.kind == "steps" else "default",
        linestyle="none" if series.kind == "points" else "--" if series.dashed else "-",
        linewidth=0.8 if muted else 1.6,
        marker=_SYMBOLS[series.marker] if marked else None,
        markersize=6 if series.kind == "points" else 3.5,
        markeredgecolor=GROUND.surface.light if series.kind == "points" else colour,
        markeredgewidth=0.6 if series.kind == "points" else 0,
    )
    if drawn.low is None or drawn.high is None:
        return
    if series.kind == "points":
        _draw_error_bars(axes, drawn, drawn.x, colour)
        return
    for piece in drawn.pieces():
        axes.fill_between(
            drawn.x[piece],
            drawn.low[piece],
            drawn.high[piece],
            step="post" if series.kind == "steps" else None,
            color=colour,
            alpha=0.18,
            linewidth=0,
        )


def _draw_bars(axes: Axes, drawn: DrawableSeries, chart: DrawableChart) -> None:
    begin, end = chart.bar_edges(drawn)
    shown = np.isfinite(drawn.y)
    axes.bar(begin[shown], drawn.y[shown], (end - begin)[shown], align="edge", color=drawn.colour.light, zorder=1.5)
    middle = np.sqrt(begin * end) if axes.get_xscale() == "log" else (begin + end) / 2
    _draw_error_bars(axes, drawn, middle, GROUND.text.light)


def _draw_error_bars(axes: Axes, drawn: DrawableSeries, x: Numbers, colour: str) -> None:
    if drawn.low is None or drawn.high is None:
        return
    shown = np.isfinite(drawn.low + drawn.y + x)
    y = drawn.y[shown]
    reach = np.maximum(0, [y - drawn.low[shown], drawn.high[shown] - y])
    axes.errorbar(x[shown], y, reach, fmt="none", ecolor=colour, elinewidth=1.1, capsize=2.5, zorder=2)


def _limit(left: Axes, right: Axes | None, chart: DrawableChart) -> None:
    left.set_xlim(_limits(chart.x))
    left.set_ylim(_limits(chart.y))
    if right is not None and chart.right is not None:
        right.set_ylim(_limits(chart.right))


def _limits(axis: DrawableAxis) -> tuple[float, float] | None:
    return axis.limits if axis.categories is None else (-0.5, max(len(axis.categories), 1) - 0.5)


def _beside_line(axes: Axes, x: float, name: str) -> None:
    axes.annotate(
        name,
        (x, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(-2, -3),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="top",
        fontsize=7.5,
        color=GROUND.faint_text.light,
        annotation_clip=True,
    )


def _draw_legend(figure: Figure, chart: DrawableChart) -> None:
    entries = [series for series in chart.series if series.in_legend]
    shown = entries[:_LEGEND_ENTRIES]
    handles = [_handle(series) for series in shown]
    names = [printable(series.series.name, _NAME_LENGTH) or MISSING for series in shown]
    if len(entries) > len(shown):
        handles.append(Line2D([], [], linestyle="none"))
        names.append(f"and {len(entries) - len(shown)} more")
    columns = max(1, min(4, 100 // (8 + max(map(len, names)))))
    figure.legend(handles, names, loc="outside lower left", ncols=columns, frameon=False)


def _handle(drawn: DrawableSeries) -> Line2D:
    series, muted = drawn.series, drawn.series.colour == "muted"
    lines = series.kind in ("line", "steps")
    return Line2D(
        [],
        [],
        color=drawn.colour.light,
        linestyle=("--" if series.dashed else "-") if lines else "none",
        linewidth=1 if muted else 1.8,
        marker="s" if series.kind == "bars" else None if muted and lines else _SYMBOLS[series.marker],
        markersize=7 if series.kind == "bars" else 4.5,
    )


def _study_figure(chart: StudyChart) -> Figure:
    """Optuna's figure with this report's title and ground, its texts taken literally and clipped.

    Optuna draws with pyplot, whose hold on the figure ends here. Its layout stays: what stands out of the figure's edge
    belongs to it (`bbox_inches="tight"`).
    """
    figure = chart.for_print()
    pyplot.close(figure)
    FigureCanvasAgg(figure)
    figure.set_layout_engine("none")
    figure.set_facecolor(GROUND.surface.light)
    for axes in figure.axes:
        for place in ("left", "center", "right"):
            axes.set_title("", loc=place)
        axes.set_facecolor(GROUND.surface.light)
        axes.grid(color=GROUND.grid.light, linewidth=0.8)
        for drawn in (axes.xaxis, axes.yaxis):
            _clip_ticks(drawn)
    if len(figure.axes) > _AXES_OF_ONE_PLOT:
        for axes in figure.axes:
            _make_narrow(axes)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_wrap(False)
        if len(text.get_text()) > _AXIS_TITLE_LENGTH:
            text.set_text(printable(text.get_text(), _AXIS_TITLE_LENGTH))
    _set_title(figure, chart.title)
    return figure


def _make_narrow(axes: Axes) -> None:
    """Small texts below a plot that has neighbours, a dotted key on two lines."""
    axes.xaxis.label.set(text=axes.get_xlabel().replace(".", ".\n"), fontsize=8)
    axes.tick_params("x", labelsize=7, labelrotation=30)


def _clip_ticks(drawn: DrawnAxis) -> None:
    written = drawn.get_major_formatter()
    if isinstance(written, LogFormatter):
        _number_plainly(drawn)
    elif isinstance(written, FixedFormatter | StrCategoryFormatter):
        drawn.set_major_formatter(
            FuncFormatter(lambda value, place: printable(written(value, place), _CATEGORY_LENGTH))
        )
