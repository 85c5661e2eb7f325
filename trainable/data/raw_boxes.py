"""Box files `_bbox.npy` of Gen1, 1 Mpx and eTraM, whose records differ in field names and types."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainable.boxes import BOX_DTYPE
from trainable.errors import DataError

_SPELLINGS = {"t": ("t", "ts"), "class_confidence": ("class_confidence", "confidence")}
_OPTIONAL_DEFAULT = {"track_id": 0, "class_confidence": 1.0}


def read_boxes(path: Path) -> npt.NDArray[np.void]:
    """Read the boxes of one recording.

    Args:
        path: A `.npy` file of records. The time may be called `t` or `ts`, signed or unsigned; the confidence
            `class_confidence` or `confidence`. The confidence (then 1) and the track (then 0) may be missing, further
            fields are left out.

    Returns:
        `(boxes,)` records of `BOX_DTYPE` in sensor pixels, in order of time.

    Raises:
        DataError: When the file is missing, is no `.npy` file of records, is cut short, or lacks a field.
    """
    try:
        records = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such box file; every recording needs its boxes beside it") from error
    except (ValueError, EOFError, OSError) as error:
        raise DataError(
            f"{path}: expected a NumPy .npy file of box records, but it cannot be read ({error}); it may be cut short: "
            "download or copy it again"
        ) from error
    boxes = as_box_records(records, path)
    return boxes[np.argsort(boxes["t"], kind="stable")]


def as_box_records(records: npt.NDArray[np.void], path: Path) -> npt.NDArray[np.void]:
    """Bring box records of any spelling into `BOX_DTYPE`.

    Args:
        records: `(boxes,)` structured array.
        path: The file the records came from, for messages.

    Returns:
        `(boxes,)` records of `BOX_DTYPE`, in the given order.

    Raises:
        DataError: When the array has no fields or lacks a needed one, or a time does not fit in 63 bits.
    """
    if records.dtype.names is None or records.ndim != 1:
        raise DataError(
            f"{path}: expected a list of box records with named fields {', '.join(BOX_DTYPE.names or ())}, got an "
            f"array of {records.dtype} with shape {records.shape}; convert it to such records"
        )
    boxes = np.empty(len(records), dtype=BOX_DTYPE)
    for field in BOX_DTYPE.names or ():
        spelling = next((name for name in _SPELLINGS.get(field, (field,)) if name in records.dtype.names), None)
        if spelling is not None:
            boxes[field] = records[spelling]
        elif field in _OPTIONAL_DEFAULT:
            boxes[field] = _OPTIONAL_DEFAULT[field]
        else:
            raise DataError(
                f"{path}: box records lack the field {' or '.join(_SPELLINGS.get(field, (field,)))!r}; they have "
                f"{', '.join(records.dtype.names)}: convert them to {', '.join(BOX_DTYPE.names or ())}"
            )
    return boxes
