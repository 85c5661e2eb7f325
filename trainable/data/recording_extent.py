"""How many events a recording has and when it ends, told without reading it whole."""

from pathlib import Path
from typing import NamedTuple

from trainable.data.hdf5_files import damage_reported, open_dataset, open_hdf5
from trainable.data.raw_events import DAT_EVENT_BYTES, dat_layout

_DAT_TIME_BYTES = 4


class RecordingExtent(NamedTuple):
    """A recording's size.

    Attributes:
        events: Number of events.
        end_us: Time of the last event, None without any.
    """

    events: int
    end_us: int | None


def recording_extent(path: Path) -> RecordingExtent | None:
    """Measure a recording by its file's size and last event.

    Args:
        path: The event file.

    Returns:
        The extent; None for EVT (`.raw`), whose events differ in length and must all be decoded to be counted.

    Raises:
        DataError: When the file is missing, damaged, or of another kind.
    """
    match path.suffix:
        case ".h5" | ".hdf5":
            return _hdf5_extent(path)
        case ".dat":
            return _dat_extent(path)
        case _:
            return None


def _hdf5_extent(path: Path) -> RecordingExtent:
    with open_hdf5(path) as file, damage_reported(path):
        t_us = open_dataset(file, "events/t", path)
        events = int(t_us.shape[0])
        return RecordingExtent(events, int(t_us[-1]) if events else None)


def _dat_extent(path: Path) -> RecordingExtent:
    first_byte, events = dat_layout(path)
    if not events:
        return RecordingExtent(0, None)
    with path.open("rb") as file:
        file.seek(first_byte + (events - 1) * DAT_EVENT_BYTES)
        return RecordingExtent(events, int.from_bytes(file.read(_DAT_TIME_BYTES), "little"))
