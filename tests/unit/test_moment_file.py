import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainable.boxes import BOX_DTYPE
from trainable.config.run_schema import ValidationLogging
from trainable.errors import DataError
from trainable.moment_file import MAX_MOMENTS, MomentFile, RecordedMoment, load_moments, save_moments

NAMES = ("pedestrian", "car")
Columns = dict[str, np.ndarray]


def boxes(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    table = np.zeros(count, BOX_DTYPE)
    for name in ("x", "y", "w", "h", "class_confidence"):
        table[name] = rng.random(count)
    table["t"], table["class_id"], table["track_id"] = 2**40 + seed, rng.integers(0, 2, count), 2**32 - 1
    return table


def moment(number: int, *, labels: int = 3, detections: int = 5) -> RecordedMoment:
    events = np.random.default_rng(number).integers(0, 256, (2, 12, 20), dtype=np.uint8)
    found = boxes(detections, 100 + number)
    return RecordedMoment(f"day_{number}", 7 * number, 350_000 * number, events, boxes(labels, number), found)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "moments.npz"
    save_moments(path, MomentFile(400, NAMES, (moment(0), moment(1, labels=0), moment(2, detections=0))))
    return path


def columns(path: Path) -> Columns:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def meta_of(columns: Columns) -> dict[str, Any]:
    return dict(json.loads(columns["meta"].tobytes()))


def as_column(meta: object) -> np.ndarray:
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


@contextmanager
def refused_cheaply() -> Iterator[None]:
    """What is inside ends in a DataError and takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="expected recorded moments"):
            yield
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_moments_come_back_as_they_were(path: Path) -> None:
    file = load_moments(path)
    assert (file.step, file.class_names, len(file.moments)) == (400, NAMES, 3)
    for read, made in zip(file.moments, (moment(0), moment(1, labels=0), moment(2, detections=0)), strict=True):
        assert (read.sequence, read.frame, read.time_us) == (made.sequence, made.frame, made.time_us)
        for one, other in ((read.events, made.events), (read.labels, made.labels), (read.detections, made.detections)):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_a_file_without_moments_is_read(tmp_path: Path) -> None:
    save_moments(tmp_path / "none.npz", MomentFile(0, NAMES, ()))
    assert load_moments(tmp_path / "none.npz").moments == ()


def test_the_same_moments_are_the_same_file_which_needs_no_pickles(path: Path, tmp_path: Path) -> None:
    save_moments(tmp_path / "again.npz", load_moments(path))
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()
    assert not any(column.dtype.hasobject for column in columns(path).values())


def test_as_many_moments_can_be_configured_as_a_file_takes() -> None:
    assert ValidationLogging(event_images=0, compared_moments=MAX_MOMENTS).compared_moments == MAX_MOMENTS
    with pytest.raises(ValueError, match="compared_moments"):
        ValidationLogging(event_images=0, compared_moments=MAX_MOMENTS + 1)


def test_more_than_can_be_read_is_not_written(tmp_path: Path) -> None:
    large = RecordedMoment("day", 0, 0, np.zeros((2, 4096, 4096), np.uint8), boxes(0, 0), boxes(0, 0))
    with pytest.raises(DataError, match=r"lower logging\.validation\.compared_moments"):
        save_moments(tmp_path / "large.npz", MomentFile(0, NAMES, (large,) * 8))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent"):
        save_moments(tmp_path / "absent" / "moments.npz", MomentFile(0, NAMES, ()))
    with pytest.raises(DataError, match="no such file"):
        load_moments(tmp_path / "absent.npz")


CHANGES: dict[str, Callable[[Columns], object]] = {
    "a class without name": lambda c: c.update(label_class_id=np.full(6, 2, np.uint32)),
    "an undefined coordinate": lambda c: c.update(detection_x=np.full(10, np.nan, np.float32)),
    "an infinite score": lambda c: c.update(detection_class_confidence=np.full(10, np.inf, np.float32)),
    "another type": lambda c: c.update(label_x=c["label_x"].astype(np.float64)),
    "another byte order": lambda c: c.update(label_x=c["label_x"].astype(">f4")),
    "another length": lambda c: c.update(label_x=c["label_x"][:-1]),
    "another shape": lambda c: c.update(events=c["events"][:, :, :-1]),
    "another layout": lambda c: c.update(events=np.asfortranarray(c["events"])),
    "pickles": lambda c: c.update(events=np.array([{}, 1], object)),
    "a column too few": lambda c: c.pop("label_t"),
    "a column too many": lambda c: c.update(more=np.zeros(3)),
    "no JSON": lambda c: c.update(meta=np.frombuffer(b"not JSON", np.uint8)),
    "deep JSON": lambda c: c.update(meta=np.frombuffer(b"[" * 100_000, np.uint8)),
    "another JSON": lambda c: c.update(meta=as_column([1, 2])),
    "another version": lambda c: c.update(meta=as_column(meta_of(c) | {"version": 2})),
    "a negative step": lambda c: c.update(meta=as_column(meta_of(c) | {"step": -1})),
    "a huge step": lambda c: c.update(meta=as_column(meta_of(c) | {"step": 10**30})),
    "names that are no text": lambda c: c.update(meta=as_column(meta_of(c) | {"class_names": [1, 2]})),
    "huge frames": lambda c: c.update(meta=as_column(meta_of(c) | {"height": 65535, "width": 65535})),
    "many moments": lambda c: c.update(meta=as_column(meta_of(c) | {"moments": meta_of(c)["moments"][:1] * 200})),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_does_not_fit_is_refused(path: Path, change: str) -> None:
    content = columns(path)
    CHANGES[change](content)
    np.savez_compressed(path, allow_pickle=True, **content)
    with refused_cheaply():
        load_moments(path)


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name.removesuffix(".npy"): file.read(name) for name in file.namelist()}


def test_a_member_that_unpacks_to_a_gigabyte_is_not_unpacked(path: Path) -> None:
    content = members(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in content:
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                for _ in range(300 if name == "events" else 0):
                    member.write(bytes(2**20))
    with refused_cheaply():
        load_moments(path)


def test_a_header_that_promises_a_terabyte_is_not_believed(path: Path) -> None:
    content = members(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (2**20, 2, 2**10, 2**10)}
    )
    archive(path, content | {"events": header.getvalue()})
    with refused_cheaply():
        load_moments(path)


@pytest.mark.parametrize("header", [b"{", b"(" * 150, b"__import__('os').abort()", b"\xff" * 100])
def test_a_header_is_compared_and_never_evaluated(path: Path, header: bytes) -> None:
    content = members(path)
    forged = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    archive(path, content | {"events": forged})
    with refused_cheaply():
        load_moments(path)


def test_a_description_of_megabytes_is_not_read(path: Path) -> None:
    archive(path, members(path) | {"meta": bytes(5 * 2**20)})
    with refused_cheaply():
        load_moments(path)


def test_an_archive_of_a_million_members_is_not_listed(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for number in range(2000):
            file.writestr(f"{number}", b"")
    with refused_cheaply():
        load_moments(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compressions_are_refused(path: Path, compression: int) -> None:
    archive(path, members(path), compression)
    with refused_cheaply():
        load_moments(path)


def test_an_encrypted_member_is_refused(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    with refused_cheaply():
        load_moments(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", b"PK\5\6" + bytes(18), bytes(1000)])
def test_what_is_no_archive_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with refused_cheaply():
        load_moments(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with refused_cheaply():
        load_moments(tmp_path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_read_but_never_breaks_the_reader(
    path: Path, place: int, byte: int, cut: bool
) -> None:
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] = byte
    damaged = path.with_name("damaged.npz")
    damaged.write_bytes(content[:place] if cut else content)
    with suppress(DataError):
        assert len(load_moments(damaged).moments) == 3
