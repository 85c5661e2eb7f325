"""Gathers the detections of a validation over batches and ranks, and evaluates them against the labels on disk."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainable.boxes import BOX_DTYPE
from trainable.config import Config
from trainable.data import Batch
from trainable.data import Sequence as RecordedSequence
from trainable.evaluation import (
    EvaluationProtocol,
    FrameBoxes,
    MatchRecords,
    Metrics,
    collect_match_records,
    metrics_from_records,
)
from trainable.process_group import all_gather
from trainable.types import DetectionScore


def evaluation_protocol(config: Config) -> EvaluationProtocol:
    """What a configuration measures: its classes, its fixed size bins and its box filter."""
    settings = config.dataset.evaluation
    return EvaluationProtocol(
        class_names=config.label_set.class_names,
        small_object_classes=config.label_set.small_object_classes,
        area_bins=settings.area_bins,
        sensor_area_bins=settings.sensor_area_bins,
        downsample_by_factor_2=config.dataset.downsample_by_factor_2,
        box_filter=settings.box_filter.rule,
    )


class DetectionCollector:
    """Collects detections by recording and frame.

    Args:
        sequences: The recordings of the split, in the order by which batches number them.
        protocol: What is measured.
        score: What ranks the detections.
    """

    def __init__(
        self, sequences: Sequence[RecordedSequence], protocol: EvaluationProtocol, score: DetectionScore
    ) -> None:
        self._sequences = sequences
        self._protocol = protocol
        self._score = score
        self._frames: list[npt.NDArray[np.int64]] = []
        self._counts: list[int] = []
        self._detections: list[npt.NDArray[np.float32]] = []

    def clear(self) -> None:
        """Forget what was collected."""
        self._frames.clear()
        self._counts.clear()
        self._detections.clear()

    def add(self, batch: Batch, detections: Sequence[Tensor]) -> None:
        """Add the detections of a batch's labelled frames.

        Args:
            batch: The batch.
            detections: For each labelled frame `(n, 7)` float: x1, y1, x2, y2 in input pixels, objectness, class
                probability, class number.
        """
        if not detections:
            return
        self._frames.append(torch.stack((batch.label_sequence, batch.label_frame), dim=1).numpy())
        self._counts.extend(len(found) for found in detections)
        self._detections.append(torch.cat(list(detections)).float().cpu().numpy())

    @property
    def evaluated_frames(self) -> npt.NDArray[np.int64]:
        """Recording and frame number of this rank's labelled frames so far, `(frames, 2)`."""
        return np.concatenate([np.zeros((0, 2), np.int64), *self._frames])

    def detections(self, sequence: int, frame: int) -> npt.NDArray[np.void]:
        """This rank's detections on a frame, the best first.

        Args:
            sequence: Number of the recording.
            frame: Number of the frame in it.

        Returns:
            `(detections,)` records of `BOX_DTYPE` in input pixels; their confidence is the score that ranks them.
        """
        is_frame = (self.evaluated_frames == (sequence, frame)).all(axis=1)
        found = np.concatenate([np.zeros((0, 7), np.float32), *self._detections])[np.repeat(is_frame, self._counts)]
        boxes = np.zeros(len(found), BOX_DTYPE)
        boxes["t"] = self._sequences[sequence].frame_times_us[frame]
        boxes["x"], boxes["y"] = found[:, 0], found[:, 1]
        boxes["w"], boxes["h"] = found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]
        boxes["class_id"] = found[:, 6]
        boxes["class_confidence"] = self._scores(found)
        return boxes[np.argsort(-boxes["class_confidence"], kind="stable")]

    def evaluate(self) -> tuple[Metrics, MatchRecords]:
        """Evaluate the detections of all ranks; every rank gets the same result.

        Frames are put in the order of recordings and time, so that the result depends neither on the number of ranks
        nor on the batches.
        """
        frames, counts, detections = self._gather()
        order = np.lexsort((frames[:, 1], frames[:, 0]))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        frames = frames[order]
        records = collect_match_records(
            self._ground_truth(frames),
            FrameBoxes(
                frame=np.repeat(place, counts),
                xywh=np.concatenate((detections[:, :2], detections[:, 2:4] - detections[:, :2]), axis=1),
                class_id=detections[:, 6].astype(np.int64),
                score=self._scores(detections),
            ),
            self._protocol,
            frame_times_us=self._frame_times_us(frames),
            frame_sequences=frames[:, 0],
            sequence_names=[sequence.name for sequence in self._sequences],
        )
        return metrics_from_records(records), records

    def _scores(self, detections: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        scores = detections[:, 5] if self._score == "class" else detections[:, 4] * detections[:, 5]
        return np.asarray(scores, np.float64)

    def _gather(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Recording and frame number `(frames, 2)`, detections a frame `(frames,)`, and detections `(n, 7)`."""
        own = (
            np.concatenate([np.zeros((0, 2), np.int64), *self._frames]),
            np.array(self._counts, np.int64),
            np.concatenate([np.zeros((0, 7), np.float32), *self._detections]),
        )
        frames, counts, detections = zip(*all_gather(own), strict=True)
        return np.concatenate(frames), np.concatenate(counts), np.concatenate(detections).astype(np.float64)

    def _ground_truth(self, frames: npt.NDArray[np.int64]) -> FrameBoxes:
        labels = [self._sequences[sequence].labels(frame) for sequence, frame in frames.tolist()]
        return FrameBoxes.from_frames(labels, scored=False)

    def _frame_times_us(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        times = [self._sequences[sequence].frame_times_us[frame] for sequence, frame in frames.tolist()]
        return np.array(times, np.int64)
