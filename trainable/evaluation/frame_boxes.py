"""The boxes of many frames, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainable.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class FrameBoxes:
    """Boxes of many frames, one row a box, in any order of frames.

    Rows of the same frame, class and score rank in the order in which they stand here.

    Attributes:
        frame: Frame number of each box, from 0, `(n,)` integers.
        xywh: Left, top, width and height in model-input pixels, `(n, 4)` floats.
        class_id: `(n,)` integers.
        score: Confidence of a detection, `(n,)` floats; `None` for truths.

    Raises:
        DataError: Columns of differing length, or numbers that are no box: NaN, infinite, of negative size.
    """

    frame: NDArray[np.int64]
    xywh: NDArray[np.float64]
    class_id: NDArray[np.int64]
    score: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        columns = {
            "frame": np.asarray(self.frame, dtype=np.int64),
            "xywh": np.asarray(self.xywh, dtype=np.float64),
            "class_id": np.asarray(self.class_id, dtype=np.int64),
            "score": None if self.score is None else np.asarray(self.score, dtype=np.float64),
        }
        for name, column in columns.items():
            object.__setattr__(self, name, column)
        n = len(self)
        expected = {"frame": (n,), "xywh": (n, 4), "class_id": (n,), "score": (n,)}
        for name, column in columns.items():
            if column is not None and column.shape != expected[name]:
                raise DataError(
                    f"`{name}` must have shape {expected[name]} to go with {n} boxes, got {column.shape}; "
                    "give every column one row a box"
                )
        self._refuse(self.frame < 0, "a frame number ≥ 0", self.frame)
        self._refuse(np.any(~np.isfinite(self.xywh), axis=1), "finite x, y, w, h", self.xywh)
        self._refuse(np.any(self.xywh[:, 2:] < 0, axis=1), "a width and a height ≥ 0", self.xywh)
        if self.score is not None:
            self._refuse(~np.isfinite(self.score), "a finite score", self.score)

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def from_frames(cls, frames: Sequence[NDArray[np.void]], *, scored: bool) -> Self:
        """Boxes from one structured array a frame.

        Args:
            frames: Arrays with the fields x, y, w, h (left, top, width, height in model-input pixels) and class_id,
                such as `trainable.boxes.BOX_DTYPE` has; an empty array where a frame has no box.
            scored: Whether to read the field class_confidence too: for detections.

        Raises:
            DataError: An array without those fields, or boxes that are none.
        """
        fields = ["x", "y", "w", "h", "class_id"] + ["class_confidence"] * scored
        for number, boxes in enumerate(frames):
            missing = [field for field in fields if field not in (boxes.dtype.names or ())]
            if missing:
                raise DataError(
                    f"frame {number}: boxes must be a structured array with the fields {fields}, got {boxes.dtype} "
                    f"without {missing}; see trainable.boxes.BOX_DTYPE"
                )

        def column(field: str) -> NDArray[np.float64]:
            return np.concatenate([boxes[field].astype(np.float64) for boxes in frames] or [np.empty(0)])

        return cls(
            frame=np.repeat(np.arange(len(frames)), [len(boxes) for boxes in frames]),
            xywh=np.stack([column(field) for field in ("x", "y", "w", "h")], axis=1),
            class_id=column("class_id").astype(np.int64),
            score=column("class_confidence") if scored else None,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Self], *, frame_offsets: Sequence[int]) -> Self:
        """One table of several, such as those of all ranks.

        Args:
            parts: The tables; either all of them or none have scores.
            frame_offsets: What to add to each table's frame numbers.

        Raises:
            DataError: Some tables with and some without scores.
        """
        scores = [part.score for part in parts if part.score is not None]
        if scores and len(scores) < len(parts):
            raise DataError(
                f"either all tables or none must have scores, got {len(scores)} of {len(parts)}; "
                "do not mix truths with detections"
            )
        return cls(
            frame=np.concatenate([part.frame + offset for part, offset in zip(parts, frame_offsets, strict=True)]),
            xywh=np.concatenate([part.xywh for part in parts]),
            class_id=np.concatenate([part.class_id for part in parts]),
            score=np.concatenate(scores) if scores else None,
        )

    def check_classes(self, num_classes: int) -> None:
        """Raise a `DataError` if a class id is not one of `num_classes`."""
        self._refuse(
            (self.class_id < 0) | (self.class_id >= num_classes),
            f"a class id from 0 to {num_classes - 1}",
            self.class_id,
        )

    def _refuse(self, wrong: NDArray[np.bool_], expected: str, values: NDArray[np.int64] | NDArray[np.float64]) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            kind = "ground truth" if self.score is None else "detections"
            raise DataError(
                f"{kind}: every box must have {expected}, but {int(wrong.sum())} of {len(self)} have not; the first is "
                f"box {row}, in frame {self.frame[row]}: {values[row].tolist()}; correct or leave out these boxes"
            )
