"""What a dataset holds, by class and size: the numbers behind a choice of thresholds and metric bins."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from trainable.object_sizes import AreaBin, BoxFilter
from trainable.types import AreaSpace

SUGGESTED_QUANTILES: Final = (0.33, 0.66)
"""Quantiles of the training boxes' areas suggested as `small_threshold` and `medium_threshold`."""

UNDEFINED: Final = "-"

SPACES: Final[tuple[AreaSpace, ...]] = ("input", "sensor")

LARGEST_SHOWN_PX2: Final = 1e9
"""A bin that reaches further has no upper edge worth showing."""


@dataclass(frozen=True, slots=True)
class SplitStatistics:
    """One split.

    Attributes:
        recordings: Number of recordings or sequences.
        duration_s: Their length together, in seconds; undefined (NaN) for a raw recording without readable events.
        labelled_frames: Number of different label times.
        label_hz: Labels a second, from the median interval between label times; NaN with fewer than two.
        left_out: Boxes of unlisted classes, or without a finite positive area; they are not counted elsewhere.
        class_id: `(boxes,)` int64.
        area_sensor_px2: `(boxes,)` float64, in sensor px².
        passes_filter: `(boxes,)` bool, whether the box filter keeps the box.
        events: Number of events; `None` where preprocessed or not all known.
        events_per_s: `(recordings,)` float64, NaN where unknown.
        occupied_share: `(recordings,)` float64, mean share of a frame's pixels with any event; NaN where raw.
    """

    recordings: int
    duration_s: float
    labelled_frames: int
    label_hz: float
    left_out: int
    class_id: NDArray[np.int64]
    area_sensor_px2: NDArray[np.float64]
    passes_filter: NDArray[np.bool_]
    events: int | None
    events_per_s: NDArray[np.float64]
    occupied_share: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """Statistics of a raw or preprocessed dataset.

    Attributes:
        root: The dataset's folder.
        kind: What it holds.
        class_names: One name a class, by class id.
        area_bins: Size bins of areas in input px² and of areas in sensor px².
        sensor_px2_per_input_px2: 4 at half resolution, else 1.
        box_filter: The filter behind the filtered counts.
        splits: Statistics by the name of the split.
    """

    root: Path
    kind: Literal["raw", "preprocessed"]
    class_names: tuple[str, ...]
    area_bins: dict[AreaSpace, tuple[AreaBin, ...]]
    sensor_px2_per_input_px2: float
    box_filter: BoxFilter
    splits: dict[str, SplitStatistics]

    def areas(self, split: str, space: AreaSpace) -> NDArray[np.float64]:
        """Areas of a split's boxes in px² of the sensor or the model's input, `(boxes,)`."""
        sensor_px2 = self.splits[split].area_sensor_px2
        return sensor_px2 if space == "sensor" else sensor_px2 / self.sensor_px2_per_input_px2

    def counts(self, split: str, *, space: AreaSpace, filtered: bool) -> NDArray[np.int64]:
        """Boxes by class and size bin.

        Args:
            split: Name of the split.
            space: In whose pixels the bins' edges are taken.
            filtered: Count only what the box filter keeps.

        Returns:
            `(classes, bins)`. Both edges belong to a bin, as in COCO, so a box on an edge is counted twice.
        """
        boxes = self.splits[split]
        kept = boxes.passes_filter | (not filtered)
        class_id, area = boxes.class_id[kept], self.areas(split, space)[kept]
        columns = [
            np.bincount(class_id[(area >= size.lower_px2) & (area <= size.upper_px2)], minlength=len(self.class_names))
            for size in self.area_bins[space]
        ]
        return np.stack(columns, axis=1).astype(np.int64)

    def class_counts(self, split: str, *, filtered: bool) -> NDArray[np.int64]:
        """Boxes by class, `(classes,)`, of all sizes."""
        boxes = self.splits[split]
        kept = boxes.passes_filter | (not filtered)
        return np.bincount(boxes.class_id[kept], minlength=len(self.class_names)).astype(np.int64)

    def suggested_thresholds(self, space: AreaSpace) -> tuple[float, float]:
        """Suggestions for `small_threshold` and `medium_threshold`: quantiles of the training boxes' areas.

        Args:
            space: In whose px² the thresholds are; `"input"` unless `size_aware_area_space` is `sensor`.

        Returns:
            The areas at `SUGGESTED_QUANTILES`; NaN without training boxes.
        """
        if "train" not in self.splits or not len(self.splits["train"].class_id):
            return math.nan, math.nan
        small, medium = np.quantile(self.areas("train", space), SUGGESTED_QUANTILES)
        return float(small), float(medium)

    def table(self) -> Group:
        """The statistics as tables for a terminal."""
        boxes = (self._boxes_table(split) for split in self.splits)
        return Group(self._splits_table(), *boxes, self._thresholds_table())

    def save_figure(self, path: Path) -> None:
        """Draw areas, classes and event rates into an image file, a PNG for example."""
        # Imported here, as matplotlib takes a second that most commands would waste.
        from trainable.data.statistics_figure import save_statistics_figure

        save_statistics_figure(self, path)

    def to_json(self) -> dict[str, object]:
        """The statistics as JSON types; what is undefined is `None`."""
        thresholds = {space: self.suggested_thresholds(space) for space in SPACES}
        return {
            "root": str(self.root),
            "kind": self.kind,
            "sensor_px2_per_input_px2": self.sensor_px2_per_input_px2,
            "area_bins": {
                f"{space}_px2": {size.name: [size.lower_px2, size.upper_px2] for size in self.area_bins[space]}
                for space in SPACES
            },
            "box_filter": asdict(self.box_filter),
            "suggested_thresholds": {
                f"{space}_px2": {"small_threshold": _defined(small), "medium_threshold": _defined(medium)}
                for space, (small, medium) in thresholds.items()
            },
            "splits": {name: self._split_json(name) for name in self.splits},
        }

    def _split_json(self, name: str) -> dict[str, object]:
        split = self.splits[name]
        return {
            "recordings": split.recordings,
            "duration_s": _defined(split.duration_s),
            "labelled_frames": split.labelled_frames,
            "label_hz": _defined(split.label_hz),
            "events": split.events,
            "mean_events_per_s": _defined(_mean(split.events_per_s)),
            "mean_occupied_pixel_share": _defined(_mean(split.occupied_share)),
            "boxes_left_out": split.left_out,
            "boxes": {
                "unfiltered": self._boxes_json(name, filtered=False),
                "prophesee": self._boxes_json(name, filtered=True),
            },
        }

    def _boxes_json(self, split: str, *, filtered: bool) -> dict[str, object]:
        totals = self.class_counts(split, filtered=filtered)
        by_size = {
            f"by_class_and_{space}_area": {
                name: dict(zip((size.name for size in self.area_bins[space]), row.tolist(), strict=True))
                for name, row in zip(self.class_names, self.counts(split, space=space, filtered=filtered), strict=True)
            }
            for space in SPACES
        }
        return {
            "total": int(totals.sum()),
            "by_class": dict(zip(self.class_names, totals.tolist(), strict=True)),
        } | by_size

    def _splits_table(self) -> Table:
        """Headings of several lines keep it narrower than 80 characters."""
        columns = (
            "record-\nings",
            "length\nin s",
            "boxes",
            "left\nout",
            "label\nframes",
            "label\nHz",
            "events/s",
            "pixels\nwith\nevents",
        )
        table = Table(title=f"{self.root} ({self.kind})", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("split", no_wrap=True)
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for name, split in self.splits.items():
            table.add_row(
                name,
                f"{split.recordings:,}",
                _shown(split.duration_s, "{:,.1f}"),
                f"{len(split.class_id):,}",
                f"{split.left_out:,}",
                f"{split.labelled_frames:,}",
                _shown(split.label_hz, "{:.1f}"),
                _shown(_mean(split.events_per_s) / 1e6, "{:,.2f} M"),
                _shown(_mean(split.occupied_share), "{:.2%}"),
            )
        return table

    def _boxes_table(self, split: str) -> Table:
        """Bins down, classes across, so that the table stays narrow."""
        title = f"{split}: boxes by area (below: those that the Prophesee filter keeps)"
        table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("area", no_wrap=True)
        for name in (*self.class_names, "all"):
            table.add_column(name, justify="right", overflow="fold")
        for space in SPACES:
            unfiltered, filtered = (self.counts(split, space=space, filtered=kept) for kept in (False, True))
            for index, size in enumerate(self.area_bins[space]):
                upper = f"to {size.upper_px2:g}" if size.upper_px2 < LARGEST_SHOWN_PX2 else "and more"
                label = f"{size.lower_px2:g} {upper}\n{space} px²"
                table.add_row(label, *_pairs(unfiltered[:, index], filtered[:, index]))
            table.add_section()
        totals = (self.class_counts(split, filtered=kept) for kept in (False, True))
        table.add_row("all", *_pairs(*totals))
        return table

    def _thresholds_table(self) -> Table:
        low, high = SUGGESTED_QUANTILES
        table = Table("px² of", title="Suggested thresholds, from the training boxes' areas")
        table.add_column(f"small_threshold\nquantile {low}", justify="right")
        table.add_column(f"medium_threshold\nquantile {high}", justify="right")
        for space in SPACES:
            small, medium = self.suggested_thresholds(space)
            table.add_row(space, _shown(small, "{:,.0f}"), _shown(medium, "{:,.0f}"))
        return table


def _pairs(every: NDArray[np.int64], kept: NDArray[np.int64]) -> list[str]:
    """Cells of a row: each class's boxes over those that the filter keeps, and the sums of both."""
    return [f"{a:,}\n{b:,}" for a, b in zip((*every, every.sum()), (*kept, kept.sum()), strict=True)]


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _shown(value: float, pattern: str) -> str:
    return UNDEFINED if math.isnan(value) else pattern.format(value)
