"""Statistics of folders on disk: raw recordings, preprocessed sequences, and boxes alone."""

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
from faery.extension import dat

from trainable.boxes import BOX_DTYPE
from trainable.data.label_filters import LABEL_RULES
from trainable.data.preprocess import preprocess
from trainable.data.simulation import SimulationSummary, simulate
from trainable.data.simulation.shapes import CLASSES
from trainable.data.statistics import DatasetStatistics
from trainable.data.statistics_collection import dataset_statistics
from trainable.errors import DataError
from trainable.object_sizes import COCO_AREA_BINS, GEN4_BOX_FILTER, AreaBin, BoxFilter

NAMES = [kind.name for kind in CLASSES]


def write_boxes(folder: Path, name: str, rows: list[tuple[float, ...]]) -> None:
    """Boxes given as t_us, w, h, class_id."""
    folder.mkdir(parents=True, exist_ok=True)
    boxes = np.zeros(len(rows), BOX_DTYPE)
    for box, (t_us, width, height, class_id) in zip(boxes, rows, strict=True):
        box["t"], box["w"], box["h"], box["class_id"] = t_us, width, height, class_id
    np.save(folder / f"{name}_bbox.npy", boxes)


def measure(
    root: Path, *, sensor_area_bins: tuple[AreaBin, ...] = COCO_AREA_BINS, box_filter: BoxFilter = GEN4_BOX_FILTER
) -> DatasetStatistics:
    return dataset_statistics(
        root, class_names=NAMES, area_bins=COCO_AREA_BINS, sensor_area_bins=sensor_area_bins, box_filter=box_filter
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationSummary]:
    out = tmp_path_factory.mktemp("statistics") / "raw"
    return out, simulate(out, seed=3, train=2, val=1, test=0, duration_s=1.0, height=96, width=160)


def test_the_filter_keeps_what_is_long_wide_and_late_enough(tmp_path: Path) -> None:
    rows_and_kept = [
        ((500_000, 100, 100, 0), False),
        ((500_001, 100, 100, 0), True),
        ((600_000, 36, 48, 0), True),  # the diagonal is 60 exactly
        ((600_001, 35.9, 48, 0), False),
        ((600_002, 20, 60, 0), True),
        ((600_003, 19.9, 200, 0), False),
    ]
    write_boxes(tmp_path / "train", "a", [row for row, _ in rows_and_kept])
    split = measure(tmp_path).splits["train"]
    assert split.passes_filter.tolist() == [kept for _, kept in rows_and_kept]


def test_another_filter_can_be_given(tmp_path: Path) -> None:
    write_boxes(tmp_path / "train", "a", [(1, 12, 40, 0)])
    gen1 = BoxFilter(min_diagonal_px=30, min_side_px=10, skip_first_us=0)
    assert not measure(tmp_path).splits["train"].passes_filter[0]
    assert measure(tmp_path, box_filter=gen1).splits["train"].passes_filter[0]


def test_boxes_of_unlisted_classes_or_without_area_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [(1, 10, 10, 0), (1, 10, 10, 8), (1, 0, 10, 1), (1, math.nan, 10, 1), (1, -5, -5, 1)]
    write_boxes(tmp_path / "val", "a", rows)
    split = measure(tmp_path).splits["val"]
    assert (len(split.class_id), split.left_out) == (1, 4)


def test_label_rate_ignores_gaps_and_steps_between_recordings(tmp_path: Path) -> None:
    times_us = [33_333 * k for k in range(1, 30)] + [9_000_000 + 33_333 * k for k in range(10)]
    for name in ("a", "b"):
        write_boxes(tmp_path / "train", name, [(t, 10, 10, k % 2) for k, t in enumerate(times_us)])
    split = measure(tmp_path).splits["train"]
    assert split.label_hz == pytest.approx(30, abs=0.01)
    assert split.labelled_frames == 2 * len(times_us)


def test_event_counts_and_rates_of_raw_recordings_come_from_their_files(
    simulated: tuple[Path, SimulationSummary],
) -> None:
    root, summary = simulated
    found = measure(root)
    assert found.kind == "raw"
    assert list(found.splits) == ["train", "val"]
    assert sum(split.events or 0 for split in found.splits.values()) == summary.events
    with h5py.File(next((root / "val").glob("*.h5"))) as file:
        t_us = file["events/t"][:]
    assert found.splits["val"].events_per_s[0] == pytest.approx(len(t_us) / (t_us[-1] * 1e-6))
    assert found.splits["train"].duration_s == pytest.approx(2.0, abs=0.01)
    totals = sum(found.class_counts(split, filtered=False) for split in found.splits)
    assert dict(zip(NAMES, totals, strict=True)) == summary.boxes_by_class


def test_lengths_and_rates_are_undefined_where_one_recording_has_unknown_events(tmp_path: Path) -> None:
    records = np.zeros(1000, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("payload", "u1")])
    records["t"] = np.linspace(0, 250_000, 1000)
    write_boxes(tmp_path / "train", "a", [(1, 10, 10, 0)])
    with dat.Encoder(tmp_path / "train" / "a_td.dat", "dat2", "cd", False, (64, 48)) as encoder:
        encoder.write(records)
    known = measure(tmp_path).splits["train"]
    assert (known.events, known.duration_s) == (1000, 0.25)
    assert known.events_per_s.tolist() == [4000]
    write_boxes(tmp_path / "train", "b", [(1, 10, 10, 0)])
    (tmp_path / "train" / "b_td.raw").write_bytes(b"% evt 3.0\n")
    partly = measure(tmp_path).splits["train"]
    assert partly.events is None
    assert math.isnan(partly.duration_s)
    np.testing.assert_array_equal(partly.events_per_s, [4000, math.nan])


def test_a_preprocessed_dataset_gives_the_labels_that_training_sees(
    simulated: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    raw_root, _ = simulated
    report = preprocess(raw_root, tmp_path / "out", dataset="demo", downsample_by_factor_2=True)
    found = measure(tmp_path / "out")
    raw = measure(raw_root)
    assert found.kind == "preprocessed"
    assert sum(len(split.class_id) for split in found.splits.values()) == pytest.approx(report.labels, abs=3)
    assert found.splits["train"].label_hz == pytest.approx(10, rel=0.01)
    assert found.splits["train"].events is None
    assert np.all(np.isnan(found.splits["train"].events_per_s))
    assert 0 < found.splits["train"].occupied_share.mean() < 0.5
    # Preprocessing drops the smallest boxes and two frames of three, which the largest hardly notice.
    assert found.areas("train", "input").max() == pytest.approx(raw.areas("train", "input").max(), rel=0.1)


def test_raw_and_preprocessed_recordings_have_the_same_joined_classes(
    simulated: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    raw_root, summary = simulated
    preprocess(raw_root, tmp_path / "out", dataset="demo", downsample_by_factor_2=True)
    raw, preprocessed = (
        dataset_statistics(
            root,
            class_names=["pedestrian", "two wheeler", "vehicle"],
            area_bins=COCO_AREA_BINS,
            sensor_area_bins=COCO_AREA_BINS,
            box_filter=GEN4_BOX_FILTER,
            class_groups=LABEL_RULES["demo"].class_groups,
        )
        for root in (raw_root, tmp_path / "out")
    )
    of_raw, of_labels = (
        np.sum([found.class_counts(split, filtered=False) for split in found.splits], axis=0)
        for found in (raw, preprocessed)
    )
    by_class = summary.boxes_by_class
    assert of_raw.tolist() == [
        by_class["pedestrian"] + by_class["wheelchair"],
        by_class["bicycle"] + by_class["motorbike"],
        by_class["car"] + by_class["bus"] + by_class["truck"] + by_class["tram"],
    ]
    assert all(split.left_out == 0 for split in raw.splits.values())
    # Preprocessing drops small boxes, which are not spread evenly over the classes.
    np.testing.assert_allclose(of_labels / of_labels.sum(), of_raw / of_raw.sum(), atol=0.1)


def test_raw_classes_of_no_group_are_left_out(tmp_path: Path) -> None:
    write_boxes(tmp_path / "train", "a", [(1, 10, 10, raw_class) for raw_class in (0, 1, 2, 3, 9)])
    split = dataset_statistics(
        tmp_path,
        class_names=["one", "two"],
        area_bins=COCO_AREA_BINS,
        sensor_area_bins=COCO_AREA_BINS,
        box_filter=GEN4_BOX_FILTER,
        class_groups=(1, 0, 1),
    ).splits["train"]
    assert (split.class_id.tolist(), split.left_out) == ([1, 0, 1], 2)


def test_boxes_without_events_have_undefined_rates(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    boxes_path = shared_dir / "data" / "etram_val_day_014_bbox.npy"
    (tmp_path / "val" / boxes_path.name).write_bytes(boxes_path.read_bytes())
    found = measure(tmp_path)
    split = found.splits["val"]
    np.testing.assert_array_equal(found.class_counts("val", filtered=False)[:3], [70, 1025, 0])
    boxes = np.load(boxes_path)
    area = boxes["w"].astype(np.float64) * boxes["h"]
    sensor_sizes = found.counts("val", space="sensor", filtered=False).sum(axis=0)
    np.testing.assert_array_equal(
        sensor_sizes, [(area <= 1024).sum(), ((area >= 1024) & (area <= 9216)).sum(), (area >= 9216).sum()]
    )
    assert split.events is None
    assert math.isnan(split.duration_s)
    assert split.label_hz == pytest.approx(30, abs=0.01)
    assert split.labelled_frames == 739


def test_bins_of_input_and_sensor_areas_are_chosen_apart(tmp_path: Path) -> None:
    write_boxes(tmp_path / "train", "a", [(1, 30, 30, 0)])
    sensor_bins = (AreaBin("tiny", 0, 400), AreaBin("rest", 400, 1e10))
    found = measure(tmp_path, sensor_area_bins=sensor_bins)
    np.testing.assert_array_equal(found.counts("train", space="sensor", filtered=False)[0], [0, 1])
    np.testing.assert_array_equal(found.counts("train", space="input", filtered=False)[0], [1, 0, 0])


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="found neither; check the path"):
        measure(tmp_path)
