"""What a report consists of: sections of paragraphs, tables, charts, pictures and commands, free of how they look.

All texts are plain: whatever they hold, a reader sees just that. The forms in which a document is written escape them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from reports.charts.chart import Chart
from reports.charts.study_chart import StudyChart


@dataclass(frozen=True)
class Paragraph:
    """Text.

    Attributes:
        text: Plain text.
        kind: `lead`: what a reader must see first; `note`: method and fine print; `warning`: what is missing or weak.
    """

    text: str
    kind: Literal["normal", "lead", "note", "warning"] = "normal"


@dataclass(frozen=True)
class Column:
    """How a table shows a column of its data.

    Attributes:
        key: Column of the data.
        heading: With the unit, where there is one.
        digits: Digits after the point; none for text and whole numbers.
        scale: What numbers are multiplied with before they are shown: 100 for shares shown in percent.
        interval: Columns of the data with the ends of an interval, shown behind the number.
        signed: Whether positive numbers get a plus.
    """

    key: str
    heading: str
    digits: int | None = None
    scale: float = 1.0
    interval: tuple[str, str] | None = None
    signed: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """Data with a way to show it; CSV and Parquet hold all of the data as it is.

    Attributes:
        name: Stem of its files, lower-case letters, digits and underscores.
        title: Above the table.
        data: A row a line; undefined numbers are NaN, missing texts `None`.
        columns: The columns shown, from left to right.
        shown_rows: How many rows are shown; the rest is in the files only.
        highlighted: Numbers of rows that stand out, such as the baseline's.
    """

    name: str
    title: str
    data: pd.DataFrame
    columns: tuple[Column, ...]
    shown_rows: int = 50
    highlighted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Commands:
    """Commands or settings to be copied.

    Attributes:
        title: What they do.
        text: The lines.
    """

    title: str
    text: str


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture made of pixels.

    Attributes:
        caption: Below the picture.
        alternative: What it shows, for those who do not see it.
        png: The file.
    """

    caption: str
    alternative: str
    png: bytes


@dataclass(frozen=True, eq=False)
class PictureRow:
    """Pictures to be compared, side by side where the page is wide enough.

    Attributes:
        name: Stem of its files, lower-case letters, digits and underscores.
        title: Above the pictures.
        pictures: From left to right.
    """

    name: str
    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that a reader unfolds.

    Attributes:
        summary: What is seen at first.
        blocks: What is unfolded; open in print.
    """

    summary: str
    blocks: Sequence["Block"]


Block = Paragraph | Table | Chart | StudyChart | Commands | PictureRow | Details


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a report.

    Attributes:
        name: Its anchor, lower-case letters, digits and hyphens.
        title: Its heading.
        blocks: What it holds, in order.
    """

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, eq=False)
class Document:
    """A report.

    Attributes:
        title: Its heading.
        subtitle: A line below: what was read, where from and when.
        sections: In order.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
