"""What stands in the cells of a table."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.document.blocks import Column, Table
from reports.document.cells import hidden_rows, numeric_columns, shown_rows


def shown(value: Any, **options: Any) -> str | None:
    """The text of a cell with a value."""
    data = pd.DataFrame({"a": pd.Series([value], dtype=object)})
    return next(shown_rows(Table("t", "t", data, (Column("a", "A", **options),)))).cells[0].text


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (0.33119, {"digits": 2, "scale": 100}, "33.12"),
        (-0.5, {"digits": 2}, "−0.50"),  # noqa: RUF001
        (0.0231, {"digits": 2, "scale": 100, "signed": True}, "+2.31"),
        (-0.0231, {"digits": 2, "scale": 100, "signed": True}, "−2.31"),  # noqa: RUF001
        (-0.00001, {"digits": 2, "signed": True}, "0.00"),
        (0.0, {"digits": 1, "signed": True}, "0.0"),
        (7, {}, "7"),
        (np.int64(9999), {}, "9999"),
        (123456, {}, "123,456"),
        (12345.678, {"digits": 1}, "12,345.7"),
        (2.5, {}, "2.5"),
        (100000.0, {}, "100,000"),
        (float("inf"), {"digits": 2}, "∞"),
        (True, {}, "yes"),
        (np.bool_(False), {}, "no"),
        ("trial 1", {}, "trial 1"),
        (float("nan"), {"digits": 2}, None),
        (None, {}, None),
        (pd.NA, {}, None),
        (pd.NaT, {}, None),
        ("", {}, None),
    ],
)
def test_values_are_written_as_the_column_says(value: Any, options: dict[str, Any], text: str | None) -> None:
    assert shown(value, **options) == text


def test_an_interval_stands_in_brackets_in_the_units_of_its_number() -> None:
    data = pd.DataFrame({"a": [0.3312, 0.2, np.nan], "low": [0.319, np.nan, np.nan], "high": [0.342, 0.3, np.nan]})
    table = Table("t", "t", data, (Column("a", "A", 2, 100, interval=("low", "high"), signed=True),))
    intervals = [row.cells[0].interval for row in shown_rows(table)]
    assert intervals == ["[31.90, 34.20]", "[–, 30.00]", None]  # noqa: RUF001


def test_rows_beyond_those_shown_are_counted() -> None:
    table = Table("t", "t", pd.DataFrame({"a": range(7)}), (Column("a", "A"),), shown_rows=5, highlighted=(1,))
    rows = list(shown_rows(table))
    assert [row.highlighted for row in rows] == [False, True, False, False, False]
    assert hidden_rows(table) == 2


def test_a_column_is_numeric_where_all_that_is_there_are_numbers() -> None:
    data = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, None], "d": [None, None], "e": ["x", 1]})
    table = Table("t", "t", data, (*(Column(key, key) for key in "abcde"), Column("d", "d", 2)))
    assert numeric_columns(table, list(shown_rows(table))) == [True, False, True, False, False, True]
