"""Fixed moments of the validation split, with what each validation found on them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainable.data import Sequence as RecordedSequence
from trainable.detection_collector import DetectionCollector
from trainable.evaluation_moments import Moment, choose_moments
from trainable.moment_file import MAX_DETECTIONS, RecordedMoment

LEAST_SCORE = 0.05
"""Detections with a lower score are left out: early in training there are hundreds on each frame."""


class ValidationMoments:
    """Chooses labelled frames with small objects at the first validation, and reads each frame's events only once.

    Nothing is drawn at random. Of a distributed run, a process sees moments of its own recordings.

    Args:
        collector: What gathers the validation's detections.
        sequences: The recordings of the validation split.
        class_names: One name a class id.
        small_area_px2: Largest area of a small object, in model-input px².

    Attributes:
        class_names: One name a class id.
    """

    def __init__(
        self,
        collector: DetectionCollector,
        sequences: Sequence[RecordedSequence],
        *,
        class_names: tuple[str, ...],
        small_area_px2: float,
    ) -> None:
        self.class_names = class_names
        self._collector = collector
        self._sequences = sequences
        self._small_area_px2 = small_area_px2
        self._chosen_by_count: dict[int, tuple[Moment, ...]] = {}
        self._events: dict[Moment, npt.NDArray[np.uint8]] = {}

    def newest(self, count: int) -> tuple[RecordedMoment, ...]:
        """The moments with what the newest validation found; the same ones at each call with the same count.

        Args:
            count: How many; fewer where fewer frames are evaluated.

        Raises:
            DataError: When a recording is damaged.
        """
        if count not in self._chosen_by_count:
            self._chosen_by_count[count] = choose_moments(
                self._sequences,
                self._collector.evaluated_frames,
                count=count,
                small_area_px2=self._small_area_px2,
            )
        return tuple(self._recorded(moment) for moment in self._chosen_by_count[count])

    def _recorded(self, moment: Moment) -> RecordedMoment:
        sequence = self._sequences[moment.sequence]
        if moment not in self._events:
            frame = sequence.read(moment.frame, moment.frame + 1).to_dense()[0]
            self._events[moment] = _over_all_bins(frame)
        return RecordedMoment(
            sequence=sequence.name,
            frame=moment.frame,
            time_us=int(sequence.frame_times_us[moment.frame]),
            events=self._events[moment],
            labels=sequence.labels(moment.frame),
            detections=_worth_keeping(self._collector.detections(*moment)),
        )


def _over_all_bins(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Falling and rising light's counts in a `(2 * bins, height, width)` frame, `(2, height, width)` clipped to 255."""
    channels, height, width = frame.shape
    counts = frame.reshape(2, channels // 2, height, width).sum(axis=1, dtype=np.uint32)
    return np.asarray(np.minimum(counts, 255), np.uint8)


def _worth_keeping(detections: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The best detections with finite corners and at least `LEAST_SCORE`."""
    finite = np.all([np.isfinite(detections[name]) for name in ("x", "y", "w", "h")], axis=0)
    kept: npt.NDArray[np.void] = detections[finite & (detections["class_confidence"] >= LEAST_SCORE)]
    return kept[:MAX_DETECTIONS]
