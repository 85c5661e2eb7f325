from pathlib import Path

import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data.raw_boxes import read_boxes
from trainable.errors import DataError

GEN1_FIELDS = [
    ("ts", "<u8"),
    ("x", "<f4"),
    ("y", "<f4"),
    ("w", "<f4"),
    ("h", "<f4"),
    ("class_id", "u1"),
    ("confidence", "<f4"),
    ("track_id", "<u4"),
]


def test_prophesees_older_spelling_is_read_by_meaning_not_by_position(tmp_path: Path) -> None:
    np.save(tmp_path / "a_bbox.npy", np.array([(7, 1, 2, 3, 4, 1, 0.5, 9)], dtype=GEN1_FIELDS))

    boxes = read_boxes(tmp_path / "a_bbox.npy")

    assert boxes.dtype == BOX_DTYPE
    assert boxes[0].item() == (7, 1.0, 2.0, 3.0, 4.0, 1, 9, 0.5)


def test_track_and_confidence_may_be_missing_and_other_fields_are_left_out(tmp_path: Path) -> None:
    fields = [
        ("t", "<i8"),
        ("x", "<f4"),
        ("y", "<f4"),
        ("w", "<f4"),
        ("h", "<f4"),
        ("class_id", "<u4"),
        ("note", "<i4"),
    ]
    np.save(tmp_path / "a_bbox.npy", np.array([(7, 1, 2, 3, 4, 5, 6)], dtype=fields))
    assert read_boxes(tmp_path / "a_bbox.npy")[0].item() == (7, 1.0, 2.0, 3.0, 4.0, 5, 0, 1.0)


def test_boxes_come_in_order_of_time_and_keep_their_order_within_a_frame(tmp_path: Path) -> None:
    boxes = np.zeros(4, dtype=BOX_DTYPE)
    boxes["t"], boxes["track_id"] = [9, 3, 9, 3], [1, 2, 3, 4]
    np.save(tmp_path / "a_bbox.npy", boxes)
    assert read_boxes(tmp_path / "a_bbox.npy")["track_id"].tolist() == [2, 4, 1, 3]


def test_etrams_own_boxes_are_read(shared_dir: Path) -> None:
    boxes = read_boxes(shared_dir / "data" / "etram_val_day_014_bbox.npy")
    assert len(boxes) == 1095
    assert set(boxes["class_id"]) <= set(range(8))


def test_a_missing_box_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a_bbox\.npy: there is no such box file"):
        read_boxes(tmp_path / "a_bbox.npy")


def test_a_cut_box_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a_bbox.npy", np.zeros(100, dtype=BOX_DTYPE))
    whole = (tmp_path / "a_bbox.npy").read_bytes()
    for length in (0, 5, 60, len(whole) // 2):
        (tmp_path / "a_bbox.npy").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"a_bbox\.npy: expected a NumPy .* again"):
            read_boxes(tmp_path / "a_bbox.npy")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a_bbox.npy", np.array([{"t": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="allow_pickle=False"):
        read_boxes(tmp_path / "a_bbox.npy")


def test_boxes_without_a_needed_field_are_refused_by_its_name(tmp_path: Path) -> None:
    np.save(tmp_path / "a_bbox.npy", np.zeros(1, dtype=[("x", "<f4"), ("y", "<f4")]))
    with pytest.raises(DataError, match=r"lack the field 't or ts'; they have x, y: convert them"):
        read_boxes(tmp_path / "a_bbox.npy")


def test_a_plain_array_is_no_box_file(tmp_path: Path) -> None:
    np.save(tmp_path / "a_bbox.npy", np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"an array of float64 with shape \(3, 5\)"):
        read_boxes(tmp_path / "a_bbox.npy")
