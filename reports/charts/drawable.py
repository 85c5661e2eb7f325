"""A chart made ready to be drawn: numbers for its categories, a colour a series, gaps for what cannot be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reports.charts.chart import Axis, Chart, Series
from reports.charts.palette import Colour, series_colours

NOTHING_TO_SHOW = "No values to show"

_BAR_GAP = 0.15

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DrawableAxis:
    """An axis whose texts and limits can be used as they are.

    Attributes:
        axis: What it was made from.
        categories: Names at 0, 1, 2 …, where it has no numbers.
        limits: Where it begins and ends, possible on it; none: as the data do.
    """

    axis: Axis
    categories: tuple[str, ...] | None
    limits: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class DrawableSeries:
    """A series whose numbers are floats of one length, NaN wherever something is missing or impossible on an axis.

    Attributes:
        series: What it was made from.
        x: Places on the x axis.
        y: Places on the y axis, NaN where x is missing.
        low: Lower ends of intervals, NaN where one has not two ends; none: without intervals.
        high: Upper ends likewise.
        labels: A text for each point, or none at all.
        colour: Its colour.
        in_legend: Whether it is the first of its name.
    """

    series: Series
    x: Numbers
    y: Numbers
    low: Numbers | None
    high: Numbers | None
    labels: tuple[str, ...]
    colour: Colour
    in_legend: bool

    def pieces(self) -> list[slice]:
        """The runs of neighbouring points that all have an interval."""
        if self.low is None or self.high is None:
            return []
        edges = np.flatnonzero(np.diff(np.isfinite([np.nan, *(self.x + self.low), np.nan]).astype(int)))
        return [slice(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


@dataclass(frozen=True, eq=False)
class DrawableChart:
    """A chart made ready; it is empty where no series has a point."""

    chart: Chart
    x: DrawableAxis
    y: DrawableAxis
    right: DrawableAxis | None
    series: tuple[DrawableSeries, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(np.isfinite(series.y).any() for series in self.series)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the legend, which a single one does not need."""
        names = tuple(series.series.name for series in self.series if series.in_legend)
        return names if len(names) > 1 else ()

    def bar_edges(self, drawn: DrawableSeries) -> tuple[Numbers, Numbers]:
        """Give where the bars of a series begin and end on the x axis.

        They lie around their places, those of several names side by side, equally wide on the axis's own scale.
        """
        log = self.x.axis.log and self.x.categories is None
        bars = [one for one in self.series if one.series.kind == "bars"]
        names = list(dict.fromkeys(one.series.name for one in bars))
        all_x = np.concatenate([one.x for one in bars])
        apart = np.diff(np.unique((np.log10(all_x) if log else all_x)[np.isfinite(all_x)]))
        slot = (1 - _BAR_GAP) * (float(apart.min()) if len(apart) else 1.0)
        width = slot / len(names)
        begin = (np.log10(drawn.x) if log else drawn.x) - slot / 2 + width * names.index(drawn.series.name)
        return (10**begin, 10 ** (begin + width)) if log else (begin, begin + width)


def drawable(chart: Chart) -> DrawableChart:
    """Make a chart ready to be drawn.

    Raises:
        ValueError: When a series' numbers differ in length, a category is not one of the axis's, or a series belongs to
            the axis on the right and there is none: a mistake in whoever made the chart.
    """
    categories = chart.x.categories
    named = [str(x) for series in chart.series for x in series.x if isinstance(x, str)]
    if categories is None and named:
        categories = tuple(dict.fromkeys(named))
    x_axis = DrawableAxis(chart.x, categories, _limits(chart.x))
    place = {name: float(number) for number, name in enumerate(categories or ())}
    colours = series_colours(chart.series)
    seen: set[str] = set()
    series = []
    for one, colour in zip(chart.series, colours, strict=True):
        series.append(_series(chart, one, colour, place, in_legend=one.name not in seen))
        seen.add(one.name)
    y_axes = [DrawableAxis(axis, axis.categories, _limits(axis)) for axis in (chart.y, chart.right) if axis is not None]
    return DrawableChart(chart, x_axis, y_axes[0], y_axes[1] if len(y_axes) > 1 else None, tuple(series))


def _series(
    chart: Chart, series: Series, colour: Colour, place: dict[str, float], *, in_legend: bool
) -> DrawableSeries:
    y_axis = chart.right if series.right else chart.y
    if y_axis is None:
        raise ValueError(
            f"chart {chart.name}: series {series.name!r} belongs to the axis on the right, but there is none"
        )
    unknown = [x for x in series.x if isinstance(x, str) and x not in place]
    if unknown:
        raise ValueError(f"chart {chart.name}: {unknown[0]!r} is none of the x axis's categories")
    x = _numbers([place[x] if isinstance(x, str) else x for x in series.x], chart.x)
    y = _numbers(series.y, y_axis)
    ends = [None if end is None else _numbers(end, y_axis) for end in (series.low, series.high)]
    if any(len(numbers) != len(x) for numbers in (y, *ends) if numbers is not None):
        raise ValueError(f"chart {chart.name}: series {series.name!r} has not as many numbers on every axis")
    if series.labels and len(series.labels) != len(x):
        raise ValueError(f"chart {chart.name}: series {series.name!r} has {len(series.labels)} labels, not {len(x)}")
    y = np.where(np.isfinite(x), y, np.nan)
    low, high = ends
    if low is not None and high is not None:
        both = np.isfinite(low) & np.isfinite(high)
        low, high = np.where(both, low, np.nan), np.where(both, high, np.nan)
    else:
        low = high = None
    return DrawableSeries(series, x, y, low, high, tuple(series.labels), colour, in_legend)


def _numbers(values: Sequence[float] | Sequence[str], axis: Axis) -> Numbers:
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    possible = np.isfinite(numbers) & ((numbers > 0) | (not axis.log))
    return np.where(possible, numbers, np.nan)


def _limits(axis: Axis) -> tuple[float, float] | None:
    if axis.limits is None or not np.isfinite(axis.limits).all() or (axis.log and min(axis.limits) <= 0):
        return None
    return (float(axis.limits[0]), float(axis.limits[1]))
