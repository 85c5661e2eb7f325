"""A document that holds every kind of block."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports.charts.chart import Axis, Chart, Series
from reports.document.blocks import (
    Block,
    Column,
    Commands,
    Details,
    Document,
    Paragraph,
    Picture,
    PictureRow,
    Section,
    Table,
)

HOSTILE = (
    "</script><script>alert(1)</script> <b>b</b> $x^$ | `code` [a](https://evil.example) & \u202e 'q' \"q\" _a_ *b*"
)


@pytest.fixture(scope="session")
def hostile() -> str:
    """What somebody may name a run who means no good."""
    return HOSTILE


@pytest.fixture(scope="session")
def make_blocks() -> Callable[[str], list[Block]]:
    """Makes one block of each kind, its texts as given."""

    def make(text: str) -> list[Block]:
        data = pd.DataFrame(
            {"name": [text, "trial 1", "trial 2"], "AP": [0.3312, np.nan, 0.1], "low": [0.319, np.nan, 0.05]}
        ).assign(high=lambda data: data["low"] + 0.02)
        columns = (Column("name", text), Column("AP", "AP [%]", 2, 100, interval=("low", "high")))
        chart = Chart("chart", text, text, Axis(text), Axis("AP [%]"), [Series(text, [1, 2, 3], [1, 2, 4])])
        picture = BytesIO()
        Image.new("RGB", (4, 3), "red").save(picture, "png")
        return [
            Paragraph(text),
            Paragraph(text, "lead"),
            Paragraph(text, "note"),
            Paragraph(text, "warning"),
            Table("table", text, data, columns, shown_rows=2, highlighted=(0,)),
            chart,
            PictureRow("pictures", text, (Picture(text, text, picture.getvalue()),)),
            Commands(text, f"python -m trainable train\n{text}"),
            Details(text, [Paragraph(text), Table("inner", text, data.iloc[:0], columns)]),
        ]

    return make


@pytest.fixture(scope="session")
def document(make_blocks: Callable[[str], list[Block]]) -> Document:
    """A document of ordinary texts."""
    return Document("A sweep", "Read from a server", [Section("answer", "The answer", make_blocks("plain words"))])


@pytest.fixture(scope="session")
def hostile_document(make_blocks: Callable[[str], list[Block]]) -> Document:
    """A document with a hostile text in every place."""
    return Document(HOSTILE, HOSTILE, [Section("answer", HOSTILE, make_blocks(HOSTILE))])
