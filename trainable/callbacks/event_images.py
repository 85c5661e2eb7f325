"""Draws a few fixed moments after every validation: events, labels and detections."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl

from trainable.callbacks.by_products import by_product
from trainable.data import Sequence as RecordedSequence
from trainable.detection_collector import DetectionCollector
from trainable.evaluation_moments import Moment, choose_moments
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking

SHOWN_SCORE = 0.25
"""Least score of a detection that is drawn: below, early in training, most are noise."""
SHOWN_DETECTIONS = 50

logger = logging.getLogger(__name__)


class EventImages(pl.Callback):
    """Writes `event_images/SEQUENCE_FRAME.png`, replaced after each validation, for labelled frames with small objects.

    Drawing changes no number of the training: it reads what the validation has collected, and draws nothing at random.
    Of a distributed run, the first process draws moments of its own recordings.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder.
        collector: What gathers the validation's detections.
        sequences: The recordings of the validation split.
        class_names: One name a class id.
        count: How many moments.
        small_area_px2: Largest area of a small object, in model-input px².
    """

    def __init__(
        self,
        tracking: RunTracking | None,
        folder: RunFolder,
        collector: DetectionCollector,
        sequences: Sequence[RecordedSequence],
        *,
        class_names: tuple[str, ...],
        count: int,
        small_area_px2: float,
    ) -> None:
        self._tracking = tracking
        self._folder = folder
        self._collector = collector
        self._sequences = sequences
        self._class_names = class_names
        self._count = count
        self._small_area_px2 = small_area_px2
        self._colours_by_moment: dict[Moment, npt.NDArray[np.uint8]] | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw."""
        if self._tracking is not None and self._count:
            with by_product("event images"):
                self._draw(self._tracking, trainer.global_step)

    def _draw(self, tracking: RunTracking, step: int) -> None:
        from trainable.event_picture import save_event_picture  # Matplotlib takes a second

        if self._colours_by_moment is None:
            self._colours_by_moment = self._read_moments()
        self._folder.event_images.mkdir(exist_ok=True)
        for moment, colours in self._colours_by_moment.items():
            sequence = self._sequences[moment.sequence]
            found = self._collector.detections(*moment)
            shown = found[found["class_confidence"] >= SHOWN_SCORE][:SHOWN_DETECTIONS]
            seconds = sequence.frame_times_us[moment.frame] / 1e6
            path = self._folder.event_images / f"{sequence.name}_{moment.frame:05d}.png"
            save_event_picture(
                path,
                colours,
                caption=f"{sequence.name}, {seconds:.2f} s, after {step:,} steps, scores from {SHOWN_SCORE:g}",
                labels=sequence.labels(moment.frame),
                detections=shown,
                class_names=self._class_names,
            )
            tracking.artifact(path, "event_images")

    def _read_moments(self) -> dict[Moment, npt.NDArray[np.uint8]]:
        from trainable.event_picture import event_colours

        moments = choose_moments(
            self._sequences,
            self._collector.evaluated_frames,
            count=self._count,
            small_area_px2=self._small_area_px2,
        )
        frames = {one: self._sequences[one.sequence].read(one.frame, one.frame + 1).to_dense()[0] for one in moments}
        return {moment: event_colours(frame) for moment, frame in frames.items()}
