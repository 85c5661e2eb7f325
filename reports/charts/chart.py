"""What a chart shows, free of what draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        title: What it measures, with the unit in brackets, such as `AP_S [%]`.
        log: Whether it is logarithmic.
        categories: Names along it in order, where it has no numbers.
        limits: Where it begins and ends; none: as the data do.
    """

    title: str
    log: bool = False
    categories: tuple[str, ...] | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Series:
    """What belongs together in a chart and has one name in its legend.

    Attributes:
        name: For the legend; series of one name share an entry and a colour.
        x: Numbers, or names of the axis's categories.
        y: Numbers; NaN leaves a gap.
        kind: How it is drawn; `steps` keeps each value up to the next x.
        low: Lower ends of intervals, NaN where there is none.
        high: Upper ends likewise.
        labels: A text for each point, shown where a reader points at it.
        colour: Number in the palette; none: by the order of names. `muted`: grey, for context.
        dashed: Whether its line is dashed.
        marker: A mark beside the colour, so that points differ without it.
        right: Whether it belongs to the axis on the right.
    """

    name: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    kind: Literal["line", "points", "steps", "bars"] = "line"
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    labels: Sequence[str] = ()
    colour: int | Literal["muted"] | None = None
    dashed: bool = False
    marker: Literal["circle", "square", "diamond", "triangle", "cross"] = "circle"
    right: bool = False


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart.

    Attributes:
        name: Stem of its files, lower-case letters, digits and underscores.
        title: What it shows.
        alternative: What it tells, in a sentence or two with the numbers that matter, for those who do not see it.
        x: The axis below.
        y: The axis on the left.
        series: What is drawn, from back to front.
        right: The axis on the right, where a series belongs to it.
        vertical_lines: Places on the x axis with a name each, such as rungs.
    """

    name: str
    title: str
    alternative: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    right: Axis | None = None
    vertical_lines: tuple[tuple[float, str], ...] = ()
