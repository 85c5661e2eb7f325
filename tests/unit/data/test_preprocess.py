import io
import json
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
from rich.console import Console

from trainable.boxes import BOX_DTYPE
from trainable.data.preprocess import preprocess
from trainable.data.preprocess_recording import REPRESENTATION, DiskFullError
from trainable.data.sequence import open_split
from trainable.data.stacked_histogram import stacked_histogram
from trainable.errors import ConfigError, DataError

HEIGHT, WIDTH = 40, 60
WriteRecording = Callable[..., None]


@pytest.fixture
def raw_root(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@pytest.fixture
def out_root(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def write_recording(raw_root: Path) -> WriteRecording:
    """Writes 0.8 s of random events and one box at 30 Hz, of which 7 become labels unless told otherwise."""

    def write(
        split: str, name: str, *, seed: int = 0, last_us: int = 800_000, box: tuple[float, ...] = (5, 6, 20, 20, 3)
    ) -> None:
        generator = np.random.default_rng(seed)
        (raw_root / split).mkdir(parents=True, exist_ok=True)
        with h5py.File(raw_root / split / f"{name}_td.h5", "w") as file:
            file["events/x"] = generator.integers(0, WIDTH, 20_000).astype(np.uint16)
            file["events/y"] = generator.integers(0, HEIGHT, 20_000).astype(np.uint16)
            file["events/p"] = generator.integers(0, 2, 20_000).astype(np.int16)
            file["events/t"] = np.sort(generator.integers(0, last_us, 20_000))
            file["events/height"], file["events/width"] = HEIGHT, WIDTH
        boxes = np.array([(33_333 * frame, *box, 1, 1.0) for frame in range(1, 24)], dtype=BOX_DTYPE)
        np.save(raw_root / split / f"{name}_bbox.npy", boxes)

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.np*")}


@pytest.mark.parametrize("downsample_by_factor_2", [True, False])
def test_every_frame_is_the_histogram_of_its_own_window(
    raw_root: Path, out_root: Path, write_recording: WriteRecording, downsample_by_factor_2: bool
) -> None:
    write_recording("val", "a")
    summary = preprocess(raw_root, out_root, dataset="etram", downsample_by_factor_2=downsample_by_factor_2)

    (sequence,) = open_split(
        out_root, "val", representation=REPRESENTATION, downsample_by_factor_2=downsample_by_factor_2
    )
    with h5py.File(raw_root / "val" / "a_td.h5") as file:
        x, y, p, t = (file[f"events/{name}"][:] for name in "xypt")
    frames = sequence.read(0, sequence.num_frames).to_dense()
    for frame, time_us in zip(frames, sequence.frame_times_us, strict=True):
        inside = (t >= time_us - 50_000) & (t <= time_us)
        expected = stacked_histogram(
            *(field[inside] for field in (x, y, p, t)),
            bins=10,
            height=HEIGHT,
            width=WIDTH,
            count_cutoff=10,
            downsample_by_factor_2=downsample_by_factor_2,
        )
        np.testing.assert_array_equal(frame, expected)
    assert (summary.frames, summary.labels) == (len(frames), len(sequence.labelled_frames)) == (14, 7)
    assert summary.repaired_times == summary.cropped_boxes == summary.already_done == 0


def test_processes_write_the_same_as_one_process(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    for number, split in enumerate(("train", "train", "val")):
        write_recording(split, f"day_{number}", seed=number)
    drawn = io.StringIO()
    alone = preprocess(raw_root, out_root / "alone", dataset="etram")
    together = preprocess(
        raw_root, out_root / "together", dataset="etram", workers=2, console=Console(file=drawn, force_terminal=True)
    )

    assert contents(out_root / "alone") == contents(out_root / "together")
    assert {report.recording.name for report in together.written} == {"day_0", "day_1", "day_2"}
    assert together.frames == alone.frames
    assert "preprocessing 3/3 recordings" in drawn.getvalue()
    assert "100%" in drawn.getvalue()


def test_an_interrupted_run_is_continued_and_its_leftovers_removed(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    preprocess(raw_root, out_root, dataset="etram")
    made = (out_root / "train" / "a").stat().st_mtime_ns
    process = os.fork()
    if not process:
        os._exit(0)
    os.waitpid(process, 0)
    leftover = out_root / ".partial" / f"train-b-{process}"
    leftover.mkdir(parents=True)
    write_recording("train", "b")

    summary = preprocess(raw_root, out_root, dataset="etram")

    assert summary.already_done == 1
    assert [report.recording.name for report in summary.written] == ["b"]
    assert (out_root / "train" / "a").stat().st_mtime_ns == made
    assert not (out_root / ".partial").exists()


def test_a_sequence_that_another_process_is_making_is_left_alone(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    others = out_root / ".partial" / f"train-z-{os.getppid()}"
    others.mkdir(parents=True)
    preprocess(raw_root, out_root, dataset="etram")
    assert others.is_dir()


def test_other_settings_in_the_same_folder_are_refused(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    preprocess(raw_root, out_root, dataset="etram")
    with pytest.raises(
        DataError, match=r"layout was 'sparse' and is now 'rvt', downsample_by_factor_2 was True and is"
    ):
        preprocess(raw_root, out_root, dataset="etram", layout="rvt", downsample_by_factor_2=False)


def test_a_folder_that_something_else_wrote_is_left_alone(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    (out_root / "train" / "someone_elses").mkdir(parents=True)
    with pytest.raises(DataError, match="holds sequences that `preprocess` did not write"):
        preprocess(raw_root, out_root, dataset="etram")
    assert [path.name for path in out_root.rglob("*")] == ["train", "someone_elses"]


def test_settings_may_change_as_long_as_nothing_was_written(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a", box=(5, 6, 20, 20, 9))
    with pytest.raises(DataError, match="unknown class"):
        preprocess(raw_root, out_root, dataset="etram")
    write_recording("train", "a", box=(5, 6, 25, 25, 1))
    preprocess(raw_root, out_root, dataset="gen1")
    assert json.loads((out_root / "preprocessing.json").read_text())["dataset"] == "gen1"


def test_recordings_that_cannot_be_used_are_all_named_and_the_others_finished(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    for name in ("bad_boxes", "cut", "good"):
        write_recording("train", name, box=(5, 6, -1, 20, 3) if name == "bad_boxes" else (5, 6, 20, 20, 3))
    cut = raw_root / "train" / "cut_td.h5"
    cut.write_bytes(cut.read_bytes()[:9_000])

    with pytest.raises(DataError) as caught:
        preprocess(raw_root, out_root, dataset="etram", workers=2)

    message = str(caught.value)
    assert "2 of 3 recordings could not be preprocessed" in message
    assert "bad_boxes_bbox.npy: 23 of 23 boxes are of negative size" in message
    assert "cut_td.h5: expected an HDF5 file, but it is cut short" in message
    assert [path.name for path in (out_root / "train").iterdir()] == ["good"]
    assert not (out_root / ".partial").exists()


def test_a_killed_process_ends_the_run_with_advice(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    boxes_path = raw_root / "train" / "a_bbox.npy"
    boxes_path.unlink()
    os.mkfifo(boxes_path)  # whoever reads the boxes waits here

    def kill_the_reader() -> None:
        with boxes_path.open("wb"):  # waits for the reader
            readers = [
                child
                for child in psutil.Process().children(recursive=True)
                if str(boxes_path) in (os.readlink(link) for link in Path(f"/proc/{child.pid}/fd").iterdir())
            ]
            for reader in readers:
                reader.kill()

    killer = threading.Thread(target=kill_the_reader)
    killer.start()
    with pytest.raises(DataError, match=r"a process was killed .* with fewer --workers than 2"):
        preprocess(raw_root, out_root, dataset="etram", workers=2)
    killer.join()


def test_labels_after_the_last_event_are_an_error_and_nothing_is_left(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a", last_us=400_000)
    with pytest.raises(
        DataError, match=r"a_bbox\.npy: boxes go on to 733326 us, but the last event in a_td\.h5 is at 399"
    ):
        preprocess(raw_root, out_root, dataset="etram")
    assert [path.name for path in out_root.iterdir()] == ["preprocessing.json"]


def test_a_recording_whose_boxes_are_all_filtered_away_is_left_out_and_counted(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    write_recording("train", "tiny", box=(5, 6, 4, 4, 3))
    summary = preprocess(raw_root, out_root, dataset="etram")
    assert [report.recording.name for report in summary.without_labels] == ["tiny"]
    assert summary.dropped_boxes == {"too small": 23}
    assert [path.name for path in (out_root / "train").iterdir()] == ["a"]


def test_no_label_in_any_recording_is_an_error(raw_root: Path, out_root: Path, write_recording: WriteRecording) -> None:
    write_recording("train", "tiny", box=(5, 6, 4, 4, 3))
    with pytest.raises(DataError, match=r"no recording has a label left under the rules of 'etram': .*'too small': 23"):
        preprocess(raw_root, out_root, dataset="etram")


def test_an_empty_box_file_is_an_error(raw_root: Path, out_root: Path, write_recording: WriteRecording) -> None:
    write_recording("train", "a")
    np.save(raw_root / "train" / "a_bbox.npy", np.zeros(0, BOX_DTYPE))
    with pytest.raises(DataError, match=r"a_bbox\.npy: the file holds no box; leave it out"):
        preprocess(raw_root, out_root, dataset="etram")


def test_bad_boxes_are_dropped_and_counted_on_request(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    path = raw_root / "train" / "a_bbox.npy"
    boxes = np.load(path)
    boxes["w"][:2] = np.nan
    np.save(path, boxes)
    summary = preprocess(raw_root, out_root, dataset="etram", drop_bad_boxes=True)
    assert summary.dropped_boxes == {"not finite": 2}


def test_a_full_disk_ends_the_run_with_the_finished_sequences_kept(
    raw_root: Path, out_root: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    preprocess(raw_root, out_root, dataset="etram")
    write_recording("train", "b", seed=1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(DiskFullError, match=r"no room to write b .*; free some space and run the same command"):
            preprocess(raw_root, out_root, dataset="etram")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in out_root.iterdir()) == ["preprocessing.json", "train"]
    assert [path.name for path in (out_root / "train").iterdir()] == ["a"]
    assert preprocess(raw_root, out_root, dataset="etram").already_done == 1


def test_an_output_that_cannot_be_written_is_named(
    raw_root: Path, tmp_path: Path, write_recording: WriteRecording
) -> None:
    write_recording("train", "a")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/out: cannot be written .*choose another folder"):
        preprocess(raw_root, tmp_path / "file" / "out", dataset="etram")


def test_the_number_of_workers_must_be_positive(raw_root: Path, out_root: Path) -> None:
    with pytest.raises(ConfigError, match="`workers` must be at least 1, got 0"):
        preprocess(raw_root, out_root, dataset="etram", workers=0)


def test_real_recordings_are_preprocessed_at_their_own_sensor_size(shared_dir: Path, out_root: Path) -> None:
    summary = preprocess(shared_dir / "data" / "figure_640x480", out_root, dataset="etram")
    for split, labelled in (("train", 4), ("val", 7)):
        (sequence,) = open_split(out_root, split, representation=REPRESENTATION, downsample_by_factor_2=True)
        assert sequence.frame_shape == (20, 240, 320)
        assert len(sequence.labelled_frames) == labelled
        counts = np.diff(sequence.read(0, sequence.num_frames).offsets)
        assert np.all(counts > 0)
    assert summary.labels == 11
