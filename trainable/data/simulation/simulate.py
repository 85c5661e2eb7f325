"""Writes synthetic traffic recordings in eTraM's raw layout, so that everything can be tried without a download."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, get_args

import h5py
import numpy as np
from numpy.typing import NDArray

from trainable.data.failsafe_file import FailsafeFile
from trainable.data.hdf5_files import blosc_zstd
from trainable.data.simulation.kernels import EVENT_DTYPE
from trainable.data.simulation.labels import label_boxes
from trainable.data.simulation.scene import make_scene
from trainable.data.simulation.sensor import CHUNK_US, EventSensor
from trainable.data.simulation.shapes import CLASSES
from trainable.errors import DataError
from trainable.files import written_whole
from trainable.types import Split

SETTINGS_FILE: Final = "simulation.json"
FORMAT_VERSION: Final = 1
"""Raised whenever the same settings give other recordings than before."""

EVENT_FIELDS: Final = ("t", "x", "y", "p")
H5_CHUNK: Final = 65_536
NIGHT_EVERY: Final = 3
"""Every how many recordings of a split one is at night."""


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What one call of `simulate` left on disk.

    Args:
        recordings: all recordings.
        written: those that this call wrote; the others were there already.
        events: events of all recordings.
        boxes_by_class: boxes of all recordings by class name.
    """

    recordings: int
    written: int
    events: int
    boxes_by_class: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Recording:
    folder: Path
    name: str
    seeds: tuple[int, int, int]
    night: bool

    @property
    def events_path(self) -> Path:
        return self.folder / f"{self.name}_td.h5"

    @property
    def boxes_path(self) -> Path:
        return self.folder / f"{self.name}_bbox.npy"


@dataclass(frozen=True, slots=True)
class _Settings:
    seed: int
    train: int
    val: int
    test: int
    duration_s: float
    height: int
    width: int
    mean_objects: float
    format_version: int = FORMAT_VERSION


def simulate(
    out: Path,
    *,
    seed: int = 0,
    train: int = 16,
    val: int = 4,
    test: int = 4,
    duration_s: float = 5.0,
    height: int = 360,
    width: int = 640,
    mean_objects: float = 7.0,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationSummary:
    """Writes synthetic recordings `out/{train,val,test}/<split>_{day,night}_<number>_{td.h5,bbox.npy}`.

    A static camera watches a road between two pavements. Classes and their shares of the boxes follow eTraM; every
    third recording is at night. The same settings give the same events and boxes on the same kind of machine, however
    many workers write them. What an interrupted call left unfinished is finished by the next.

    Args:
        out: folder for the recordings; new, empty, or left by a call with the same settings.
        seed: of everything random, not negative.
        train: number of recordings for training.
        val: number of recordings for validation.
        test: number of recordings for testing.
        duration_s: length of each recording in seconds, at least 0.1.
        height: sensor height in pixels, at least 32; the scene scales with it.
        width: sensor width in pixels, at least 32.
        mean_objects: mean number of objects in sight.
        workers: threads that simulate and write.
        progress: called with the numbers of finished and of all recordings after each, from any thread.

    Returns:
        A summary of all recordings in `out`.

    Raises:
        DataError: an argument is out of its range, or `out` holds something else or cannot be written.
    """
    settings = _Settings(seed, train, val, test, float(duration_s), height, width, float(mean_objects))
    _check(settings, workers)
    try:
        _claim(out, settings)
        recordings = _plan(out, settings)
        missing = [recording for recording in recordings if not recording.events_path.is_file()]
        done = len(recordings) - len(missing)
        with ThreadPoolExecutor(max_workers=workers) as pool:
            for _ in pool.map(lambda recording: _write_recording(recording, settings), missing):
                done += 1
                if progress is not None:
                    progress(done, len(recordings))
    except OSError as error:
        raise DataError(
            f"{out} cannot be written ({error}); free some space or choose another folder, and repeat the same "
            "settings to continue"
        ) from error
    return _summarise(recordings, written=len(missing))


def _check(settings: _Settings, workers: int) -> None:
    """Refuses settings out of range, all mistakes in one message."""
    counts = (settings.train, settings.val, settings.test)
    sides = (settings.height, settings.width)
    rules = (
        (settings.seed >= 0, f"`seed` must not be negative, got {settings.seed}"),
        (min(counts) >= 0, f"`train`, `val` and `test` must not be negative, got {counts}"),
        (0.1 <= settings.duration_s < np.inf, f"`duration_s` must be at least 0.1 s, got {settings.duration_s}"),
        (min(sides) >= 32 and max(sides) <= 65_535, f"`height` and `width` must be 32 to 65535 px, got {sides}"),
        (0 < settings.mean_objects < np.inf, f"`mean_objects` must be positive, got {settings.mean_objects}"),
        (workers >= 1, f"`workers` must be at least 1, got {workers}"),
    )
    if mistakes := [message for holds, message in rules if not holds]:
        raise DataError("cannot simulate: " + "; ".join(mistakes))


def _claim(out: Path, settings: _Settings) -> None:
    """Makes `out` this simulation's folder, or checks that it is already."""
    path = out / SETTINGS_FILE
    wanted = asdict(settings)
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path} is not readable as JSON; delete {out} or choose another folder") from error
        if found != wanted:
            raise DataError(
                f"{out} holds recordings simulated with other settings: {found}, now asked for {wanted}; "
                "choose another folder, or repeat the same settings to continue"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} must be new or empty, but holds something else; choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        draft.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")


def _plan(out: Path, settings: _Settings) -> list[_Recording]:
    counts = {"train": settings.train, "val": settings.val, "test": settings.test}
    recordings = []
    for split_number, split in enumerate(get_args(Split)):
        folder = out / split
        if counts[split]:
            folder.mkdir(exist_ok=True)
        for index in range(counts[split]):
            night = index % NIGHT_EVERY == NIGHT_EVERY - 1
            name = f"{split}_{'night' if night else 'day'}_{index:03d}"
            recordings.append(_Recording(folder, name, (settings.seed, split_number, index), night))
    return recordings


def _write_recording(recording: _Recording, settings: _Settings) -> None:
    """Simulates one recording; its events get their name last, so that half a recording is never taken for one."""
    rng = np.random.default_rng(np.random.SeedSequence(recording.seeds))
    scene = make_scene(
        rng,
        height=settings.height,
        width=settings.width,
        duration_s=settings.duration_s,
        night=recording.night,
        mean_objects=settings.mean_objects,
    )
    duration_us = round(settings.duration_s * 1e6)
    for left_by_a_killed_call in recording.folder.glob(f".{recording.name}_*.partial-*"):
        left_by_a_killed_call.unlink()
    with written_whole(recording.events_path) as events_draft:
        last_us = _write_events(events_draft, EventSensor(scene, rng), settings, duration_us)
        with written_whole(recording.boxes_path) as boxes_draft, boxes_draft.open("wb") as file:
            np.save(file, label_boxes(scene, min(duration_us, last_us + 1)))


def _write_events(path: Path, sensor: EventSensor, settings: _Settings, duration_us: int) -> int:
    """Writes events chunk by chunk and returns the time of the last one, -1 without any."""
    last_us = -1
    with FailsafeFile(path) as target, h5py.File(target, "w") as file:
        group = file.create_group("events")
        group["height"], group["width"] = settings.height, settings.width
        for field in EVENT_FIELDS:
            group.create_dataset(
                field,
                shape=(0,),
                maxshape=(None,),
                dtype=EVENT_DTYPE[field],
                chunks=(H5_CHUNK,),
                **blosc_zstd(level=5),
            )
        for from_us in range(0, duration_us, CHUNK_US):
            events = sensor.advance(from_us, min(from_us + CHUNK_US, duration_us))
            _append(group, events)
            target.raise_failure()
            if len(events):
                last_us = int(events["t"][-1])
    target.raise_failure()
    return last_us


def _append(group: h5py.Group, events: NDArray[np.void]) -> None:
    for field in EVENT_FIELDS:
        dataset = group[field]
        start = dataset.shape[0]
        dataset.resize((start + len(events),))
        dataset[start:] = events[field]


def _summarise(recordings: list[_Recording], *, written: int) -> SimulationSummary:
    events = 0
    counts = np.zeros(len(CLASSES), np.int64)
    for recording in recordings:
        with h5py.File(recording.events_path, "r") as file:
            events += file["events/t"].shape[0]
        counts += np.bincount(np.load(recording.boxes_path)["class_id"], minlength=len(CLASSES))
    by_class = {kind.name: int(count) for kind, count in zip(CLASSES, counts, strict=True)}
    return SimulationSummary(len(recordings), written, events, by_class)
