"""Figures as files: PNG to look at, SVG to print, and a still for a page where no script draws."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from reports.charts.chart import Chart
from reports.charts.print import print_figure, print_style
from reports.charts.study_chart import StudyChart
from reports.document.blocks import PictureRow
from reports.plain_text import in_one_line

DOTS_PER_INCH = 150

_LARGEST_SVG_STILL = 200_000
"""Bytes. A drawing of more lines than that is smaller, and drawn faster, as a picture."""


def write_chart(chart: Chart | StudyChart, folder: Path) -> str:
    """Write a chart to `NAME.png` and `NAME.svg`; the same chart gives the same bytes.

    Args:
        chart: The chart.
        folder: An existing folder.

    Returns:
        A still of it without its title, which a page shows itself, as a data URI.

    Raises:
        OSError: When a file cannot be written.
    """
    figure = print_figure(chart)
    with print_style():
        drawing = _svg(figure, chart)
        (folder / f"{chart.name}.svg").write_bytes(drawing)
        (folder / f"{chart.name}.png").write_bytes(_png(figure))
        figure.suptitle("")
        if len(drawing) <= _LARGEST_SVG_STILL:
            return data_uri(_svg(figure, chart), "image/svg+xml")
        return data_uri(_png(figure), "image/png")


def write_pictures(row: PictureRow, folder: Path) -> None:
    """Write pictures to `NAME_1.png`, `NAME_2.png` … as they are.

    Args:
        row: The pictures.
        folder: An existing folder.

    Raises:
        OSError: When a file cannot be written.
    """
    for number, picture in enumerate(row.pictures, start=1):
        (folder / picture_file(row, number)).write_bytes(picture.png)


def picture_file(row: PictureRow, number: int) -> str:
    """Name of a row's picture, counted from 1."""
    return f"{row.name}_{number}.png"


def data_uri(content: bytes, media_type: str) -> str:
    """Give a file as an address that contains it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _svg(figure: Figure, chart: Chart | StudyChart) -> bytes:
    content = BytesIO()
    texts = {"Title": in_one_line(chart.title), "Description": in_one_line(chart.alternative)}
    figure.savefig(content, format="svg", bbox_inches=_edges(figure), metadata=texts | {"Date": None, "Creator": None})
    return content.getvalue()


def _png(figure: Figure) -> bytes:
    content = BytesIO()
    figure.savefig(content, format="png", bbox_inches=_edges(figure), dpi=DOTS_PER_INCH, metadata={"Software": None})
    return content.getvalue()


def _edges(figure: Figure) -> Literal["tight"] | None:
    """A figure that has no layout of its own ends where its texts end."""
    return "tight" if figure.get_layout_engine() is None else None
