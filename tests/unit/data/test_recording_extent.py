from pathlib import Path

import h5py
import numpy as np
import pytest
from faery.extension import dat, evt

from trainable.data.raw_events import open_recording
from trainable.data.recording_extent import RecordingExtent, recording_extent
from trainable.errors import DataError

DAT_EVENTS = [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("payload", "u1")]


def events(count: int) -> np.ndarray:
    """Events at rising times, which end at 3,000,000,000 us: beyond 31 bits."""
    records = np.zeros(count, DAT_EVENTS)
    records["t"] = np.linspace(5, 3_000_000_000, count)
    return records


@pytest.mark.parametrize("version", ["dat1", "dat2"])
@pytest.mark.parametrize("count", [2, 70_001])
def test_a_dat_recordings_extent_is_what_decoding_it_gives(version: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / "a_td.dat"
    with dat.Encoder(path, version, "cd", False, (64, 48)) as encoder:
        encoder.write(events(count))
    blocks = list(open_recording(path).blocks())
    decoded = RecordingExtent(sum(len(block.t) for block in blocks), int(blocks[-1].t[-1]))
    assert recording_extent(path) == decoded == (count, 3_000_000_000)


def test_a_recording_without_events_has_no_end(tmp_path: Path) -> None:
    with dat.Encoder(tmp_path / "a_td.dat", "dat2", "cd", False, (64, 48)) as encoder:
        encoder.write(events(0))
    with h5py.File(tmp_path / "b_td.h5", "w") as file:
        file["events/t"] = np.zeros(0, np.int64)
    assert recording_extent(tmp_path / "a_td.dat") == recording_extent(tmp_path / "b_td.h5") == (0, None)


def test_an_hdf5_recordings_extent_is_its_number_of_times_and_the_last(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a_td.h5", "w") as file:
        file["events/t"] = events(100)["t"]
    assert recording_extent(tmp_path / "a_td.h5") == (100, 3_000_000_000)


def test_an_evt_recordings_extent_is_unknown(tmp_path: Path) -> None:
    with evt.Encoder(tmp_path / "a_td.raw", "evt3", False, (64, 48), True) as encoder:
        encoder.write({"events": np.zeros(3, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])})
    assert recording_extent(tmp_path / "a_td.raw") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with a header"),
        (b"not an event file", "begins with a header"),
        (b"% Version 2\n\x0c\x08" + bytes(11), "in the middle of an event"),
    ],
)
def test_a_damaged_dat_file_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a_td.dat").write_bytes(content)
    with pytest.raises(DataError, match=rf"a_td\.dat: .*{message}.*again"):
        recording_extent(tmp_path / "a_td.dat")
