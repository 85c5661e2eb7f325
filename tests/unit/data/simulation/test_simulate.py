"""Synthetic recordings on disk."""

import hashlib
import resource
from pathlib import Path

import h5py
import numpy as np
import pytest

from trainable.boxes import BOX_DTYPE
from trainable.data.raw_boxes import read_boxes
from trainable.data.raw_events import open_recording
from trainable.data.simulation import SimulationSummary, simulate
from trainable.errors import DataError

HEIGHT, WIDTH = 96, 160


def run(out: Path, *, seed: int = 1, workers: int = 2, train: int = 3, **changes: float) -> SimulationSummary:
    settings = {"val": 1, "test": 0, "duration_s": 0.6, "height": HEIGHT, "width": WIDTH} | changes
    return simulate(out, seed=seed, train=train, workers=workers, **settings)  # type: ignore[arg-type]


def digests(out: Path) -> dict[str, str]:
    """A digest of every recording's events and boxes."""
    found = {}
    for path in sorted(out.glob("*/*_td.h5")):
        digest = hashlib.sha256()
        with h5py.File(path) as file:
            for field in "txyp":
                digest.update(file[f"events/{field}"][:].tobytes())
        digest.update(path.with_name(path.name.replace("_td.h5", "_bbox.npy")).read_bytes())
        found[f"{path.parent.name}/{path.name}"] = digest.hexdigest()
    return found


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SimulationSummary]:
    out = tmp_path_factory.mktemp("simulated") / "out"
    return out, run(out)


def test_recordings_have_etrams_raw_layout(simulated: tuple[Path, SimulationSummary]) -> None:
    out, _ = simulated
    assert sorted(str(path.relative_to(out)) for path in out.glob("*/*")) == [
        "train/train_day_000_bbox.npy",
        "train/train_day_000_td.h5",
        "train/train_day_001_bbox.npy",
        "train/train_day_001_td.h5",
        "train/train_night_002_bbox.npy",
        "train/train_night_002_td.h5",
        "val/val_day_000_bbox.npy",
        "val/val_day_000_td.h5",
    ]
    with h5py.File(out / "train/train_day_000_td.h5") as file:
        dtypes = {name: file[f"events/{name}"].dtype for name in ("t", "x", "y", "p")}
        assert dtypes == {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}
        assert (file["events/height"][()], file["events/width"][()]) == (HEIGHT, WIDTH)
        assert "32001" in file["events/t"]._filters
    assert np.load(out / "train/train_day_000_bbox.npy").dtype == BOX_DTYPE


def test_recordings_are_read_by_the_readers_of_real_ones(simulated: tuple[Path, SimulationSummary]) -> None:
    out, summary = simulated
    events = 0
    for path in out.glob("*/*_td.h5"):
        recording = open_recording(path)
        blocks = list(recording.blocks())
        t_us = np.concatenate([block.t for block in blocks])
        events += len(t_us)
        boxes = read_boxes(path.with_name(path.name.replace("_td.h5", "_bbox.npy")))
        assert np.all(np.diff(t_us) >= 0)
        assert len(boxes)
        assert boxes["t"].max() <= t_us[-1] < 600_000
    assert events == summary.events


def test_the_summary_counts_what_was_written(simulated: tuple[Path, SimulationSummary]) -> None:
    out, summary = simulated
    boxes = np.concatenate([np.load(path) for path in out.glob("*/*_bbox.npy")])
    assert (summary.recordings, summary.written) == (4, 4)
    assert sum(summary.boxes_by_class.values()) == len(boxes)
    assert summary.boxes_by_class["car"] == np.count_nonzero(boxes["class_id"] == 1)


def test_events_gather_in_the_boxes(simulated: tuple[Path, SimulationSummary]) -> None:
    out, _ = simulated
    with h5py.File(out / "train/train_day_000_td.h5") as file:
        t, x, y = (file[f"events/{name}"][:] for name in "txy")
    boxes = np.load(out / "train/train_day_000_bbox.npy")
    inside = area = 0.0
    for label_us in np.unique(boxes["t"]):
        window = (t > label_us - 5_000) & (t <= label_us + 5_000)
        covered = np.zeros((HEIGHT, WIDTH), bool)
        for box in boxes[boxes["t"] == label_us]:
            left, top = int(box["x"]) - 2, int(box["y"]) - 2
            covered[max(top, 0) : top + int(box["h"]) + 5, max(left, 0) : left + int(box["w"]) + 5] = True
        inside += covered[y[window], x[window]].mean()
        area += covered.mean()
    frames = len(np.unique(boxes["t"]))
    assert area / frames < 0.5
    assert inside / frames > 0.8


def test_bytes_depend_on_the_seed_and_not_on_the_workers(
    simulated: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    first = digests(simulated[0])
    run(tmp_path / "again", workers=1)
    run(tmp_path / "other", seed=2)
    assert digests(tmp_path / "again") == first
    assert not set(digests(tmp_path / "other").values()) & set(first.values())
    assert len(set(first.values())) == len(first)


def test_an_interrupted_run_is_continued_with_the_same_bytes(
    simulated: tuple[Path, SimulationSummary], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(out)
    kept = out / "train/train_day_000_td.h5"
    written_at = kept.stat().st_mtime_ns
    (out / "train/train_day_001_td.h5").unlink()
    (out / "train/.train_day_001_td.h5.partial-1").write_bytes(b"half")
    (out / "val/val_day_000_td.h5").unlink()
    (out / "val/val_day_000_bbox.npy").unlink()
    calls: list[tuple[int, int]] = []
    summary = simulate(
        out,
        seed=1,
        train=3,
        val=1,
        test=0,
        duration_s=0.6,
        height=HEIGHT,
        width=WIDTH,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert summary.written == 2
    assert calls == [(3, 4), (4, 4)]
    assert digests(out) == digests(simulated[0])
    assert kept.stat().st_mtime_ns == written_at
    assert not list(out.rglob("*.partial*"))


def test_a_full_disk_is_a_message_and_leaves_no_half_recording(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"out cannot be written \(.*File too large\); free some space"):
            run(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["simulation.json"]


def test_a_folder_with_other_settings_is_refused_and_stays_as_it_is(simulated: tuple[Path, SimulationSummary]) -> None:
    before = digests(simulated[0])
    with pytest.raises(DataError, match=r"other settings.*'seed': 1.*'seed': 5.*choose another folder"):
        run(simulated[0], seed=5)
    assert digests(simulated[0]) == before


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="must be new or empty"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(DataError, match="must be new or empty"):
        run(tmp_path / "out")


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    (tmp_path / "simulation.json").write_text("{")
    with pytest.raises(DataError, match=r"simulation\.json is not readable as JSON"):
        run(tmp_path)


def test_all_mistakes_are_named_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path / "out", seed=-1, train=-2, workers=0, duration_s=0.01, height=8, mean_objects=0)
    for name in ("seed", "train", "workers", "duration_s", "height", "mean_objects"):
        assert f"`{name}`" in str(caught.value)
    assert not (tmp_path / "out").exists()
