from collections.abc import Callable
from pathlib import Path

import faery
import h5py
import numpy as np
import pytest
from faery.extension import evt

from trainable.data import raw_events
from trainable.data.raw_events import Events, Recording, open_recording
from trainable.errors import DataError

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def events() -> Events:
    generator = np.random.default_rng(0)
    return Events(
        generator.integers(0, WIDTH, 40_000).astype(np.uint16),
        generator.integers(0, HEIGHT, 40_000).astype(np.uint16),
        generator.integers(0, 2, 40_000).astype(np.uint8),
        np.sort(generator.integers(0, 900_000, 40_000)),
    )


def write_hdf5(path: Path, events: Events, *, states_size: bool = True) -> None:
    with h5py.File(path, "w") as file:
        for name, values in zip("xypt", events, strict=True):
            file.create_dataset(f"events/{name}", data=values)
        if states_size:
            file["events/height"], file["events/width"] = HEIGHT, WIDTH


def write_dat(path: Path, events: Events, *, states_size: bool = True) -> None:
    """As Prophesee's format is published: a time of 32 bits, then 14 bits of x, 14 of y and the polarity."""
    records = np.empty(len(events.t), dtype=[("t", "<u4"), ("address", "<u4")])
    records["t"] = events.t
    records["address"] = events.x.astype("<u4") | events.y.astype("<u4") << 14 | events.polarity.astype("<u4") << 28
    size = f"% Width {WIDTH}\n% Height {HEIGHT}\n" if states_size else ""
    path.write_bytes(
        f"% Data file containing CD events.\n% Version 2\n{size}".encode() + b"\x0c\x08" + records.tobytes()
    )


def write_evt(path: Path, events: Events, version: str) -> None:
    """Encoded for a sensor that is one column wider, and declared as narrower: the encoder refuses events outside."""
    records = np.empty(len(events.t), dtype=faery.EVENTS_DTYPE)
    records["t"], records["x"], records["y"], records["on"] = events.t, events.x, events.y, events.polarity
    with evt.Encoder(path, version, False, (WIDTH + 1, HEIGHT), True) as encoder:
        encoder.write({"events": records})
    wide, stated = (f"width={width};height={HEIGHT}\n% geometry {width}x{HEIGHT}\n" for width in (WIDTH + 1, WIDTH))
    path.write_bytes(path.read_bytes().replace(wide.encode(), stated.encode()))


WRITERS: dict[str, Callable[[Path, Events], None]] = {
    "a_td.h5": write_hdf5,
    "a_td.dat": write_dat,
    "a_evt2.raw": lambda path, events: write_evt(path, events, "evt2"),
    "a_evt3.raw": lambda path, events: write_evt(path, events, "evt3"),
}


def read_all(recording: Recording) -> Events:
    blocks = list(recording.blocks())
    return Events(*(np.concatenate(fields) for fields in zip(*blocks, strict=True)))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_back_the_events_in_blocks(
    name: str, events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_events, "BLOCK_EVENTS", 9_000)
    WRITERS[name](tmp_path / name, events)

    recording = open_recording(tmp_path / name)
    read = read_all(recording)

    assert (recording.height, recording.width) == (HEIGHT, WIDTH)
    assert [field.dtype for field in read] == [np.uint16, np.uint16, np.uint8, np.int64]
    for field, expected in zip(read, events, strict=True):
        np.testing.assert_array_equal(field, expected)
    assert max(len(block.t) for block in recording.blocks()) < 30_000


@pytest.mark.parametrize("write", [write_hdf5, write_dat])
def test_the_datasets_sensor_is_taken_where_the_file_does_not_state_it(
    write: Callable[..., None], events: Events, tmp_path: Path
) -> None:
    path = tmp_path / ("a_td.h5" if write is write_hdf5 else "a_td.dat")
    write(path, events, states_size=False)
    recording = open_recording(path, fallback_sensor_hw=(240, 304))
    assert (recording.height, recording.width) == (240, 304)
    assert len(read_all(recording).t) == len(events.t)


@pytest.mark.parametrize("name", WRITERS)
def test_an_event_outside_the_sensor_is_refused_with_the_file(name: str, events: Events, tmp_path: Path) -> None:
    events.x[30_000] = WIDTH
    WRITERS[name](tmp_path / name, events)
    with pytest.raises(DataError, match=rf"{name}: .*x={WIDTH}.*{WIDTH}.*again"):
        read_all(open_recording(tmp_path / name))


def test_a_coordinate_that_does_not_fit_in_16_bits_is_outside_the_sensor(events: Events, tmp_path: Path) -> None:
    x = events.x.astype(np.int64)
    x[5] += 2**16
    write_hdf5(tmp_path / "a_td.h5", events._replace(x=x))
    with pytest.raises(DataError, match="event 5 has x="):
        read_all(open_recording(tmp_path / "a_td.h5"))


def test_negative_polarities_count_as_falling_light(events: Events, tmp_path: Path) -> None:
    signed = events.polarity.astype(np.int16) * 2 - 1
    write_hdf5(tmp_path / "a_td.h5", events._replace(polarity=signed))
    np.testing.assert_array_equal(read_all(open_recording(tmp_path / "a_td.h5")).polarity, events.polarity)


@pytest.mark.parametrize("name", WRITERS)
def test_a_recording_without_events_is_refused(name: str, events: Events, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, events.slice(0, 0))
    with pytest.raises(DataError, match=rf"{name}: the recording holds no event; leave it out"):
        read_all(open_recording(tmp_path / name))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("content", [b"", b"not an event file, but long enough to look at" * 100])
def test_a_file_of_another_kind_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: expected .*again"):
        open_recording(tmp_path / name)


def test_a_dat_file_cut_within_an_event_is_refused(events: Events, tmp_path: Path) -> None:
    write_dat(tmp_path / "a_td.dat", events)
    whole = (tmp_path / "a_td.dat").read_bytes()
    for length in (len(whole) - 3, len(whole) // 2 + 1, 70):
        (tmp_path / "a_td.dat").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"a_td\.dat: the file ends in the middle of an event"):
            open_recording(tmp_path / "a_td.dat")


def test_fields_of_different_lengths_are_refused(events: Events, tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a_td.h5", events._replace(t=events.t[:-1]))
    with pytest.raises(DataError, match=r"must be equally long, got .*'t': 39999"):
        open_recording(tmp_path / "a_td.h5")


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a_td.h5", "w") as file:
        file["events/x"] = file["events/y"] = file["events/t"] = np.zeros(3)
    with pytest.raises(DataError, match=r"expected a dataset 'events/p'"):
        open_recording(tmp_path / "a_td.h5")


def test_unknown_formats_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.aedat4").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.aedat4: expected a recording in \.h5, \.dat or \.raw"):
        open_recording(tmp_path / "a.aedat4")
    with pytest.raises(DataError, match=r"b_td\.h5: there is no such recording"):
        open_recording(tmp_path / "b_td.h5")


def test_a_real_recording_is_read_whole(shared_dir: Path) -> None:
    recording = open_recording(shared_dir / "data" / "figure_640x480" / "val" / "figure_val_td.h5")
    read = read_all(recording)
    assert (recording.height, recording.width, len(read.t)) == (480, 640, 203_863)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_real_recording_cut_short_is_refused(shared_dir: Path, tmp_path: Path, kept: float) -> None:
    whole = (shared_dir / "data" / "figure_640x480" / "val" / "figure_val_td.h5").read_bytes()
    (tmp_path / "figure_td.h5").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DataError, match=r"figure_td\.h5: .*cut short.*again"):
        open_recording(tmp_path / "figure_td.h5")


def test_a_real_recording_with_overwritten_bytes_is_called_damaged(shared_dir: Path, tmp_path: Path) -> None:
    whole = bytearray((shared_dir / "data" / "figure_640x480" / "val" / "figure_val_td.h5").read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 150_000] = bytes(150_000)
    (tmp_path / "figure_td.h5").write_bytes(whole)
    with pytest.raises(DataError, match=r"figure_td\.h5: .*damaged.*again"):
        read_all(open_recording(tmp_path / "figure_td.h5"))
