"""Colours and marks that tell series apart, on a light and on a dark ground, with any colour vision and without colour.

Source: M. Okabe and K. Ito, "Color Universal Design", 2008. Of their colours, orange, sky blue and yellow are darkened
for a light ground and blue, black and purple lightened for a dark one, until each stands out from the ground by a
contrast of 3 to 1 (WCAG 2.2, criterion 1.4.11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reports.charts.chart import Series

Marker = Literal["circle", "square", "diamond", "triangle", "cross"]


@dataclass(frozen=True)
class Colour:
    """A colour as `#rrggbb`, for each ground."""

    light: str
    dark: str


@dataclass(frozen=True)
class Ground:
    """What a chart's series are drawn on and its texts written with, as `#rrggbb`."""

    surface: Colour = Colour("#ffffff", "#191d23")
    text: Colour = Colour("#22272d", "#e3e7ec")
    faint_text: Colour = Colour("#59626d", "#a4aeb9")
    grid: Colour = Colour("#e4e8ec", "#313841")
    axis: Colour = Colour("#9aa4af", "#5b6672")


GROUND = Ground()

PALETTE = (
    Colour("#0072b2", "#5aa9e6"),
    Colour("#d55e00", "#f0803c"),
    Colour("#009e73", "#2bc096"),
    Colour("#b8628f", "#e092ba"),
    Colour("#a87400", "#e69f00"),
    Colour("#2f8fc6", "#8fd0f5"),
    Colour("#857b00", "#f0e442"),
    Colour("#4b4f55", "#cfd4da"),
)
"""Blue, vermilion, green, purple, orange, sky blue, yellow, black: neighbours differ most."""

MUTED = Colour("#8b949e", "#7d8793")
"""For context behind what matters."""


def series_colours(series: Sequence[Series]) -> list[Colour]:
    """Choose the colour of each series: the one it asks for, else the first that no other name has taken.

    Series of one name share a colour. Beyond as many names as the palette has colours, they begin again.
    """
    asked = {one.name: one.colour for one in reversed(series) if one.colour is not None}
    taken = {colour for colour in asked.values() if colour != "muted"}
    free = (number for number in range(len(series) + len(taken)) if number not in taken)
    chosen: dict[str, int | Literal["muted"]] = {}
    for one in series:
        if one.name not in chosen:
            colour = asked.get(one.name)
            chosen[one.name] = next(free) if colour is None else colour
    return [_colour(chosen[one.name]) for one in series]


def dark_colours() -> dict[str, str]:
    """Give for each colour of a chart on a light ground the one that takes its place on a dark ground."""
    ground = (GROUND.surface, GROUND.text, GROUND.faint_text, GROUND.grid, GROUND.axis)
    return {colour.light: colour.dark for colour in (*PALETTE, MUTED, *ground)}


def _colour(number: int | Literal["muted"]) -> Colour:
    return MUTED if number == "muted" else PALETTE[number % len(PALETTE)]
