"""When labelled frames and the event frames between them lie in time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainable.errors import DataError

WINDOW_US = 50_000
"""Length of an event frame's time window, and nominal time between event frames."""

_LABEL_STEP_US = 100_000
_FRAMES_A_LABEL_STEP = _LABEL_STEP_US // WINDOW_US
_FIRST_LABEL_US = 100_000
_JITTER_US = 2_000


@dataclass(frozen=True)
class FramePlan:
    """The event frames of one recording, and the labels on some of them.

    Attributes:
        frame_times_us: `(frames,)` int64, rising; each frame shows the `WINDOW_US` up to its time.
        labelled_frames: `(labelled,)` int64, rising positions in `frame_times_us`.
        labels: `(boxes,)` records of `BOX_DTYPE` in sensor pixels, those of one labelled frame after another.
        first_label: `(labelled,)` int64, where each labelled frame's boxes begin in `labels`.
    """

    frame_times_us: npt.NDArray[np.int64]
    labelled_frames: npt.NDArray[np.int64]
    labels: npt.NDArray[np.void]
    first_label: npt.NDArray[np.int64]

    @property
    def label_times_us(self) -> npt.NDArray[np.int64]:
        """`(labelled,)` int64, the times of the labelled frames."""
        return self.frame_times_us[self.labelled_frames]


def plan_frames(boxes: npt.NDArray[np.void], *, label_step_us: int | None, path: Path) -> FramePlan | None:
    """Choose label times about 100 ms apart, and event frames that end exactly on them.

    Source: `uzh-rpg/RVT`, `labels_and_ev_repr_timestamps`: the first label at or after 100 ms, then every one that is a
    whole number of label steps after the one before, within 2 ms; two event frames a step. Deviations: any label rate
    that has a multiple near 100 ms is taken, where RVT insists on a median rate of 30 or 60 Hz.

    Args:
        boxes: `(boxes,)` records of `BOX_DTYPE`, filtered, in order of time.
        label_step_us: Time between labels, or None to derive it from the boxes' own rate.
        path: The box file, for messages.

    Returns:
        The plan, or None when no box lies at or after 100 ms.

    Raises:
        DataError: When the boxes' rate fits no step of about 100 ms, or two of their times nearly coincide.
    """
    times_us = np.unique(boxes["t"])
    candidates_us = times_us[np.searchsorted(times_us, _FIRST_LABEL_US) :]
    if not len(candidates_us):
        return None
    step_us = label_step_us if label_step_us is not None else _label_step_us(times_us, path)

    label_times_us, steps = [int(candidates_us[0])], []
    for time_us in candidates_us[1:].tolist():
        passed_us = time_us - label_times_us[-1]
        step_count = round(passed_us / step_us)
        if abs(passed_us - step_count * step_us) > _JITTER_US:
            continue
        if step_count == 0:
            raise DataError(
                f"{path}: boxes at {label_times_us[-1]} and {time_us} us are only {passed_us} us apart; expected boxes "
                "of one frame to share one time: correct the file"
            )
        label_times_us.append(time_us)
        steps.append(step_count)

    first_us = label_times_us[0]
    # RVT leaves out the earliest window, which may begin before the recording does.
    lead_in_us = list(range(first_us, 0, -WINDOW_US))[::-1][1:-1]
    between = [
        np.linspace(start, stop, count * _FRAMES_A_LABEL_STEP + 1).astype(np.int64)[1:]
        for start, stop, count in zip(label_times_us[:-1], label_times_us[1:], steps, strict=True)
    ]
    frame_times_us = np.concatenate([np.array([*lead_in_us, first_us], dtype=np.int64), *between])

    chosen = np.array(label_times_us, dtype=np.int64)
    first = np.searchsorted(boxes["t"], chosen, side="left")
    last = np.searchsorted(boxes["t"], chosen, side="right")
    return FramePlan(
        frame_times_us=frame_times_us,
        labelled_frames=np.searchsorted(frame_times_us, chosen).astype(np.int64),
        labels=np.concatenate([boxes[start:stop] for start, stop in zip(first, last, strict=True)]),
        first_label=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(last - first)[:-1]]),
    )


def _label_step_us(times_us: npt.NDArray[np.int64], path: Path) -> int:
    """The whole number of label intervals nearest to 100 ms, in microseconds."""
    if len(times_us) < 2:
        return _LABEL_STEP_US
    intervals_us = np.diff(times_us)
    # The median is RVT's measure; the shortest interval finds the rate where most frames have lost their boxes.
    for interval_us in (float(np.median(intervals_us)), float(intervals_us.min())):
        step_us = round(_LABEL_STEP_US / interval_us) * interval_us
        if abs(step_us - _LABEL_STEP_US) <= _JITTER_US:
            return int(step_us)
    raise DataError(
        f"{path}: boxes come every {np.median(intervals_us):.0f} us, of which no multiple is near 100 ms; expected "
        "boxes at a fixed rate such as 10, 20, 30, 50 or 60 Hz: resample them to one of these"
    )
