import shutil
from pathlib import Path

import numpy as np
import pytest

from trainable.data import dataset_digest, preprocess, simulate
from trainable.errors import DataError

REPRESENTATION = "stacked_histogram_dt=50_nbins=10"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("digest")
    simulate(root / "raw", seed=1, train=2, val=1, test=0, duration_s=0.6, height=64, width=96)
    preprocess(root / "raw", root / "data", dataset="demo")
    return root / "data"


@pytest.fixture
def dataset(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def digest(root: Path) -> str:
    return dataset_digest(root, representation=REPRESENTATION, downsample_by_factor_2=True)


def file(dataset: Path, pattern: str) -> Path:
    return next(iter(sorted(dataset.glob(f"train/*/{pattern}"))))


def test_a_copy_elsewhere_has_the_same_digest(original: Path, dataset: Path) -> None:
    assert digest(dataset) == digest(original)
    assert len(digest(original)) == 64


def test_preprocessing_again_gives_the_same_digest(original: Path, tmp_path: Path) -> None:
    preprocess(original.parent / "raw", tmp_path / "again", dataset="demo")
    assert digest(tmp_path / "again") == digest(original)


def test_a_changed_label_changes_the_digest(original: Path, dataset: Path) -> None:
    path = file(dataset, "labels_v2/labels.npz")
    with np.load(path) as archive:
        labels = dict(archive)
    labels["labels"]["x"][0] += 1
    np.savez(path, **labels)
    assert digest(dataset) != digest(original)


def test_events_of_another_size_change_the_digest(original: Path, dataset: Path) -> None:
    with file(dataset, "event_representations_v2/*/*.h5").open("ab") as events:
        events.write(b"\0")
    assert digest(dataset) != digest(original)


def test_a_sequence_more_less_or_renamed_changes_the_digest(original: Path, dataset: Path) -> None:
    sequence = next((dataset / "val").iterdir())
    sequence.rename(sequence.with_name("other"))
    renamed = digest(dataset)
    shutil.rmtree(sequence.with_name("other"))
    assert len({digest(original), renamed, digest(dataset)}) == 3


def test_files_that_no_run_reads_do_not_count(original: Path, dataset: Path) -> None:
    (dataset / "notes.txt").write_text("day recordings only")
    (dataset / "train" / ".partial").mkdir()
    file(dataset, "event_representations_v2/*/*.h5").with_name("event_representations.h5").write_bytes(b"full size")
    assert digest(dataset) == digest(original)


def test_a_folder_without_sequences_and_one_without_labels_are_errors(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are none"):
        digest(tmp_path / "empty")
    path = file(dataset, "labels_v2/labels.npz")
    path.unlink()
    with pytest.raises(DataError, match=str(path)):
        digest(dataset)
