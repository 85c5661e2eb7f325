"""Match records on disk, and metrics from them."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from trainable.errors import DataError
from trainable.evaluation import (
    GEN4_BOX_FILTER,
    EvaluationProtocol,
    FrameBoxes,
    MatchRecords,
    collect_match_records,
    load_match_records,
    metrics_from_records,
    save_match_records,
)

PROTOCOL = EvaluationProtocol(
    ("car", "bus", "tram"), small_object_classes=("bus",), box_filter=GEN4_BOX_FILTER, downsample_by_factor_2=True
)


def random_records(seed: int = 0, *, frames: int = 30, truths_in_frame: int = 8) -> MatchRecords:
    rng = np.random.default_rng(seed)
    n = frames * truths_in_frame
    truths = FrameBoxes(rng.integers(0, frames, n), rng.uniform(5, 60, (n, 4)), rng.integers(0, 3, n))
    twice = np.tile(np.arange(n), 2)
    noise = rng.normal(0, 3, (2 * n, 4)).clip(-4, 4)
    detections = FrameBoxes(
        truths.frame[twice], truths.xywh[twice] + noise, truths.class_id[twice], rng.random(2 * n).round(2)
    )
    return collect_match_records(
        truths,
        detections,
        PROTOCOL,
        frame_times_us=np.arange(frames) * 100_000,
        frame_sequences=np.arange(frames) * 3 // frames,
        sequence_names=["day_001", "day_002", "night_001"],
    )


def saved_columns(path: Path) -> dict[str, np.ndarray]:
    save_match_records(path, random_records())
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_metrics_from_a_saved_file_are_the_same_to_the_bit(tmp_path: Path) -> None:
    records = random_records()
    save_match_records(tmp_path / "records.npz", records)
    loaded = load_match_records(tmp_path / "records.npz")
    assert loaded.protocol == records.protocol
    assert loaded.sequence_names == ("day_001", "day_002", "night_001")
    flat = metrics_from_records(loaded).flat()
    np.testing.assert_equal(flat, metrics_from_records(records).flat())
    assert 0 < flat["AP"] < 1


def test_a_resample_of_recordings_needs_the_file_only(tmp_path: Path) -> None:
    records = random_records()
    save_match_records(tmp_path / "records.npz", records)
    loaded = load_match_records(tmp_path / "records.npz")
    drawn = np.random.default_rng(1).multinomial(3, [1 / 3] * 3, size=5)
    resampled = [metrics_from_records(loaded, multiplicities) for multiplicities in drawn]
    assert len({metrics.AP for metrics in resampled}) > 1
    once = metrics_from_records(loaded, np.ones(3, np.int64))
    np.testing.assert_equal(once.flat(), metrics_from_records(records).flat())


def test_leaving_out_a_recording_equals_evaluating_without_it() -> None:
    records = random_records()
    kept = metrics_from_records(records, np.array([1, 0, 0])).flat()
    assert kept["count/frames"] == 10
    assert kept["count/truths"] < metrics_from_records(records).flat()["count/truths"]


@pytest.mark.parametrize("multiplicities", [[1, 1], [1, 1, -1], [0.5, 1, 1], [[1, 1, 1]]])
def test_multiplicities_must_be_one_count_a_recording(multiplicities: list[float]) -> None:
    with pytest.raises(DataError, match=r"`multiplicities` must be 3 integers ≥ 0"):
        metrics_from_records(random_records(), np.array(multiplicities))


def test_records_without_boxes_can_be_saved(tmp_path: Path) -> None:
    nothing = FrameBoxes(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0))
    save_match_records(tmp_path / "records.npz", collect_match_records(nothing, nothing, PROTOCOL))
    assert np.isnan(metrics_from_records(load_match_records(tmp_path / "records.npz")).AP)


def test_file_holds_no_pickle_and_is_small(tmp_path: Path) -> None:
    path = tmp_path / "records.npz"
    records = random_records(frames=500)
    save_match_records(path, records)
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "uU" for name in file.files)
        assert json.loads(str(file["meta"]))["protocol"]["class_names"] == ["car", "bus", "tram"]
    assert path.stat().st_size < 6 * (len(records.detections) + len(records.truths))


def test_writing_replaces_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records.npz"
    path.write_text("old")
    save_match_records(path, random_records())
    load_match_records(path)
    assert os.listdir(tmp_path) == ["records.npz"]


def test_reader_never_sees_a_partial_file(tmp_path: Path) -> None:
    path, records = tmp_path / "records.npz", random_records()
    save_match_records(path, records)
    writer = threading.Thread(target=lambda: [save_match_records(path, records) for _ in range(10)])
    writer.start()
    while writer.is_alive():
        load_match_records(path)
    writer.join()


def test_unwritable_place_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent/records\.npz: match records cannot be written"):
        save_match_records(tmp_path / "absent" / "records.npz", random_records())


def test_absent_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"records\.npz: expected match records, found no such file"):
        load_match_records(tmp_path / "records.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 almost one"])
def test_file_of_another_kind_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "records.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"records\.npz: expected match records"):
        load_match_records(path)


def test_damaged_file_is_a_clear_error_wherever_it_is_cut_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "records.npz"
    save_match_records(path, random_records())
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    expected = metrics_from_records(load_match_records(path)).flat()
    for position in rng.integers(0, len(whole), 40):
        path.write_bytes(whole[:position])
        with pytest.raises(DataError, match="expected match records"):
            load_match_records(path)
        changed = bytearray(whole)
        changed[position] ^= 0xFF
        path.write_bytes(changed)
        try:
            loaded = load_match_records(path)
        except DataError:
            continue
        np.testing.assert_equal(metrics_from_records(loaded).flat(), expected)


@pytest.mark.parametrize(
    ("column", "first"),
    [
        ("detection_frame", 10**6),
        ("detection_class", 3),
        ("truth_frame", 29),
        ("truth_class", 200),
        ("frame_sequence", 3),
        ("pair_truth_in_frame", 10**4),
        ("pair_level", 0),
        ("pair_level", 11),
        ("pairs_of_detection", 200),
    ],
)
def test_column_that_contradicts_another_is_refused(tmp_path: Path, column: str, first: int) -> None:
    path = tmp_path / "records.npz"
    columns = saved_columns(path)
    columns[column] = np.concatenate([[first], columns[column][1:].astype(np.int64)])
    np.savez_compressed(path, **columns)
    with pytest.raises(DataError, match="validate again"):
        load_match_records(path)


@pytest.mark.parametrize(
    "column",
    ["truth_in_bin", "detection_in_bin", "truth_passes_filter", "detection_class", "pairs_of_detection", "pair_level"],
)
def test_column_of_another_length_is_refused(tmp_path: Path, column: str) -> None:
    path = tmp_path / "records.npz"
    columns = saved_columns(path)
    columns[column] = columns[column][:-1]
    np.savez_compressed(path, **columns)
    with pytest.raises(DataError, match=f"its column '{column}' contradicts the others"):
        load_match_records(path)


def test_missing_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.npz"
    columns = saved_columns(path)
    del columns["pair_level"]
    np.savez_compressed(path, **columns)
    with pytest.raises(DataError, match="pair_level"):
        load_match_records(path)


def test_other_version_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "records.npz"
    columns = saved_columns(path)
    columns["meta"] = np.array(json.dumps(json.loads(str(columns["meta"])) | {"version": 99}))
    np.savez_compressed(path, **columns)
    with pytest.raises(DataError, match="must have format version 1, got 99"):
        load_match_records(path)
