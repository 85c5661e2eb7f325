"""Fixed moments of a validation on disk, with what the model found on them: one compressed `.npz` without pickles."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from trainable.boxes import BOX_DTYPE
from trainable.errors import DataError
from trainable.files import written_whole
from trainable.strict_json import StrictModel, parsed
from trainable.units import MIB

FORMAT_VERSION: Final = 1
MAX_MOMENTS: Final = 128
MAX_DETECTIONS: Final = 100
"""Detections kept of a moment, the best ones."""
MAX_BYTES: Final = 256 * MIB
"""Largest size of a file, before it is compressed."""

_MAX_DIRECTORY_BYTES: Final = 16 * 1024
_MAX_META_BYTES: Final = 4 * MIB
_MAX_LABELS: Final = 100_000
_FLOAT_COLUMNS: Final = ("x", "y", "w", "h", "class_confidence")
_META: Final = "meta"


@dataclass(frozen=True, eq=False)
class RecordedMoment:
    """One moment of a recording: what was seen, what was there and what was found.

    Attributes:
        sequence: Name of the recording.
        frame: Number of the frame in it.
        time_us: Time of the frame since the recording's start.
        events: `(2, height, width)` uint8, events of falling and of rising light in each pixel of the model's input,
            counted over all bins and clipped to 255.
        labels: `(labels,)` records of `BOX_DTYPE` in model-input pixels.
        detections: `(detections,)` likewise, the best first, at most `MAX_DETECTIONS`.
    """

    sequence: str
    frame: int
    time_us: int
    events: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.void]
    detections: npt.NDArray[np.void]


@dataclass(frozen=True, eq=False)
class MomentFile:
    """The moments as one validation saw them.

    Attributes:
        step: Optimizer steps before the validation.
        class_names: One name a class id.
        moments: The moments, all of one frame size.
    """

    step: int
    class_names: tuple[str, ...]
    moments: tuple[RecordedMoment, ...]


_Name = Annotated[str, Field(max_length=1000)]
_Count = Annotated[int, Field(ge=0, lt=2**62)]
_Side = Annotated[int, Field(ge=0, lt=2**16)]


class _MomentMeta(StrictModel):
    sequence: _Name
    frame: _Count
    time_us: Annotated[int, Field(gt=-(2**62), lt=2**62)]
    labels: Annotated[int, Field(ge=0, le=_MAX_LABELS)]
    detections: Annotated[int, Field(ge=0, le=MAX_DETECTIONS)]


class _Meta(StrictModel):
    version: Literal[1]
    step: _Count
    class_names: Annotated[tuple[_Name, ...], Field(max_length=1000)]
    height: _Side
    width: _Side
    moments: Annotated[tuple[_MomentMeta, ...], Field(max_length=MAX_MOMENTS)]


def save_moments(path: str | os.PathLike[str], file: MomentFile) -> None:
    """Write moments; the file appears whole or not at all.

    Args:
        path: Where to; an older file there is replaced. Its folder must exist.
        file: The moments.

    Raises:
        DataError: There is too much to write, or the file cannot be written.
    """
    path = Path(path)
    moments = file.moments
    height, width = moments[0].events.shape[1:] if moments else (0, 0)
    meta = _Meta(
        version=FORMAT_VERSION,
        step=file.step,
        class_names=file.class_names,
        height=height,
        width=width,
        moments=tuple(
            _MomentMeta(
                sequence=moment.sequence,
                frame=moment.frame,
                time_us=moment.time_us,
                labels=len(moment.labels),
                detections=len(moment.detections),
            )
            for moment in moments
        ),
    )
    columns: dict[str, npt.NDArray[np.generic]] = {
        _META: np.frombuffer(meta.model_dump_json().encode(), np.uint8),
        "events": np.array([moment.events for moment in moments], np.uint8).reshape(len(moments), 2, height, width),
        **_encode_boxes("label", (moment.labels for moment in moments)),
        **_encode_boxes("detection", (moment.detections for moment in moments)),
    }
    size = sum(column.nbytes for column in columns.values())
    if size > MAX_BYTES - MIB:  # a MiB for the columns' headers
        raise DataError(
            f"{path}: moments must not take more than {MAX_BYTES / MIB:.0f} MiB, these take {size / MIB:.0f}; lower "
            "logging.validation.compared_moments"
        )
    try:
        with written_whole(path) as draft, draft.open("wb") as target:
            np.savez_compressed(target, allow_pickle=False, **columns)
    except OSError as error:
        raise DataError(f"{path}: moments cannot be written: {error}; check the folder and its free space") from error


def load_moments(path: str | os.PathLike[str]) -> MomentFile:
    """Read what `save_moments` wrote, and nothing else: the file may come from anywhere.

    Sizes are checked before anything is read, and no array is larger than what the file holds of it.

    Args:
        path: The file.

    Raises:
        DataError: The file is absent, damaged, too large, of another kind or of another version.
    """
    try:
        with Path(path).open("rb") as source:
            _check_directory(source)
            with zipfile.ZipFile(source) as archive:
                return _decode(archive)
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected recorded moments, found no such file; check the path") from error
    except (OSError, ValueError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: expected recorded moments (.npz), got a file that cannot be read as such "
            f"({type(error).__name__}: {error}); validate again to write it anew"
        ) from error


def _encode_boxes(kind: str, tables: Iterable[npt.NDArray[np.void]]) -> dict[str, npt.NDArray[np.generic]]:
    boxes = np.concatenate([np.zeros(0, BOX_DTYPE), *tables])
    return {f"{kind}_{name}": np.ascontiguousarray(boxes[name]) for name in _column_dtypes()}


def _column_dtypes() -> dict[str, np.dtype[np.generic]]:
    return {name: BOX_DTYPE[name] for name in BOX_DTYPE.names or ()}


def _check_directory(source: BinaryIO) -> None:
    """Refuse an archive whose list of members is long: the list is read as a whole."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - 42))
    locator, end = (tail := source.read())[:-22], tail[-22:]
    # An archive with a comment or in the format for huge ones is not from `save_moments`.
    if end[:4] != b"PK\5\6" or locator[:4] == b"PK\6\7":
        raise ValueError("its end is not that of a small archive")
    directory = int.from_bytes(end[12:16], "little")
    if size > MAX_BYTES or directory > _MAX_DIRECTORY_BYTES:
        raise ValueError(f"it has {size} bytes and a directory of {directory}, which is too large")


def _decode(archive: zipfile.ZipFile) -> MomentFile:
    """The moments of an archive; `ValueError` and its like where it is not as `save_moments` writes it."""
    members = archive.infolist()
    kinds = ("label", "detection")
    names = {_META, "events", *(f"{kind}_{name}" for kind in kinds for name in _column_dtypes())}
    if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in names):
        raise ValueError("its columns are others")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise ValueError("its columns are too large")
    # Other methods may take gigabytes to decompress, whatever the result's size.
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise ValueError("it is compressed in another way")

    if archive.getinfo(f"{_META}.npy").file_size > _MAX_META_BYTES:
        raise ValueError("its description is too large")
    content = archive.read(f"{_META}.npy")
    meta = parsed(_Meta, _array(content, np.dtype(np.uint8), (len(content) - _header_size(content),)).tobytes())
    shape = (len(meta.moments), 2, meta.height, meta.width)
    events = _array(archive.read("events.npy"), np.dtype(np.uint8), shape)
    labels = _decode_boxes(archive, "label", [one.labels for one in meta.moments], len(meta.class_names))
    detections = _decode_boxes(archive, "detection", [one.detections for one in meta.moments], len(meta.class_names))
    return MomentFile(
        meta.step,
        meta.class_names,
        tuple(
            RecordedMoment(moment.sequence, moment.frame, moment.time_us, *parts)
            for moment, *parts in zip(meta.moments, events, labels, detections, strict=True)
        ),
    )


def _decode_boxes(
    archive: zipfile.ZipFile, kind: str, counts: list[int], num_classes: int
) -> list[npt.NDArray[np.void]]:
    """The boxes of each moment."""
    boxes = np.zeros(sum(counts), BOX_DTYPE)
    for name, dtype in _column_dtypes().items():
        boxes[name] = _array(archive.read(f"{kind}_{name}.npy"), dtype, boxes.shape)
    if not all(np.isfinite(boxes[name]).all() for name in _FLOAT_COLUMNS):
        raise ValueError(f"a {kind} has a coordinate or score that is not finite")
    if (boxes["class_id"] >= num_classes).any():
        raise ValueError(f"a {kind} has a class without name")
    return np.split(boxes, np.cumsum(counts)[:-1]) if counts else []


def _header_size(content: bytes) -> int:
    return 10 + int.from_bytes(content[8:10], "little")


def _array(content: bytes, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """The array in an `.npy` file that must be of a type and shape; its header is compared and never evaluated."""
    size = _header_size(content)
    header = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape}, }}"
    if content[:8] != b"\x93NUMPY\1\0" or content[10:size].rstrip() != header.encode():
        raise ValueError(f"expected a column of type {dtype} and shape {shape}, got another one")
    return np.frombuffer(content, dtype, offset=size).reshape(shape)
