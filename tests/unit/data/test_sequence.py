import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data.representation_store import Layout, frame_writer, representation_file
from trainable.data.sequence import Sequence, open_split
from trainable.errors import DataError

REPRESENTATION = "stacked_histogram_dt=50_nbins=10"
HEIGHT, WIDTH = 24, 32


@pytest.fixture
def frames() -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.random((6, 20, HEIGHT, WIDTH)) < 0.05).astype(np.uint8)


def write_sequence(
    folder: Path, frames: np.ndarray, *, layout: Layout = "rvt", downsample_by_factor_2: bool = True
) -> Path:
    """Frames, and labels of three boxes on frames 1 and 4, in RVT's folders and with its 1 Mpx box fields."""
    representation = folder / "event_representations_v2" / REPRESENTATION
    representation.mkdir(parents=True)
    channels, height, width = frames.shape[1:]
    name = representation_file(layout, downsample_by_factor_2=downsample_by_factor_2)
    with frame_writer(representation / name, layout, (channels, height, width)) as append:
        for frame in frames:
            append(frame)
    np.save(representation / "timestamps_us.npy", 50_000 * np.arange(1, len(frames) + 1))
    np.save(representation / "objframe_idx_2_repr_idx.npy", np.array([1, 4]))
    (folder / "labels_v2").mkdir()
    fields = [(name, "<u8" if name == "t" else kind) for name, kind in BOX_DTYPE.descr]
    labels = np.array(
        [(100_000, 4, 6, 10, 8, 2, 7, 1), (100_000, 55, 40, 30, 30, 0, 8, 1), (250_000, 0, 0, 3, 3, 1, 7, 1)],
        dtype=fields,
    )
    np.savez(folder / "labels_v2" / "labels.npz", labels=labels, objframe_idx_2_label_idx=np.array([0, 2]))
    np.save(folder / "labels_v2" / "timestamps_us.npy", np.array([100_000, 250_000]))
    return folder


def open_sequence(folder: Path) -> Sequence:
    return Sequence(folder, representation=REPRESENTATION, downsample_by_factor_2=True)


@pytest.mark.parametrize("layout", ["sparse", "rvt"])
def test_a_sequence_shows_its_frames_times_and_labelled_frames(
    layout: Layout, frames: np.ndarray, tmp_path: Path
) -> None:
    sequence = open_sequence(write_sequence(tmp_path / "day_1", frames, layout=layout))
    assert (sequence.name, sequence.num_frames, sequence.frame_shape) == ("day_1", 6, (20, HEIGHT, WIDTH))
    assert sequence.frame_times_us.tolist() == [50_000 * number for number in range(1, 7)]
    assert sequence.labelled_frames.tolist() == [1, 4]
    np.testing.assert_array_equal(sequence.read(1, 5).to_dense(), frames[1:5])


def test_labels_are_halved_to_input_pixels_and_cut_at_the_outermost_pixel(frames: np.ndarray, tmp_path: Path) -> None:
    sequence = open_sequence(write_sequence(tmp_path / "day_1", frames))
    labels = sequence.labels(1)
    assert labels.dtype == BOX_DTYPE
    assert [label[1:5] for label in labels.tolist()] == [(2, 3, 5, 4), (27.5, 20, 3.5, 3)]
    assert labels["class_id"].tolist() == [2, 0]
    assert labels["track_id"].tolist() == [7, 8]
    assert len(sequence.labels(2)) == 0


def test_labels_of_full_resolution_keep_their_size(frames: np.ndarray, tmp_path: Path) -> None:
    write_sequence(tmp_path / "day_1", frames, downsample_by_factor_2=False)
    sequence = Sequence(tmp_path / "day_1", representation=REPRESENTATION, downsample_by_factor_2=False)
    assert sequence.labels(1)[["x", "y", "w", "h"]].tolist() == [(4, 6, 10, 8)]


def test_a_frame_whose_labels_all_vanish_in_cutting_counts_as_unlabelled(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    with np.load(folder / "labels_v2" / "labels.npz") as archive:
        labels, first_label = archive["labels"], archive["objframe_idx_2_label_idx"]
    labels["x"][2] = 2 * WIDTH + 5
    np.savez(folder / "labels_v2" / "labels.npz", labels=labels, objframe_idx_2_label_idx=first_label)
    assert open_sequence(folder).labelled_frames.tolist() == [1]


def test_changing_returned_labels_leaves_the_sequences_own_alone(frames: np.ndarray, tmp_path: Path) -> None:
    sequence = open_sequence(write_sequence(tmp_path / "day_1", frames))
    sequence.labels(1)["x"] = -1
    assert sequence.labels(1)["x"].tolist() == [2, 27.5]


def _sum(sequence: Sequence) -> int:
    return int(sequence.read(0, sequence.num_frames).to_dense().sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_sequences_are_read_in_other_processes(method: str, frames: np.ndarray, tmp_path: Path) -> None:
    sequence = open_sequence(write_sequence(tmp_path / "day_1", frames, layout="sparse"))
    assert _sum(sequence) == frames.sum()
    assert len(pickle.dumps(sequence)) < 5_000
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        assert pool.submit(int, 3).result() == 3
        assert pool.submit(Sequence.read, sequence, 0, 6).result().to_dense().sum() == frames.sum()


def test_more_sequences_than_a_process_may_open_are_read(frames: np.ndarray, tmp_path: Path) -> None:
    original = write_sequence(tmp_path / "train" / "day_000", frames[:5, :2, :4, :4])
    for number in range(1, 80):
        shutil.copytree(original, tmp_path / "train" / f"day_{number:03}")
    before = len(list(Path("/proc/self/fd").iterdir()))
    sequences = open_split(tmp_path, "train", representation=REPRESENTATION, downsample_by_factor_2=True)
    assert sum(_sum(sequence) for sequence in sequences) == 80 * frames[:5, :2, :4, :4].sum()
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 75


def test_a_split_opens_in_order_of_name(frames: np.ndarray, tmp_path: Path) -> None:
    for name in ("night_2", "day_1", "night_10"):
        write_sequence(tmp_path / "val" / name, frames)
    (tmp_path / "val" / ".hidden").mkdir()
    sequences = open_split(tmp_path, "val", representation=REPRESENTATION, downsample_by_factor_2=True)
    assert [sequence.name for sequence in sequences] == ["day_1", "night_10", "night_2"]


def test_missing_and_empty_splits_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: expected a folder of a preprocessed dataset"):
        open_split(tmp_path / "nowhere", "val", representation=REPRESENTATION, downsample_by_factor_2=True)
    with pytest.raises(DataError, match=r"/val: expected a folder of a preprocessed dataset"):
        open_split(tmp_path, "val", representation=REPRESENTATION, downsample_by_factor_2=True)
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError, match=r"/val: the split is empty; make it with `python -m trainable preprocess`"):
        open_split(tmp_path, "val", representation=REPRESENTATION, downsample_by_factor_2=True)


def test_sequences_of_different_sensors_are_refused(frames: np.ndarray, tmp_path: Path) -> None:
    write_sequence(tmp_path / "val" / "a", frames)
    write_sequence(tmp_path / "val" / "b", frames[:, :, :10])
    with pytest.raises(DataError, match=r"b has \(20, 10, 32\) and a \(20, 24, 32\)"):
        open_split(tmp_path, "val", representation=REPRESENTATION, downsample_by_factor_2=True)


def test_a_missing_resolution_is_named_with_what_is_there(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    with pytest.raises(
        DataError, match=r"expected event_representations_sparse\.h5 or event_representations\.h5, got .*ds2"
    ):
        Sequence(folder, representation=REPRESENTATION, downsample_by_factor_2=False)
    with pytest.raises(DataError, match=r"nbins=5: .* got no such folder; check dataset\.ev_repr_name"):
        Sequence(folder, representation="stacked_histogram_dt=50_nbins=5", downsample_by_factor_2=True)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("labels_v2/labels.npz", r"labels\.npz: the sequence has no labels"),
        (
            f"event_representations_v2/{REPRESENTATION}/timestamps_us.npy",
            "lacks this file; preprocess the recording again",
        ),
        (f"event_representations_v2/{REPRESENTATION}/objframe_idx_2_repr_idx.npy", "lacks this file"),
    ],
)
def test_a_missing_file_is_named(file: str, message: str, frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    (folder / file).unlink()
    with pytest.raises(DataError, match=message):
        open_sequence(folder)


def test_every_file_cut_in_half_is_refused_by_name(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "labels_v2"]
    for path in [*files, folder / "labels_v2" / "labels.npz"]:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=path.name):
            open_sequence(folder)
        path.write_bytes(whole)
    assert open_sequence(folder).num_frames == 6


@pytest.mark.parametrize("labelled", [[1, 6], [-1, 4], [4, 1], [4, 4]])
def test_labelled_frames_outside_the_frames_or_out_of_order_are_refused(
    labelled: list[int], frames: np.ndarray, tmp_path: Path
) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    np.save(folder / "event_representations_v2" / REPRESENTATION / "objframe_idx_2_repr_idx.npy", np.array(labelled))
    with pytest.raises(DataError, match="expected rising frame numbers below 6"):
        open_sequence(folder)


@pytest.mark.parametrize("first_label", [[0], [0, 4], [1, 2], [0, 2, 3]])
def test_an_index_of_labels_that_does_not_fit_is_refused(
    first_label: list[int], frames: np.ndarray, tmp_path: Path
) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    path = folder / "labels_v2" / "labels.npz"
    with np.load(path) as archive:
        labels = archive["labels"]
    np.savez(path, labels=labels, objframe_idx_2_label_idx=np.array(first_label))
    with pytest.raises(DataError, match="does not cut 3 labels into 2 labelled frames"):
        open_sequence(folder)


def test_a_sequence_with_an_empty_label_list_is_refused(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    none = np.array([], dtype=np.int64)
    np.savez(folder / "labels_v2" / "labels.npz", labels=np.zeros(0, BOX_DTYPE), objframe_idx_2_label_idx=none)
    np.save(folder / "event_representations_v2" / REPRESENTATION / "objframe_idx_2_repr_idx.npy", none)
    with pytest.raises(DataError, match="the sequence has no labels; move its folder out of the split"):
        open_sequence(folder)


def test_a_number_of_times_that_differs_from_the_frames_is_refused(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    np.save(folder / "event_representations_v2" / REPRESENTATION / "timestamps_us.npy", np.arange(5))
    with pytest.raises(DataError, match="has 5 times for 6 frames"):
        open_sequence(folder)


def test_damage_inside_the_frames_is_reported_when_they_are_read(frames: np.ndarray, tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "day_1", frames)
    path = folder / "event_representations_v2" / REPRESENTATION / "event_representations_ds2_nearest.h5"
    with h5py.File(path, "r+") as file:
        file["data"].id.write_direct_chunk((3, 0, 0, 0), b"no blosc chunk at all")
    sequence = open_sequence(folder)
    assert len(sequence.read(0, 3)) == 3
    with pytest.raises(DataError, match=r"ds2_nearest\.h5: the file is damaged"):
        sequence.read(0, 6)
