import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.errors import DataError
from trainable.training_boxes import BINS_PER_OCTAVE, TrainingBoxes, load_training_boxes, save_training_boxes

NAMES = ("pedestrian", "car", "tram")


def counted(areas_px2: list[float], classes: list[int] | None = None) -> TrainingBoxes:
    class_id = np.array(classes if classes is not None else [0] * len(areas_px2), np.uint32)
    return TrainingBoxes.of(class_id, np.array(areas_px2, np.float64), class_names=NAMES, sensor_px2_per_input_px2=4.0)


def test_boxes_are_counted_by_class_and_area() -> None:
    boxes = counted([64.0, 64.5, 100.0, 256.0, 255.9], [0, 0, 1, 1, 2])
    assert boxes.edges_px2[[0, -2]].tolist() == pytest.approx([64, 256], rel=0)
    assert boxes.counts.shape == (3, 2 * BINS_PER_OCTAVE + 1)
    assert boxes.counts.sum(axis=1).tolist() == [2, 2, 1]
    assert boxes.counts[0, 0] == 2  # a bin holds its lower edge
    assert (boxes.counts[1, -1], boxes.counts[2, -2]) == (1, 1)  # and not its upper one


@given(st.lists(st.floats(1e-6, 1e7), min_size=1, max_size=50))
def test_every_box_is_counted_between_its_edges(areas_px2: list[float]) -> None:
    boxes = counted(areas_px2)
    assert boxes.counts.sum() == len(areas_px2)
    assert boxes.edges_px2[0] <= min(areas_px2) * (1 + 1e-12)
    assert boxes.edges_px2[-1] >= max(areas_px2) * (1 - 1e-12)
    expected, _ = np.histogram(areas_px2, boxes.edges_px2)
    assert np.abs(boxes.counts[0] - expected).sum() <= 2 * sum(np.isin(areas_px2, boxes.edges_px2))


def test_bins_of_two_datasets_coincide() -> None:
    one, other = counted([3.0, 5000.0]).edges_px2, counted([7.0, 90.0]).edges_px2
    assert set(other.tolist()) <= set(one.tolist())


def test_no_box_at_all_is_counted_as_none() -> None:
    boxes = counted([])
    assert boxes.counts.sum() == 0
    assert len(boxes.edges_px2) == boxes.counts.shape[1] + 1


def test_counts_come_back_as_they_were(tmp_path: Path) -> None:
    made = counted(np.exp(np.random.default_rng(0).normal(6, 2, 500)).tolist(), [0, 1, 0, 0, 1] * 100)
    save_training_boxes(tmp_path / "training_boxes.json", made)
    read = load_training_boxes(tmp_path / "training_boxes.json")
    assert (read.class_names, read.sensor_px2_per_input_px2) == (NAMES, 4.0)
    np.testing.assert_array_equal(read.edges_px2, made.edges_px2)
    np.testing.assert_array_equal(read.counts, made.counts)
    assert (read.edges_px2.dtype.str, read.counts.dtype.str) == ("<f8", "<i8")


def test_a_file_that_is_absent_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load_training_boxes(tmp_path / "absent.json")
    with pytest.raises(DataError, match="cannot be written"):
        save_training_boxes(tmp_path / "absent" / "training_boxes.json", counted([4.0]))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"class_names": ["pedestrian"]},
        {"class_names": [1, 2, 3]},
        {"edges_px2": [4.0, 4.0]},
        {"edges_px2": [4.0, "5"]},
        {"edges_px2": [-4.0, 5.0]},
        {"edges_px2": [4.0, float("nan")]},
        {"edges_px2": [4.0, float("inf")]},
        {"counts": [[1], [0]]},
        {"counts": [[1], [0], [0, 0]]},
        {"counts": [[1], [0], [-1]]},
        {"counts": [[1], [0], [10**30]]},
        {"counts": [[1], [0], [True]]},
        {"counts": 3},
        {"sensor_px2_per_input_px2": 0},
        {"more": 1},
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "training_boxes.json"
    save_training_boxes(path, counted([4.0]))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match="expected the training boxes' areas") as raised:
        load_training_boxes(path)
    assert next(iter(change)) in str(raised.value) or "counts" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b" " * (17 * 2**20)])
def test_what_is_no_such_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match="expected the training boxes' areas"):
        load_training_boxes(tmp_path / "a.json")
