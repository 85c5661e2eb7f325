"""Texts of others, made fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.plain_text import clipped, in_one_line, visible


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\x00", "\x1b", "\x7f", "\ud800", "\ufffe"])
def test_a_character_that_hides_or_reorders_text_is_shown_by_its_code(char: str) -> None:
    assert visible(f"a{char}b") == f"a\\u{ord(char):04x}b"


@given(st.text())
def test_every_text_becomes_one_that_utf_8_can_hold(text: str) -> None:
    visible(text).encode("utf-8")


@given(st.text(), st.integers(1, 20))
def test_a_clipped_text_is_one_line_of_at_most_its_length(text: str, length: int) -> None:
    short = clipped(text, length)
    assert len(short) <= length
    assert short == in_one_line(short)


def test_a_text_in_one_line_that_fits_stays_as_it_is() -> None:
    assert clipped("trial 3 <b>", 11) == "trial 3 <b>"
    assert clipped("trial 3 <b>", 9) == "trial 3…"
