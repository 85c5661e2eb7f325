"""Raw event recordings of any supported format, read in blocks of bounded size."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import faery
import h5py
import numpy as np
import numpy.typing as npt

from trainable.data.hdf5_files import damage_reported, open_dataset, open_hdf5
from trainable.errors import DataError

BLOCK_EVENTS = 1 << 21
"""About this many events are in memory at once: 27 MB."""

RECORDING_SUFFIXES = ("_td.h5", "_td.dat.h5", "_td.dat", "_td.raw", ".raw")
"""What follows a recording's name in the name of its event file, in the order in which they are looked for."""

DAT_EVENT_BYTES = 8
"""A DAT event, little-endian: its time in 32 bits, then 32 of its place and polarity."""


class Events(NamedTuple):
    """Events in the order in which they were recorded, each field `(events,)`."""

    x: npt.NDArray[np.uint16]
    """Column in sensor pixels."""
    y: npt.NDArray[np.uint16]
    """Row in sensor pixels."""
    polarity: npt.NDArray[np.uint8]
    """1 where the light rose, 0 where it fell."""
    t: npt.NDArray[np.int64]
    """Time in microseconds."""

    def slice(self, start: int, stop: int) -> "Events":
        """The events `start:stop`, as views."""
        return Events(self.x[start:stop], self.y[start:stop], self.polarity[start:stop], self.t[start:stop])


class Recording(Protocol):
    """An opened event recording.

    Attributes:
        path: The event file.
        height: Rows of the sensor.
        width: Columns of the sensor.
    """

    path: Path
    height: int
    width: int

    def blocks(self) -> Iterator[Events]:
        """The events from first to last, in blocks of about `BLOCK_EVENTS`.

        Raises:
            DataError: When the file is damaged, holds no event, or holds one that lies outside the sensor.
        """
        ...


def open_recording(path: Path, *, fallback_sensor_hw: tuple[int, int] = (720, 1280)) -> Recording:
    """Open a recording: HDF5 as eTraM's and 1 Mpx (`.h5`), or Prophesee's DAT and EVT 2 or 3 (`.dat`, `.raw`).

    Args:
        path: The event file.
        fallback_sensor_hw: Height and width of the sensor where the file does not state them.

    Raises:
        DataError: When the file is missing, damaged, or of no supported format.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such recording; check the path")
    match path.suffix:
        case ".h5" | ".hdf5":
            return _Hdf5Recording(path, fallback_sensor_hw)
        case ".dat" | ".raw":
            return _PropheseeRecording(path, fallback_sensor_hw)
        case _:
            raise DataError(
                f"{path}: expected a recording in .h5, .dat or .raw, got {path.suffix or 'no suffix'}; convert it first"
            )


class _Hdf5Recording:
    def __init__(self, path: Path, fallback_sensor_hw: tuple[int, int]) -> None:
        self.path = path
        with open_hdf5(path) as file, damage_reported(path):
            fields = self._fields(file)
            lengths = {name: len(field) for name, field in fields.items()}
            if len(set(lengths.values())) != 1:
                raise DataError(f"{path}: x, y, p and t must be equally long, got {lengths}; copy the file again")
            if not lengths["t"]:
                raise DataError(f"{path}: the recording holds no event; leave it out, with its box file")
            if "height" in file["events"] and "width" in file["events"]:
                self.height, self.width = int(file["events/height"][()]), int(file["events/width"][()])
            else:
                self.height, self.width = fallback_sensor_hw
        self._num_events = lengths["t"]

    def _fields(self, file: h5py.File) -> dict[str, h5py.Dataset]:
        return {name: open_dataset(file, f"events/{name}", self.path) for name in ("x", "y", "p", "t")}

    def blocks(self) -> Iterator[Events]:
        with open_hdf5(self.path) as file:
            fields = self._fields(file)
            for start in range(0, self._num_events, BLOCK_EVENTS):
                with damage_reported(self.path):
                    x, y, p, t = (fields[name][start : start + BLOCK_EVENTS] for name in ("x", "y", "p", "t"))
                self._refuse_outside(x, "x", self.width, start)
                self._refuse_outside(y, "y", self.height, start)
                yield Events(
                    x.astype(np.uint16, copy=False),
                    y.astype(np.uint16, copy=False),
                    (p > 0).view(np.uint8),
                    t.astype(np.int64, copy=False),
                )

    def _refuse_outside(self, values: npt.NDArray[np.integer], axis: str, size: int, start: int) -> None:
        if values.min() >= 0 and values.max() < size:
            return
        first = int(np.flatnonzero((values < 0) | (values >= size))[0])
        raise DataError(
            f"{self.path}: event {start + first} has {axis}={values[first]}, outside the sensor of {self.width}x"
            f"{self.height} pixels; correct events/width and events/height in the file, or record it again"
        )


class _PropheseeRecording:
    """DAT and EVT files. Their decoder itself raises times that run backwards, so none is seen to do so here."""

    def __init__(self, path: Path, fallback_sensor_hw: tuple[int, int]) -> None:
        self.path = path
        if path.suffix == ".dat":
            dat_layout(path)  # the decoder passes over a last event that is cut
        else:
            _header_bytes(path)
        height, width = fallback_sensor_hw
        try:
            self._decoder = faery.events_stream_from_file(
                path, dimensions_fallback=(width, height), file_type="dat" if path.suffix == ".dat" else "evt"
            )
        except RuntimeError as error:
            raise DataError(f"{path}: the header cannot be read ({error}); copy or download the file again") from error
        self.width, self.height = self._decoder.dimensions()

    def blocks(self) -> Iterator[Events]:
        packets: list[npt.NDArray[np.void]] = []
        gathered = total = 0
        for packet in self._packets():
            packets.append(packet)
            gathered += len(packet)
            total += len(packet)
            if gathered >= BLOCK_EVENTS:
                yield _joined(packets)
                packets, gathered = [], 0
        if packets:
            yield _joined(packets)
        if not total:
            raise DataError(f"{self.path}: the recording holds no event; leave it out, with its box file")

    def _packets(self) -> Iterator[npt.NDArray[np.void]]:
        try:
            yield from self._decoder
        except RuntimeError as error:
            raise DataError(
                f"{self.path}: the events cannot be decoded for a sensor of {self.width}x{self.height} pixels "
                f"({error}); the file is damaged or its header is wrong: copy or download it again"
            ) from error


def _joined(packets: list[npt.NDArray[np.void]]) -> Events:
    return Events(
        np.concatenate([packet["x"] for packet in packets]),
        np.concatenate([packet["y"] for packet in packets]),
        np.concatenate([packet["on"] for packet in packets]).view(np.uint8),
        np.concatenate([packet["t"] for packet in packets]).astype(np.int64),
    )


def dat_layout(path: Path) -> tuple[int, int]:
    """Where the events of a DAT file begin, in bytes, and how many there are.

    Raises:
        DataError: When the file is of another kind, or ends within an event.
    """
    first_byte = _header_bytes(path) + 2  # after the header: the events' type and size
    events, rest = divmod(path.stat().st_size - first_byte, DAT_EVENT_BYTES)
    if events < 0 or rest:
        raise DataError(f"{path}: the file ends in the middle of an event; copy or download it again")
    return first_byte, events


def _header_bytes(path: Path) -> int:
    """Length of a Prophesee file's header, which is lines of text."""
    length = 0
    with path.open("rb") as file:
        while (line := file.readline()).startswith(b"%"):
            length += len(line)
    if not length:
        raise DataError(
            f"{path}: expected a Prophesee {path.suffix} file, which begins with a header of lines starting with '%'; "
            "it is empty or of another kind: copy or download it again"
        )
    return length
