"""Colours that tell series apart."""

import itertools

import pytest

from reports.charts.chart import Series
from reports.charts.palette import GROUND, MUTED, PALETTE, dark_colours, series_colours


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*PALETTE, MUTED])
def test_every_colour_stands_out_from_both_grounds(colour: object) -> None:
    assert contrast(colour.light, GROUND.surface.light) >= 3  # type: ignore[attr-defined]
    assert contrast(colour.dark, GROUND.surface.dark) >= 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", [GROUND.text, GROUND.faint_text])
def test_texts_are_readable_on_both_grounds(text: object) -> None:
    assert contrast(text.light, GROUND.surface.light) >= 4.5  # type: ignore[attr-defined]
    assert contrast(text.dark, GROUND.surface.dark) >= 4.5  # type: ignore[attr-defined]


def test_each_light_colour_has_one_dark_colour() -> None:
    everything = [*PALETTE, MUTED, GROUND.surface, GROUND.text, GROUND.faint_text, GROUND.grid, GROUND.axis]
    assert len(dark_colours()) == len(everything)


def series(name: str, colour: object = None) -> Series:
    return Series(name, [1.0], [1.0], colour=colour)  # type: ignore[arg-type]


def test_series_of_one_name_share_a_colour_and_others_differ() -> None:
    colours = series_colours([series("a"), series("b"), series("a"), series("c")])
    assert colours[0] == colours[2]
    assert all(one != other for one, other in itertools.combinations([colours[0], colours[1], colours[3]], 2))


def test_no_series_gets_a_colour_that_another_name_asks_for() -> None:
    colours = series_colours([series("first"), series("second"), series("asks", 0), series("grey", "muted")])
    assert colours == [PALETTE[1], PALETTE[2], PALETTE[0], MUTED]


def test_more_names_than_colours_begin_again() -> None:
    colours = series_colours([series(str(number)) for number in range(len(PALETTE) + 1)])
    assert colours[-1] == colours[0]
