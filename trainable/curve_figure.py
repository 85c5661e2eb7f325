"""A run's learning curves, as a figure and as a table."""

import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainable.files import written_whole

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00")
"""From Okabe and Ito's palette, which people with any colour vision can tell apart."""

PANELS: Mapping[str, tuple[str, ...]] = {
    "training loss": ("train/loss", "train/iou_loss", "train/conf_loss", "train/cls_loss"),
    "average precision, %": ("AP", "AP50", "AP75"),
    "AP by object size, %": ("AP_S", "AP_M", "AP_L"),
}
"""Title of each panel to the metrics in it."""

_DOTS_PER_INCH = 110

Curves = Mapping[str, Mapping[int, float]]


def save_curve_figure(path: Path, curves: Curves, *, caption: str) -> None:
    """Draw the metrics of `PANELS` over the optimizer steps; the file appears whole. Any thread may draw.

    Args:
        path: The PNG file; its folder must exist.
        curves: Metric name to step to value.
        caption: A line above the panels.

    Raises:
        OSError: When the file cannot be written.
    """
    figure = Figure(figsize=(14, 4), dpi=_DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.04, right=0.99, top=0.86, bottom=0.13, wspace=0.13)
    figure.suptitle(caption, fontsize=10)
    last_step = max((step for names in PANELS.values() for name in names for step in curves.get(name, ())), default=1)
    for axes, (title, names) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        _draw(axes, {name: curves[name] for name in names if name in curves}, in_percent=title.endswith("%"))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("optimizer steps")
        axes.set_xlim(0, max(last_step, 1))
        axes.grid(alpha=0.3)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=_DOTS_PER_INCH, pil_kwargs={"compress_level": 3})


def save_curve_table(path: Path, curves: Curves) -> None:
    """Write the same metrics as CSV, a row a step; empty where a metric has no value at a step.

    Raises:
        OSError: When the file cannot be written.
    """
    names = [name for panel in PANELS.values() for name in panel if name in curves]
    steps = sorted({step for name in names for step in curves[name]})
    with written_whole(path) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *names])
        writer.writerows([step, *(curves[name].get(step, "") for name in names)] for step in steps)


def _draw(axes: Axes, curves: Curves, *, in_percent: bool) -> None:
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        values = [100 * value if in_percent else value for value in curve.values()]
        axes.plot(
            list(curve),
            values,
            color=colour,
            label=name.removeprefix("train/"),
            linewidth=1.2,
            marker="o" if in_percent else None,
            markersize=3,
        )
    axes.set_ylim(bottom=0)
    if curves:
        axes.legend(fontsize=8)
