"""What is measured: classes, area bins, caps on detections, and Prophesee's box filter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainable.errors import ConfigError
from trainable.object_sizes import COCO_AREA_BINS, SENSOR_AREA_BINS, AreaBin, BoxFilter

Json = dict[str, "Json"] | list["Json"] | str | float | int | bool | None
"""What `json.dumps` takes."""

IOU_THRESHOLDS: NDArray[np.float64] = np.linspace(0.5, 0.95, 10)
"""COCO's ten IoU thresholds, `(10,)`."""

RECALL_THRESHOLDS: NDArray[np.float64] = np.linspace(0.0, 1.0, 101)
"""COCO's recall points, at which precision is sampled, `(101,)`."""

ALL_AREAS = AreaBin("all", 0.0, float("inf"))
_METRIC_NAME = re.compile(r"[A-Za-z0-9_\-. ]+")


@dataclass(frozen=True, slots=True)
class EvaluationProtocol:
    """Everything that fixes a metric's meaning, apart from the boxes.

    Attributes:
        class_names: One name a class, by class id.
        small_object_classes: The classes whose mean AP is `AP_small_classes`, by name; may be empty.
        area_bins: Small, medium and large in model-input px², in this order.
        sensor_area_bins: Any number of finer bins in sensor px².
        downsample_by_factor_2: Whether a model-input pixel is two sensor pixels wide.
        box_filter: The filter of the `prophesee` figures; without one there are no such figures.
        max_detections: Rising caps on the detections of one class (or of all, class-agnostic) in a frame; only the
            best within the last cap are matched.

    Raises:
        ConfigError: Names that repeat, are unknown or cannot be part of a metric's name; not three area bins; empty
            ranges; caps that do not rise.
    """

    class_names: tuple[str, ...]
    small_object_classes: tuple[str, ...] = ()
    area_bins: tuple[AreaBin, ...] = COCO_AREA_BINS
    sensor_area_bins: tuple[AreaBin, ...] = SENSOR_AREA_BINS
    downsample_by_factor_2: bool = False
    box_filter: BoxFilter | None = None
    max_detections: tuple[int, ...] = (1, 10, 100)

    def __post_init__(self) -> None:
        if not self.class_names:
            raise ConfigError("`class_names` must name at least one class, got none; give the dataset's class list")
        _check_names("class_names", self.class_names)
        _check_names("small_object_classes", self.small_object_classes)
        unknown = [name for name in self.small_object_classes if name not in self.class_names]
        if unknown:
            raise ConfigError(
                f"`small_object_classes` must be among the classes {list(self.class_names)}, got {unknown}; "
                "name them as `class_names` does"
            )
        if len(self.area_bins) != 3:
            raise ConfigError(
                f"`area_bins` must be three ranges (small, medium, large), got {len(self.area_bins)}; "
                "put finer ones into `sensor_area_bins`"
            )
        _check_names("sensor_area_bins", [area_bin.name for area_bin in self.sensor_area_bins])
        for area_bin in (*self.area_bins, *self.sensor_area_bins):
            if not 0 <= area_bin.lower_px2 < area_bin.upper_px2 < float("inf"):
                raise ConfigError(
                    f"area bin {area_bin.name!r} must go from a lower to a higher, finite area ≥ 0, "
                    f"got {area_bin.lower_px2} to {area_bin.upper_px2} px²; check the dataset's bins"
                )
        caps = self.max_detections
        if not caps or caps[0] < 1 or any(lower >= upper for lower, upper in pairwise(caps)):
            raise ConfigError(f"`max_detections` must be rising numbers ≥ 1, got {list(caps)}; COCO's are [1, 10, 100]")

    @property
    def input_px_per_sensor_px(self) -> float:
        """Length of a sensor pixel in model-input pixels."""
        return 0.5 if self.downsample_by_factor_2 else 1.0

    @property
    def num_bins(self) -> int:
        """Number of rows of `in_bin`."""
        return 1 + len(self.area_bins) + len(self.sensor_area_bins)

    def to_json(self) -> dict[str, Json]:
        """A dictionary for `json.dumps`."""
        return {
            "class_names": list(self.class_names),
            "small_object_classes": list(self.small_object_classes),
            "area_bins_input_px2": [list(area_bin) for area_bin in self.area_bins],
            "area_bins_sensor_px2": [list(area_bin) for area_bin in self.sensor_area_bins],
            "downsample_by_factor_2": self.downsample_by_factor_2,
            "box_filter": None if self.box_filter is None else dict(asdict(self.box_filter)),
            "max_detections": list(self.max_detections),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The protocol that `to_json` described.

        Raises:
            KeyError: A missing entry.
            TypeError: An entry of another form.
            ConfigError: An entry that cannot be used.
        """
        return cls(
            class_names=tuple(values["class_names"]),
            small_object_classes=tuple(values["small_object_classes"]),
            area_bins=tuple(AreaBin(*area_bin) for area_bin in values["area_bins_input_px2"]),
            sensor_area_bins=tuple(AreaBin(*area_bin) for area_bin in values["area_bins_sensor_px2"]),
            downsample_by_factor_2=values["downsample_by_factor_2"],
            box_filter=None if values["box_filter"] is None else BoxFilter(**values["box_filter"]),
            max_detections=tuple(values["max_detections"]),
        )

    def in_bin(self, area_input_px2: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Membership of every bin: all areas first, then `area_bins`, then `sensor_area_bins`.

        Both ends of a bin are included, as in COCO.

        Args:
            area_input_px2: Areas in model-input px², `(n,)`.

        Returns:
            `(bins, n)` bool.
        """
        area_sensor_px2 = area_input_px2 / self.input_px_per_sensor_px**2
        rows = [_within(area_input_px2, area_bin) for area_bin in (ALL_AREAS, *self.area_bins)]
        rows += [_within(area_sensor_px2, area_bin) for area_bin in self.sensor_area_bins]
        return np.stack(rows)


def _within(area_px2: NDArray[np.float64], area_bin: AreaBin) -> NDArray[np.bool_]:
    return np.asarray((area_px2 >= area_bin.lower_px2) & (area_px2 <= area_bin.upper_px2))


def _check_names(argument: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not _METRIC_NAME.fullmatch(name):
            raise ConfigError(
                f"`{argument}` must hold names of letters, digits, spaces and _ - . only (they become metric names), "
                f"got {name!r}; rename it"
            )
        if name in seen:
            raise ConfigError(f"`{argument}` must not repeat a name, got {name!r} twice; remove or rename one")
        seen.add(name)
