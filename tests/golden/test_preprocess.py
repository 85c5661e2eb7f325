from pathlib import Path

import h5py
import numpy as np
import pytest

from trainable.data.label_filters import Dataset
from trainable.data.preprocess import preprocess
from trainable.data.preprocess_recording import REPRESENTATION
from trainable.data.representation_store import Layout
from trainable.data.sequence import Sequence

Golden = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def golden(shared_dir: Path) -> Golden:
    with np.load(shared_dir / "golden" / "preprocess.npz", allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture
def raw_root(golden: Golden, tmp_path: Path) -> Path:
    """The golden recording as raw files, in both splits, without the sensor's size as the 1 Mpx files are."""
    root = tmp_path / "raw"
    for split in ("train", "val"):
        (root / split).mkdir(parents=True)
        with h5py.File(root / split / "night_td.h5", "w") as file:
            for name in "xypt":
                file[f"events/{name}"] = golden[name]
        np.save(root / split / "night_bbox.npy", golden["boxes"])
    return root


@pytest.mark.parametrize("layout", ["sparse", "rvt"])
@pytest.mark.parametrize(("dataset", "split"), [("etram", "train"), ("etram", "val"), ("gen4", "train")])
def test_preprocessing_equals_rvts_numbers_exactly(
    golden: Golden, raw_root: Path, tmp_path: Path, dataset: Dataset, split: str, layout: Layout
) -> None:
    preprocess(raw_root, tmp_path / "out", dataset=dataset, layout=layout)

    expected = {name.removeprefix(f"{dataset}_{split}_"): array for name, array in golden.items()}
    folder = tmp_path / "out" / split / "night"
    frames_folder = folder / "event_representations_v2" / "stacked_histogram_dt=50_nbins=10"
    with np.load(folder / "labels_v2" / "labels.npz", allow_pickle=False) as labels:
        for field in expected["labels"].dtype.names:
            np.testing.assert_array_equal(labels["labels"][field], expected["labels"][field], err_msg=field)
        np.testing.assert_array_equal(labels["objframe_idx_2_label_idx"], expected["objframe_idx_2_label_idx"])
    np.testing.assert_array_equal(np.load(folder / "labels_v2" / "timestamps_us.npy"), expected["label_timestamps_us"])
    np.testing.assert_array_equal(np.load(frames_folder / "timestamps_us.npy"), expected["timestamps_us"])
    np.testing.assert_array_equal(
        np.load(frames_folder / "objframe_idx_2_repr_idx.npy"), expected["objframe_idx_2_repr_idx"]
    )
    dense = np.zeros(expected["data_shape"], dtype=np.uint8)
    dense.reshape(-1)[expected["data_nonzero"]] = expected["data_values"]
    sequence = Sequence(folder, representation=REPRESENTATION, downsample_by_factor_2=True)
    np.testing.assert_array_equal(sequence.read(0, sequence.num_frames).to_dense(), dense)


def test_rvt_layout_holds_what_rvts_loader_opens(golden: Golden, raw_root: Path, tmp_path: Path) -> None:
    preprocess(raw_root, tmp_path / "out", dataset="gen4", layout="rvt")

    folder = tmp_path / "out/train/night/event_representations_v2/stacked_histogram_dt=50_nbins=10"
    with h5py.File(folder / "event_representations_ds2_nearest.h5") as file:
        data = file["data"]
        assert data.dtype == np.uint8
        assert data.shape == tuple(golden["gen4_train_data_shape"])
        assert data.chunks == (1, *data.shape[1:])
        np.testing.assert_array_equal(np.flatnonzero(data[:]), golden["gen4_train_data_nonzero"])


def test_the_unsorted_times_of_the_golden_recording_are_repaired_and_counted(
    golden: Golden, raw_root: Path, tmp_path: Path
) -> None:
    summary = preprocess(raw_root, tmp_path / "out", dataset="etram")
    late = int(np.count_nonzero(golden["t"] < np.maximum.accumulate(golden["t"])))
    assert late > 0
    assert [report.repaired_times for report in summary.written] == [late, late]
