"""One raw recording to one preprocessed sequence."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainable.data.event_windows import EventWindows
from trainable.data.label_filters import LABEL_RULES, Dataset, filter_boxes
from trainable.data.label_frames import WINDOW_US, FramePlan, plan_frames
from trainable.data.raw_boxes import read_boxes
from trainable.data.raw_dataset import RawRecording
from trainable.data.raw_events import Recording, open_recording
from trainable.data.representation_store import Layout, frame_writer, representation_file
from trainable.data.sequence import LABELS_FOLDER, REPRESENTATIONS_FOLDER
from trainable.data.stacked_histogram import stacked_histogram
from trainable.errors import DataError

BINS = 10
COUNT_CUTOFF = 10
REPRESENTATION = f"stacked_histogram_dt={WINDOW_US // 1000}_nbins={BINS}"
"""Folder of the event representation, as RVT names it."""

PARTIAL_FOLDER = ".partial"
"""Folder of sequences in the making, inside the output folder: no loader takes them for finished ones."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ROOM_BYTES = 1 << 20
_FRAMES_A_REPORT = 20


class DiskFullError(DataError):
    """There is no room for the output; no other recording can be written either."""


@dataclass(frozen=True)
class PreprocessSettings:
    """What decides the numbers and the layout of a preprocessed dataset.

    Attributes:
        dataset: Whose rules the labels follow.
        layout: How frames are kept on disk.
        downsample_by_factor_2: Whether frames have half the sensor's resolution.
        drop_bad_boxes: Whether bad boxes are dropped and counted, rather than an error.
    """

    dataset: Dataset
    layout: Layout
    downsample_by_factor_2: bool
    drop_bad_boxes: bool


@dataclass(frozen=True)
class RecordingReport:
    """What became of one recording.

    Attributes:
        recording: The recording.
        frames: Number of event frames written; 0 when it was left out for want of labels.
        labelled_frames: Number of them that have labels.
        labels: Number of labels written.
        boxes: Number of boxes in the box file.
        dropped_boxes: Number of boxes that the dataset's rules dropped, by reason.
        cropped_boxes: Number of boxes cut at the sensor's edge.
        repaired_times: Number of events whose time ran backwards.
    """

    recording: RawRecording
    frames: int = 0
    labelled_frames: int = 0
    labels: int = 0
    boxes: int = 0
    dropped_boxes: dict[str, int] = field(default_factory=dict)
    cropped_boxes: int = 0
    repaired_times: int = 0


def preprocess_recording(
    recording: RawRecording, out_root: Path, settings: PreprocessSettings, on_progress: Callable[[float], None]
) -> RecordingReport:
    """Write one recording's labels and event frames, wholly or not at all.

    A recording that has no label left after the dataset's rules is left out, as RVT does.

    Args:
        recording: The recording.
        out_root: The output folder; the sequence goes to `<out_root>/<split>/<name>`.
        settings: What to write.
        on_progress: Called with the share of this recording done since its last call; shares sum to 1.

    Raises:
        DiskFullError: When there is no room for the output.
        DataError: When a file of the recording cannot be used.
    """
    rules = LABEL_RULES[settings.dataset]
    events = open_recording(recording.events_path, fallback_sensor_hw=rules.sensor_hw)
    boxes = read_boxes(recording.boxes_path)
    if not len(boxes):
        raise DataError(f"{recording.boxes_path}: the file holds no box; leave it out, with its recording")
    filtered = filter_boxes(
        boxes,
        rules,
        sensor_hw=(events.height, events.width),
        is_train=recording.split == "train",
        drop_bad_boxes=settings.drop_bad_boxes,
        path=recording.boxes_path,
    )
    plan = plan_frames(filtered.boxes, label_step_us=rules.label_step_us, path=recording.boxes_path)
    if plan is None:
        on_progress(1.0)
        return RecordingReport(recording, boxes=len(boxes), dropped_boxes=filtered.dropped)

    partial = out_root / PARTIAL_FOLDER / f"{recording.split}-{recording.name}-{os.getpid()}"
    target = out_root / recording.split / recording.name
    try:
        repaired_times = _write_frames(events, plan, partial, settings, recording, on_progress)
        _write_labels(plan, partial)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(target)
    except OSError as error:
        if _is_disk_full(error, out_root):
            raise DiskFullError(
                f"{out_root}: there is no room to write {recording.name} ({error}); free some space and run the same "
                "command again, finished sequences are kept"
            ) from error
        raise DataError(f"{target}: the sequence cannot be written ({error}); check the output folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return RecordingReport(
        recording,
        frames=len(plan.frame_times_us),
        labelled_frames=len(plan.labelled_frames),
        labels=len(plan.labels),
        boxes=len(boxes),
        dropped_boxes=filtered.dropped,
        cropped_boxes=filtered.cropped,
        repaired_times=repaired_times,
    )


def _write_frames(
    events: Recording,
    plan: FramePlan,
    partial: Path,
    settings: PreprocessSettings,
    recording: RawRecording,
    on_progress: Callable[[float], None],
) -> int:
    """Write the frames, and return the number of events whose time was repaired."""
    folder = partial / REPRESENTATIONS_FOLDER / REPRESENTATION
    folder.mkdir(parents=True)
    halvings = int(settings.downsample_by_factor_2)
    frame_shape = (2 * BINS, events.height >> halvings, events.width >> halvings)
    file_name = representation_file(settings.layout, downsample_by_factor_2=settings.downsample_by_factor_2)
    times_us = plan.frame_times_us
    cut = EventWindows(events)
    with frame_writer(folder / file_name, settings.layout, frame_shape) as append:
        for number, (time_us, window) in enumerate(zip(times_us, cut.windows(times_us, WINDOW_US), strict=True), 1):
            if cut.exhausted and cut.latest_us < time_us - WINDOW_US:
                raise DataError(
                    f"{recording.boxes_path}: boxes go on to {times_us[-1]} us, but the last event in "
                    f"{recording.events_path.name} is at {cut.latest_us} us; copy the recording again if it was cut "
                    "short, or remove the boxes after its end"
                )
            append(
                stacked_histogram(
                    *window,
                    bins=BINS,
                    height=events.height,
                    width=events.width,
                    count_cutoff=COUNT_CUTOFF,
                    downsample_by_factor_2=settings.downsample_by_factor_2,
                )
            )
            if number % _FRAMES_A_REPORT == 0:
                on_progress(_FRAMES_A_REPORT / len(times_us))
    on_progress(len(times_us) % _FRAMES_A_REPORT / len(times_us))
    np.save(folder / "timestamps_us.npy", times_us)
    np.save(folder / "objframe_idx_2_repr_idx.npy", plan.labelled_frames)
    return cut.repaired_times


def _write_labels(plan: FramePlan, partial: Path) -> None:
    folder = partial / LABELS_FOLDER
    folder.mkdir()
    np.savez(folder / "labels.npz", labels=plan.labels, objframe_idx_2_label_idx=plan.first_label)
    np.save(folder / "timestamps_us.npy", plan.label_times_us)


def _is_disk_full(error: OSError, folder: Path) -> bool:
    """NumPy and HDF5 do not always say why a file could not be written: look at the room that is left, too."""
    return error.errno in _NO_ROOM or shutil.disk_usage(folder).free < _ROOM_BYTES
