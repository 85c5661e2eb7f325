from typing import cast

import numpy as np

from trainable.boxes import BOX_DTYPE
from trainable.callbacks.validation_moments import LEAST_SCORE, ValidationMoments
from trainable.data import Sequence, SparseFrames
from trainable.detection_collector import DetectionCollector
from trainable.moment_file import MAX_DETECTIONS


class Recording:
    """A recording of two bins in which each frame has labels, and counts of its readings."""

    name = "day_0"
    frame_times_us = np.arange(1, 9) * 50_000

    def __init__(self, frames: np.ndarray) -> None:
        self._frames = frames
        self.read_frames: list[int] = []

    def read(self, start: int, stop: int) -> SparseFrames:
        self.read_frames.extend(range(start, stop))
        return SparseFrames.from_dense(self._frames[start:stop])

    def labels(self, frame: int) -> np.ndarray:
        table = np.zeros(1 + frame, BOX_DTYPE)
        table["w"] = table["h"] = 4
        return table


class Collector:
    """What a validation collected: frames 0 to 7 with the same detections each, the best first."""

    evaluated_frames = np.stack([np.zeros(8, np.int64), np.arange(8)], axis=1)

    def __init__(self, scores: list[float]) -> None:
        self.found = np.zeros(len(scores), BOX_DTYPE)
        self.found["class_confidence"] = scores

    def detections(self, sequence: int, frame: int) -> np.ndarray:
        return self.found


def validation_moments(collector: Collector, frames: np.ndarray | None = None) -> tuple[ValidationMoments, Recording]:
    recording = Recording(np.zeros((8, 4, 3, 5), np.uint8) if frames is None else frames)
    moments = ValidationMoments(
        cast(DetectionCollector, collector), [cast(Sequence, recording)], class_names=("car",), small_area_px2=100
    )
    return moments, recording


def test_events_are_summed_over_bins_and_clipped() -> None:
    frames = np.zeros((8, 4, 3, 5), np.uint8)  # channels: two bins of falling light, then two of rising light
    frames[:, 0, 1, 1], frames[:, 1, 1, 1] = 3, 4
    frames[:, 2, 0, 2], frames[:, 3, 0, 2] = 200, 100
    moments, _ = validation_moments(Collector([]), frames)
    (one,) = moments.newest(1)
    assert one.events.dtype == np.uint8
    assert one.events.shape == (2, 3, 5)
    assert (one.events[0, 1, 1], one.events[1, 0, 2], one.events.astype(int).sum()) == (7, 255, 262)
    assert (one.sequence, one.frame, one.time_us, len(one.labels)) == ("day_0", 7, 400_000, 8)


def test_each_frame_is_read_once_whatever_is_asked() -> None:
    moments, recording = validation_moments(Collector([]))
    first = moments.newest(2)
    assert [one.frame for one in moments.newest(2)] == [one.frame for one in first] == [3, 7]
    moments.newest(4)
    assert sorted(recording.read_frames) == sorted(set(recording.read_frames)) == [1, 3, 5, 7]


def test_detections_are_those_of_the_newest_validation() -> None:
    collector = Collector([0.9, 0.5, LEAST_SCORE, LEAST_SCORE - 0.01])
    moments, _ = validation_moments(collector)
    (one,) = moments.newest(1)
    assert len(one.detections) == 3
    collector.found = collector.found[:1]
    (one,) = moments.newest(1)
    assert len(one.detections) == 1


def test_detections_that_are_not_finite_and_too_many_ones_are_left_out() -> None:
    collector = Collector(np.linspace(1, 0.5, 2 * MAX_DETECTIONS).tolist())
    collector.found["w"][0], collector.found["x"][1] = np.inf, np.nan
    moments, _ = validation_moments(collector)
    (one,) = moments.newest(1)
    np.testing.assert_array_equal(one.detections, collector.found[2 : 2 + MAX_DETECTIONS])
