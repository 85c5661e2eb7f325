"""Gathers a dataset's statistics: all labels, but of the events only what is cheap to read."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trainable.boxes import BOX_DTYPE
from trainable.data.raw_boxes import read_boxes
from trainable.data.raw_events import RECORDING_SUFFIXES
from trainable.data.recording_extent import recording_extent
from trainable.data.sequence import LABELS_FOLDER, Sequence, open_split
from trainable.data.statistics import DatasetStatistics, SplitStatistics
from trainable.errors import DataError
from trainable.object_sizes import AreaBin, BoxFilter
from trainable.types import Split

BOXES_SUFFIX: Final = "_bbox.npy"

NO_CLASS: Final = -1
"""Stands for a raw class that belongs to no label class."""

SAMPLED_FRAMES: Final = 16
"""Frames of a sequence in which pixels with events are counted, evenly spread over it."""


@dataclass(frozen=True, slots=True)
class _Recording:
    """One recording or sequence; sizes in sensor pixels, and NaN where unknown."""

    t_us: NDArray[np.int64]
    class_id: NDArray[np.int64]
    width_px: NDArray[np.float64]
    height_px: NDArray[np.float64]
    duration_s: float
    events: int | None = None
    occupied_share: float = math.nan


def dataset_statistics(
    root: Path,
    *,
    class_names: Iterable[str],
    area_bins: Iterable[AreaBin],
    sensor_area_bins: Iterable[AreaBin],
    box_filter: BoxFilter,
    downsample_by_factor_2: bool = True,
    representation: str = "stacked_histogram_dt=50_nbins=10",
    class_groups: Iterable[int] | None = None,
) -> DatasetStatistics:
    """Statistics of a folder of raw recordings, or of a preprocessed dataset; which of the two it is, is detected.

    Raw recordings need no events beside their boxes; what then is unknown is undefined, and so are lengths and numbers
    of events of EVT recordings (`.raw`): see `recording_extent`. From preprocessed sequences come the labels as
    training sees them, cut to the frame, with the names and bins given here: see `preprocessed_as`.

    Args:
        root: Folder with `train/`, `val/` or `test/`.
        class_names: One name a class, by class id; boxes of further classes are left out, and their number given.
        area_bins: Size bins of areas in model-input px².
        sensor_area_bins: Size bins of areas in sensor px².
        box_filter: The filter of the filtered counts.
        downsample_by_factor_2: Whether the model's input has half the sensor's resolution.
        representation: Folder of the event representation in preprocessed sequences.
        class_groups: Label class of each class of raw recordings, as preprocessing joins them (`LabelRules`); None
            where they are the same. Preprocessed labels are joined already.

    Raises:
        DataError: The folder holds neither kind of dataset, or a file in it cannot be used.
    """
    names = tuple(class_names)
    groups = None if class_groups is None else np.array([*class_groups, NO_CLASS], np.int64)
    kind = _kind(root)
    splits = {}
    for split in get_args(Split):
        if not (root / split).is_dir():
            continue
        if kind == "raw":
            recordings = [_raw_recording(path, groups) for path in sorted((root / split).glob(f"*{BOXES_SUFFIX}"))]
        else:
            sequences = open_split(
                root, split, representation=representation, downsample_by_factor_2=downsample_by_factor_2
            )
            recordings = [_sequence(sequence, 2.0 if downsample_by_factor_2 else 1.0) for sequence in sequences]
        splits[split] = _split_statistics(recordings, len(names), box_filter)
    return DatasetStatistics(
        root=root,
        kind=kind,
        class_names=names,
        area_bins={"input": tuple(area_bins), "sensor": tuple(sensor_area_bins)},
        sensor_px2_per_input_px2=4.0 if downsample_by_factor_2 else 1.0,
        box_filter=box_filter,
        splits=splits,
    )


def _kind(root: Path) -> Literal["raw", "preprocessed"]:
    splits = [root / split for split in get_args(Split)]
    if any(True for split in splits for _ in split.glob(f"*{BOXES_SUFFIX}")):
        return "raw"
    if any(True for split in splits for _ in split.glob(f"*/{LABELS_FOLDER}")):
        return "preprocessed"
    raise DataError(
        f"{root}: expected train/, val/ or test/ with raw recordings (<name>{BOXES_SUFFIX}) or with preprocessed "
        f"sequences (<name>/{LABELS_FOLDER}/), found neither; check the path"
    )


def _raw_recording(boxes_path: Path, groups: NDArray[np.int64] | None) -> _Recording:
    """A recording, its classes joined by `groups`, `(raw classes + 1,)`, whose last entry holds for all further."""
    boxes = read_boxes(boxes_path)
    class_id = boxes["class_id"].astype(np.int64)
    name = boxes_path.name.removesuffix(BOXES_SUFFIX)
    candidates = (boxes_path.with_name(name + suffix) for suffix in RECORDING_SUFFIXES)
    events_path = next((path for path in candidates if path.is_file()), None)
    extent = None if events_path is None else recording_extent(events_path)
    return _Recording(
        t_us=boxes["t"],
        class_id=class_id if groups is None else groups[np.minimum(class_id, len(groups) - 1)],
        width_px=boxes["w"].astype(np.float64),
        height_px=boxes["h"].astype(np.float64),
        duration_s=math.nan if extent is None or extent.end_us is None else extent.end_us * 1e-6,
        events=None if extent is None else extent.events,
    )


def _sequence(sequence: Sequence, sensor_px_per_input_px: float) -> _Recording:
    frames = [sequence.labels(frame) for frame in sequence.labelled_frames.tolist()]
    labels = np.concatenate([np.empty(0, BOX_DTYPE), *frames])
    times_us = sequence.frame_times_us
    _, height, width = sequence.frame_shape
    occupied = []
    for frame in np.unique(np.linspace(0, sequence.num_frames - 1, SAMPLED_FRAMES).astype(int)).tolist():
        pixels = sequence.read(frame, frame + 1).indices % (height * width)
        occupied.append(len(np.unique(pixels)) / (height * width))
    return _Recording(
        t_us=np.repeat(times_us[sequence.labelled_frames], [len(frame) for frame in frames]),
        class_id=labels["class_id"].astype(np.int64),
        width_px=labels["w"].astype(np.float64) * sensor_px_per_input_px,
        height_px=labels["h"].astype(np.float64) * sensor_px_per_input_px,
        duration_s=float(times_us[-1]) * 1e-6,
        occupied_share=float(np.mean(occupied)),
    )


def _split_statistics(recordings: list[_Recording], num_classes: int, rule: BoxFilter) -> SplitStatistics:
    times_us = [np.unique(recording.t_us) for recording in recordings]
    intervals_us = np.concatenate([np.empty(0), *(np.diff(times) for times in times_us)])
    t_us, class_id, width, height = (
        np.concatenate([np.empty(0), *(getattr(recording, field) for recording in recordings)])
        for field in ("t_us", "class_id", "width_px", "height_px")
    )
    area = width * height
    counted = (class_id >= 0) & (class_id < num_classes) & np.isfinite(area) & (width > 0) & (height > 0)
    passes = rule.passes(width, height, input_px_per_sensor_px=1) & (t_us > rule.skip_first_us)
    events = [recording.events for recording in recordings if recording.events is not None]
    return SplitStatistics(
        recordings=len(recordings),
        duration_s=sum(recording.duration_s for recording in recordings),
        labelled_frames=sum(len(times) for times in times_us),
        label_hz=1e6 / float(np.median(intervals_us)) if len(intervals_us) else math.nan,
        left_out=int(np.count_nonzero(~counted)),
        class_id=class_id[counted].astype(np.int64),
        area_sensor_px2=area[counted],
        passes_filter=passes[counted],
        events=sum(events) if events and len(events) == len(recordings) else None,
        events_per_s=np.array([_rate(recording) for recording in recordings]),
        occupied_share=np.array([recording.occupied_share for recording in recordings]),
    )


def _rate(recording: _Recording) -> float:
    """Events a second, NaN where unknown."""
    if recording.events is None or not recording.duration_s > 0:
        return math.nan
    return recording.events / recording.duration_s
