"""What stands in the cells of a table: the same words and digits in every form of a document."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from reports.document.blocks import Column, Table
from reports.plain_text import MINUS, MISSING, visible


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: What it shows; none where a value is missing.
        interval: The ends of its interval in brackets, where it has one.
        number: What it is sorted by, where it is a number.
    """

    text: str | None
    interval: str | None = None
    number: float | None = None


@dataclass(frozen=True)
class Row:
    """A row that is shown."""

    cells: tuple[Cell, ...]
    highlighted: bool


def shown_rows(table: Table) -> Iterator[Row]:
    """Give the rows that a table shows, in order."""
    highlighted = set(table.highlighted)
    for number, row in enumerate(table.data.head(table.shown_rows).to_dict("records")):
        yield Row(tuple(_cell(row, column) for column in table.columns), number in highlighted)


def hidden_rows(table: Table) -> int:
    """How many rows are in the table's files only."""
    return max(0, len(table.data) - table.shown_rows)


def numeric_columns(table: Table, rows: list[Row]) -> list[bool]:
    """Say for each column whether it holds numbers, which stand on the right."""
    return [
        column.digits is not None
        or (
            any(row.cells[place].number is not None for row in rows)
            and all(row.cells[place].number is not None or row.cells[place].text is None for row in rows)
        )
        for place, column in enumerate(table.columns)
    ]


def _cell(row: dict[Any, Any], column: Column) -> Cell:
    value = row[column.key]
    interval = None
    if column.interval is not None:
        ends = [_cell(row, Column(key, "", column.digits, column.scale)).text for key in column.interval]
        if any(end is not None for end in ends):
            interval = "[{}, {}]".format(*(end or MISSING for end in ends))
    match value:
        case bool() | np.bool_():
            return Cell("yes" if value else "no")
        case str():
            return Cell(visible(value) if value else None)
        case Real() if not math.isnan(value):
            return Cell(_written(value, column), interval, float(value) * column.scale)
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return Cell(None, interval)
    return Cell(visible(str(value)))


def _written(value: Real, column: Column) -> str:
    number = float(value) * column.scale
    if not np.isfinite(number):
        text = "∞" if number > 0 else "-∞"
    elif column.digits is None and (isinstance(value, Integral) or number.is_integer()):
        text = f"{round(number):,d}" if abs(number) >= 10_000 else f"{round(number):d}"
    elif column.digits is None:
        text = f"{number:.6g}"
    else:
        text = f"{round(number, column.digits) + 0.0:{',' if abs(number) >= 10_000 else ''}.{column.digits}f}"
    if column.signed and text.strip("0.,") and not text.startswith("-"):
        text = f"+{text}"
    return text.replace("-", MINUS)
