"""How large the training split's boxes are, class by class: what a size weighting acts on."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, FiniteFloat

from trainable.errors import DataError
from trainable.files import written_whole
from trainable.strict_json import StrictModel, parsed
from trainable.units import MIB

BINS_PER_OCTAVE: Final = 8
MAX_BYTES: Final = 16 * MIB


@dataclass(frozen=True, eq=False)
class TrainingBoxes:
    """Counts of labels by class and area.

    Attributes:
        class_names: One name a class id.
        edges_px2: `(bins + 1,)` float64, rising areas in model-input px², powers of 2^(1/8), so that the bins of
            any two datasets coincide. A bin holds its lower edge and not its upper one.
        counts: `(classes, bins)` int64.
        sensor_px2_per_input_px2: Factor to areas in sensor px².
    """

    class_names: tuple[str, ...]
    edges_px2: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    sensor_px2_per_input_px2: float

    @classmethod
    def of(
        cls,
        class_id: npt.NDArray[np.integer],
        area_px2: npt.NDArray[np.float64],
        *,
        class_names: tuple[str, ...],
        sensor_px2_per_input_px2: float,
    ) -> Self:
        """Count boxes.

        Args:
            class_id: `(boxes,)`, each below the number of names.
            area_px2: `(boxes,)` areas above 0, in model-input px².
            class_names: One name a class id.
            sensor_px2_per_input_px2: Factor to areas in sensor px².
        """
        exponents = np.floor(np.log2(area_px2) * BINS_PER_OCTAVE).astype(np.int64)
        first, last = (int(exponents.min()), int(exponents.max())) if len(exponents) else (0, 0)
        edges_px2 = np.exp2(np.arange(first, last + 2) / BINS_PER_OCTAVE)
        place = np.searchsorted(edges_px2, area_px2, side="right") - 1
        counts = np.zeros((len(class_names), last + 1 - first), np.int64)
        # Rounding may put an area on the very edge of the outermost bins.
        np.add.at(counts, (class_id, np.clip(place, 0, last - first)), 1)
        return cls(class_names, edges_px2, counts, sensor_px2_per_input_px2)


class _File(StrictModel):
    version: Literal[1]
    class_names: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=1000)]
    edges_px2: Annotated[tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(min_length=2, max_length=5000)]
    counts: tuple[tuple[Annotated[int, Field(ge=0, lt=2**53)], ...], ...]
    sensor_px2_per_input_px2: Annotated[FiniteFloat, Field(gt=0)]


def save_training_boxes(path: str | os.PathLike[str], boxes: TrainingBoxes) -> None:
    """Write the counts as JSON; the file appears whole or not at all.

    Args:
        path: Where to; an older file there is replaced. Its folder must exist.
        boxes: The counts.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    file = _File(
        version=1,
        class_names=boxes.class_names,
        edges_px2=tuple(boxes.edges_px2.tolist()),
        counts=tuple(map(tuple, boxes.counts.tolist())),
        sensor_px2_per_input_px2=boxes.sensor_px2_per_input_px2,
    )
    try:
        with written_whole(path) as draft:
            draft.write_text(file.model_dump_json())
    except OSError as error:
        raise DataError(
            f"{path}: the training boxes' areas cannot be written: {error}; check the folder and its free space"
        ) from error


def load_training_boxes(path: str | os.PathLike[str]) -> TrainingBoxes:
    """Read what `save_training_boxes` wrote; the file may come from anywhere.

    Args:
        path: The file.

    Raises:
        DataError: The file is absent, damaged, too large, of another kind or of another version.
    """
    try:
        with Path(path).open("rb") as source:
            text = source.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES / MIB:.0f} MiB")
        file = parsed(_File, text)
        edges_px2 = np.array(file.edges_px2, np.float64)
        if (np.diff(edges_px2) <= 0).any():
            raise ValueError("edges_px2: the edges do not rise")
        shape = (len(file.class_names), len(edges_px2) - 1)
        if len(file.counts) != shape[0] or any(len(row) != shape[1] for row in file.counts):
            raise ValueError(f"counts: expected {shape[1]} bins for each of {shape[0]} classes")
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected the training boxes' areas, found no such file; check the path") from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected the training boxes' areas (.json), got a file that cannot be read as such "
            f"({type(error).__name__}: {error}); it is written when a run starts"
        ) from error
    counts = np.array(file.counts, np.int64).reshape(shape)
    return TrainingBoxes(file.class_names, edges_px2, counts, file.sensor_px2_per_input_px2)
