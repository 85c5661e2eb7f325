"""Numbers as sentences say them."""

from math import nan

import pytest

from reports.wording import bare_p_value, capitalised, counted, listed, p_value, percent, points, probability, utc_time


def test_shares_are_told_in_percent_and_differences_in_points_with_their_sign() -> None:
    assert percent(0.231) == "23.10 %"
    assert percent(nan) == "undefined"
    assert [points(value) for value in (0.0231, -0.004, 0.0, -0.0, -1e-6)] == [
        "+2.31",
        "-0.40",
        "+0.00",
        "+0.00",
        "+0.00",
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(0.5, "50.0 %"), (1.0, "over 99.9 %"), (0.0, "below 0.1 %"), (0.999, "99.9 %")]
)
def test_a_probability_is_never_told_as_certain(share: float, text: str) -> None:
    assert probability(share) == text


def test_p_values_have_three_digits() -> None:
    assert [p_value(value) for value in (0.0004, 0.0123, 1.0)] == ["p < 0.001", "p = 0.012", "p = 1.000"]
    assert [bare_p_value(value) for value in (0.0004, 0.0123)] == ["< 0.001", "0.012"]


def test_times_are_told_in_utc_even_where_no_calendar_has_them() -> None:
    assert utc_time(1_795_315_500_999) == "2026-11-22 02:45 UTC"
    assert utc_time(1_795_315_500_999, seconds=True) == "2026-11-22 02:45:00 UTC"
    assert [utc_time(time_ms) for time_ms in (10**18, -(10**18))] == ["at an unknown time"] * 2


def test_lists_end_with_and() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_nouns_follow_their_number() -> None:
    assert [counted(1, "seed"), counted(2, "seed"), counted(1200, "more", "more")] == [
        "1 seed",
        "2 seeds",
        "1,200 more",
    ]


def test_a_sentence_begins_with_a_capital_and_keeps_the_rest() -> None:
    assert [capitalised(text) for text in ("trial A", "", "AP")] == ["Trial A", "", "AP"]
