"""A chart that Optuna draws itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as PrintedFigure
    from plotly.graph_objects import Figure as PageFigure


@dataclass(frozen=True, eq=False)
class StudyChart:
    """A chart of `optuna.visualization` and its twin of `optuna.visualization.matplotlib`.

    Attributes:
        name: Stem of its files, lower-case letters, digits and underscores.
        title: What it shows, with units.
        alternative: What it tells, in a sentence or two with the numbers that matter.
        for_page: Draws it with Plotly.
        for_print: Draws it with Matplotlib.
    """

    name: str
    title: str
    alternative: str
    for_page: Callable[[], "PageFigure"]
    for_print: Callable[[], "PrintedFigure"]
