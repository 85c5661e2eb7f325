import errno
import gc
import os
import resource
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainable.data.failsafe_file import FailsafeFile
from trainable.data.representation_store import Layout, frame_writer

WRITES = st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(writes=WRITES, room=st.integers(0, 80))
def test_bytes_read_back_alike_whether_or_not_the_disk_had_room(
    writes: list[tuple[int, bytes]], room: int, tmp_path: Path
) -> None:
    expected = bytearray()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = FailsafeFile(tmp_path / "a")
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        for position, data in writes:
            file.seek(position)
            file.write(data)
            expected.extend(bytes(max(0, position + len(data) - len(expected))))
            expected[position : position + len(data)] = data
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert file.seek(0, os.SEEK_END) == len(expected)
    file.seek(0)
    assert file.read(100) == bytes(expected)
    if len(expected) > room:
        with pytest.raises(OSError, match="File too large") as caught:
            file.raise_failure()
        assert caught.value.errno == errno.EFBIG
    else:
        file.raise_failure()
    file.close()


def test_truncating_sets_the_size_on_the_disk(tmp_path: Path) -> None:
    with FailsafeFile(tmp_path / "a") as file:
        file.write(b"abcdef")
        file.truncate(4)
        assert file.seek(0, os.SEEK_END) == 4
    assert (tmp_path / "a").read_bytes() == b"abcd"


def write_until_the_disk_is_full(path: Path, layout: Layout, room: int) -> None:
    frames = np.random.default_rng(0).integers(0, 9, (40, 2, 64, 64)).astype(np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        with frame_writer(path, layout, (2, 64, 64)) as append:
            for frame in frames:
                append(frame)
    except OSError as error:
        gc.collect()
        os._exit(error.errno or 0)


@pytest.mark.parametrize("layout", ["sparse", "rvt"])
@pytest.mark.parametrize("room", [1_000, 50_000, 100_000])
def test_hdf5_neither_crashes_nor_complains_when_the_disk_fills(
    layout: Layout, room: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    process = get_context("fork").Process(target=write_until_the_disk_is_full, args=(tmp_path / "a.h5", layout, room))
    process.start()
    process.join()
    assert process.exitcode == errno.EFBIG
    assert capfd.readouterr().err == ""
