"""Which boxes of a recording become labels: RVT's filters for each dataset, and what counts as a bad box."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from trainable.errors import DataError

Dataset = Literal["etram", "gen4", "gen1", "demo"]

Flags = npt.NDArray[np.bool_]

_OUTSIDE_REASONS = ("without extent", "outside the sensor")


@dataclass(frozen=True)
class LabelRules:
    """How one dataset's boxes are filtered and spaced.

    Attributes:
        sensor_hw: Height and width of the sensor where a recording does not state them.
        kept_classes: The first so many classes become labels.
        has_other_classes: Whether boxes of further classes belong to the dataset, and are dropped, or are an error.
        min_side_px: Smaller boxes are dropped, in sensor pixels.
        min_diagonal_px: So are those of a smaller diagonal, in sensor pixels.
        label_step_us: Time between labelled frames, or None to derive about 100 ms from the boxes' own rate.
        tolerates_outside: Whether boxes without extent or wholly outside the sensor are a known fault of the dataset,
            which RVT crops away in silence, rather than an error.
        downsample_by_factor_2: Whether RVT halves this dataset's resolution.
        class_groups: Label class of each kept class, or None to keep the classes as they are.
    """

    sensor_hw: tuple[int, int]
    kept_classes: int
    has_other_classes: bool = False
    min_side_px: float = 5
    min_diagonal_px: float = 0
    label_step_us: int | None = None
    tolerates_outside: bool = False
    downsample_by_factor_2: bool = True
    class_groups: tuple[int, ...] | None = None


_PEDESTRIAN, _TWO_WHEELER, _VEHICLE = range(3)

LABEL_RULES: dict[Dataset, LabelRules] = {
    "etram": LabelRules(sensor_hw=(720, 1280), kept_classes=8),
    "gen4": LabelRules(sensor_hw=(720, 1280), kept_classes=3, has_other_classes=True, tolerates_outside=True),
    "gen1": LabelRules(
        sensor_hw=(240, 304),
        kept_classes=2,
        min_side_px=10,
        min_diagonal_px=30,
        label_step_us=250_000,
        tolerates_outside=True,
        downsample_by_factor_2=False,
    ),
    "demo": LabelRules(
        sensor_hw=(720, 1280),
        kept_classes=8,
        class_groups=(
            _PEDESTRIAN,
            _VEHICLE,
            _TWO_WHEELER,
            _VEHICLE,
            _TWO_WHEELER,
            _VEHICLE,
            _VEHICLE,
            _PEDESTRIAN,
        ),
    ),
}
"""Source: `uzh-rpg/RVT`, `scripts/genx/preprocess_dataset.py` and `conf_preprocess/filter_*.yaml`; eTraM's fork keeps
all eight classes under 1 Mpx's rules. `demo` follows eTraM, its eight classes joined to pedestrian, two wheeler and
vehicle: a few minutes of simulated recordings hold too few of the rare ones to learn or measure them."""


@dataclass(frozen=True)
class FilteredBoxes:
    """The boxes that are left, and how many went or were mended on the way.

    Attributes:
        boxes: `(boxes,)` records of `BOX_DTYPE` in sensor pixels, inside the sensor, in the given order.
        dropped: Number of boxes dropped, by reason.
        cropped: Number of boxes, among those left, that reached over the sensor's edge.
    """

    boxes: npt.NDArray[np.void]
    dropped: dict[str, int] = field(default_factory=dict)
    cropped: int = 0


def filter_boxes(
    boxes: npt.NDArray[np.void],
    rules: LabelRules,
    *,
    sensor_hw: tuple[int, int],
    is_train: bool,
    drop_bad_boxes: bool,
    path: Path,
) -> FilteredBoxes:
    """Apply a dataset's rules to the boxes of one recording.

    Source: `uzh-rpg/RVT`, `apply_filters`: classes, cropping to the sensor, smallest sizes and, in training, boxes
    wider than nine tenths of the sensor. Deviation: the sensor is the recording's, where RVT takes the dataset's.

    Args:
        boxes: `(boxes,)` records of `BOX_DTYPE` in sensor pixels.
        rules: The dataset's rules.
        sensor_hw: Height and width of the sensor.
        is_train: Whether the recording belongs to the train split.
        drop_bad_boxes: Drop and count bad boxes instead of raising.
        path: The box file, for messages.

    Raises:
        DataError: When a box has a value that is not finite, a negative size or an unknown class, or, unless the
            dataset is known for them, no extent or no part inside the sensor.
    """
    bad_boxes = _bad_boxes(boxes, rules, sensor_hw)
    for reason, bad in bad_boxes.items():
        tolerated = drop_bad_boxes or (rules.tolerates_outside and reason in _OUTSIDE_REASONS)
        if bad.any() and not tolerated:
            raise DataError(_bad_box_message(boxes, bad, reason, rules, sensor_hw, path))

    dropped: dict[str, int] = {}
    boxes = _drop(boxes, bad_boxes | {"of a class not used": boxes["class_id"] >= rules.kept_classes}, dropped)
    reaches_out = _reaches_out(boxes, sensor_hw)
    boxes = _crop(boxes, sensor_hw)
    width, height = boxes["w"], boxes["h"]
    too_small = (width < rules.min_side_px) | (height < rules.min_side_px)
    too_small |= width**2 + height**2 < rules.min_diagonal_px**2
    too_wide = is_train & (width > (9 * sensor_hw[1]) // 10)
    cropped = int(np.count_nonzero(reaches_out & ~too_small & ~too_wide))
    boxes = _drop(boxes, {"too small": too_small, "as wide as the sensor": too_wide}, dropped)
    if rules.class_groups is not None:
        boxes["class_id"] = np.asarray(rules.class_groups)[boxes["class_id"]]
    return FilteredBoxes(boxes, dropped, cropped)


def _bad_boxes(boxes: npt.NDArray[np.void], rules: LabelRules, sensor_hw: tuple[int, int]) -> dict[str, Flags]:
    x, y, w, h = (boxes[name] for name in ("x", "y", "w", "h"))
    sensor_height, sensor_width = sensor_hw
    return {
        "not finite": ~(np.isfinite(x) & np.isfinite(y) & np.isfinite(w) & np.isfinite(h)),
        "of negative size": (w < 0) | (h < 0),
        "of an unknown class": (boxes["class_id"] >= rules.kept_classes) & (not rules.has_other_classes),
        _OUTSIDE_REASONS[0]: (w == 0) | (h == 0),
        _OUTSIDE_REASONS[1]: (x >= sensor_width) | (y >= sensor_height) | (x + w <= 0) | (y + h <= 0),
    }


def _bad_box_message(
    boxes: npt.NDArray[np.void],
    bad: Flags,
    reason: str,
    rules: LabelRules,
    sensor_hw: tuple[int, int],
    path: Path,
) -> str:
    first = int(np.flatnonzero(bad)[0])
    values = ", ".join(f"{name}={boxes[name][first]}" for name in ("t", "x", "y", "w", "h", "class_id"))
    return (
        f"{path}: {np.count_nonzero(bad)} of {len(boxes)} boxes are {reason}, the first is box {first} ({values}); "
        f"expected boxes in a sensor of {sensor_hw[1]}x{sensor_hw[0]} pixels and classes 0 to {rules.kept_classes - 1}"
        ". Correct the file, or preprocess with --drop-bad-boxes to leave such boxes out"
    )


def _reaches_out(boxes: npt.NDArray[np.void], sensor_hw: tuple[int, int]) -> Flags:
    outside = (boxes["x"] < 0) | (boxes["y"] < 0)
    outside |= boxes["x"] + boxes["w"] > sensor_hw[1]
    outside |= boxes["y"] + boxes["h"] > sensor_hw[0]
    return np.asarray(outside, dtype=np.bool_)


def _crop(boxes: npt.NDArray[np.void], sensor_hw: tuple[int, int]) -> npt.NDArray[np.void]:
    """Cut boxes to the centres of the sensor's outermost pixels, in single precision as RVT does."""
    cropped = boxes.copy()
    for start, extent, size in (("x", "w", sensor_hw[1]), ("y", "h", sensor_hw[0])):
        first = np.clip(boxes[start], 0, size - 1)
        last = np.clip(boxes[start] + boxes[extent], 0, size - 1)
        cropped[start], cropped[extent] = first, last - first
    return cropped


def _drop(
    boxes: npt.NDArray[np.void], flags_by_reason: dict[str, Flags], dropped: dict[str, int]
) -> npt.NDArray[np.void]:
    """Leave out flagged boxes, and count each under the first reason that holds for it."""
    gone = np.zeros(len(boxes), dtype=np.bool_)
    for reason, flags in flags_by_reason.items():
        if count := int(np.count_nonzero(flags & ~gone)):
            dropped[reason] = count
        gone |= flags
    return boxes[~gone]
