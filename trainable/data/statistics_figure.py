"""The figure of a dataset's statistics: box areas, classes and event rates."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from trainable.errors import ConfigError
from trainable.files import written_whole

if TYPE_CHECKING:
    from trainable.data.statistics import DatasetStatistics

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito's palette, which people with any colour vision can tell apart."""

HISTOGRAM_BINS: Final = 40
DOTS_PER_INCH: Final = 130


def save_statistics_figure(statistics: "DatasetStatistics", path: Path) -> None:
    """Draw a dataset's statistics.

    Args:
        statistics: What to draw.
        path: The image file; its suffix chooses the format.

    Raises:
        ConfigError: When no image has that suffix, or the file cannot be written.
    """
    image_format = path.suffix.removeprefix(".").lower()
    formats = FigureCanvasAgg.get_supported_filetypes()
    if image_format not in formats:
        raise ConfigError(
            f"the figure must be a file ending in .{', .'.join(formats)}, got {path}; choose another name"
        )
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    areas, classes, rates = figure.subplots(1, 3, width_ratios=(1.4, 1.1, 0.9))
    _draw_areas(areas, statistics)
    _draw_classes(classes, statistics)
    _draw_rates(rates, statistics)
    figure.suptitle(f"{statistics.root.name} ({statistics.kind}): {', '.join(statistics.splits)}")
    try:
        with written_whole(path) as draft:
            figure.savefig(draft, format=image_format, dpi=DOTS_PER_INCH)
    except OSError as error:
        raise ConfigError(f"the figure {path} cannot be written ({error}); choose another file") from error


def _draw_areas(axes: Axes, statistics: "DatasetStatistics") -> None:
    """All boxes by area and class, on a logarithmic axis, with the bins' edges."""
    class_id = np.concatenate([split.class_id for split in statistics.splits.values()])
    area = np.concatenate([statistics.areas(split, "input") for split in statistics.splits])
    axes.set(xlabel="box area in model-input px²", ylabel="boxes", title="Boxes of all splits by area and class")
    if not len(area):
        return
    edges = np.geomspace(area.min() * 0.99, area.max() * 1.01, HISTOGRAM_BINS + 1)
    groups = [area[class_id == number] for number in range(len(statistics.class_names))]
    shown = [
        (group, name, number)
        for number, (group, name) in enumerate(zip(groups, statistics.class_names, strict=True))
        if len(group)
    ]
    axes.hist(
        [group for group, _, _ in shown],
        bins=edges.tolist(),
        stacked=True,
        label=[f"{name} ({len(group):,})" for group, name, _ in shown],
        color=[COLOURS[number % len(COLOURS)] for _, _, number in shown],
    )
    axes.set_xscale("log")
    axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    _label_plainly(axes.xaxis)
    factor = statistics.sensor_px2_per_input_px2
    if factor != 1:
        sensor = axes.secondary_xaxis("top", functions=(_scaled_by(factor), _scaled_by(1 / factor)))
        sensor.set_xlabel("box area in sensor px²")
        _label_plainly(sensor.xaxis)
    for size in statistics.area_bins["input"][:-1]:
        axes.axvline(size.upper_px2, color="black", linestyle="--", linewidth=1)
        axes.annotate(
            f" {size.name} up to {size.upper_px2:g} px²",
            (size.upper_px2, 0.8),
            xycoords=("data", "axes fraction"),
            rotation=90,
            va="top",
            ha="right",
            fontsize=8,
        )
    axes.legend(fontsize=8, loc="upper left", ncols=2)


def _label_plainly(axis: Axis) -> None:
    """Labels a logarithmic axis with whole numbers: 10, 20, 50, 100, and so on."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(labelsize=8)


def _scaled_by(factor: float) -> Callable[[ArrayLike], ArrayLike]:
    return lambda area: np.asarray(area, np.float64) * factor


def _draw_classes(axes: Axes, statistics: "DatasetStatistics") -> None:
    """Boxes of each class, solid where the box filter keeps them."""
    every, kept = (
        np.sum([statistics.class_counts(split, filtered=filtered) for split in statistics.splits], axis=0)
        for filtered in (False, True)
    )
    rows = np.arange(len(statistics.class_names))
    axes.barh(rows, every, color="#56B4E9", label="all")
    axes.barh(rows, kept, color="#0072B2", height=0.45, label="kept by the Prophesee filter")
    for row, (total, passing) in enumerate(zip(every, kept, strict=True)):
        axes.annotate(f" {total:,} ({passing:,})", (max(total, 1), row), va="center", fontsize=8)
    if every.any():
        axes.set_xscale("log")
    axes.set_xlim(0.8, max(float(every.max()), 1.0) * 20)
    axes.set_yticks(rows, statistics.class_names)
    axes.invert_yaxis()
    axes.set(xlabel="boxes", title="Boxes by class")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)


def _draw_rates(axes: Axes, statistics: "DatasetStatistics") -> None:
    """Each recording's event rate, or each sequence's share of pixels with events."""
    raw = statistics.kind == "raw"
    title = "Event rate of each recording" if raw else "Pixels with events, of each sequence"
    unit = "million events/s" if raw else "mean share of a frame's pixels in %"
    axes.set(ylabel=unit, title=title)
    for number, split in enumerate(statistics.splits.values()):
        values = split.events_per_s / 1e6 if raw else split.occupied_share * 100
        defined = np.sort(values[~np.isnan(values)])
        offsets = np.linspace(-0.25, 0.25, len(defined)) if len(defined) > 1 else np.zeros(len(defined))
        axes.plot(number + offsets, defined, "o", color=COLOURS[number], markersize=4)
        if len(defined):
            axes.hlines(np.median(defined), number - 0.35, number + 0.35, color="black", linewidth=1)
        else:
            axes.annotate("unknown", (number, 0.5), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
    axes.set_xticks(range(len(statistics.splits)), list(statistics.splits))
    axes.set_xlim(-0.6, len(statistics.splits) - 0.4)
    axes.set_ylim(bottom=0)
