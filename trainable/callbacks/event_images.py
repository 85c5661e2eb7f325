"""Draws a few fixed moments after every validation: events, labels and detections."""

import pytorch_lightning as pl

from trainable.callbacks.by_products import by_product
from trainable.callbacks.validation_moments import ValidationMoments
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking

SHOWN_SCORE = 0.25
"""Least score of a detection that is drawn: below, early in training, most are noise."""
SHOWN_DETECTIONS = 50


class EventImages(pl.Callback):
    """Writes `event_images/SEQUENCE_FRAME.png`, replaced after each validation, for labelled frames with small objects.

    Drawing changes no number of the training: it reads what the validation has collected.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder.
        moments: Gives the moments.
        count: How many; 0 for no picture.
    """

    def __init__(
        self, tracking: RunTracking | None, folder: RunFolder, moments: ValidationMoments, *, count: int
    ) -> None:
        self._tracking = tracking
        self._folder = folder
        self._moments = moments
        self._count = count

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw."""
        if self._tracking is not None and self._count:
            with by_product("event images"):
                self._draw(self._tracking, trainer.global_step)

    def _draw(self, tracking: RunTracking, step: int) -> None:
        from trainable.event_picture import event_colours, save_event_picture  # Matplotlib takes a second

        self._folder.event_images.mkdir(exist_ok=True)
        for moment in self._moments.newest(self._count):
            shown = moment.detections[moment.detections["class_confidence"] >= SHOWN_SCORE][:SHOWN_DETECTIONS]
            seconds = moment.time_us / 1e6
            path = self._folder.event_images / f"{moment.sequence}_{moment.frame:05d}.png"
            save_event_picture(
                path,
                event_colours(moment.events),
                caption=f"{moment.sequence}, {seconds:.2f} s, after {step:,} steps, scores from {SHOWN_SCORE:g}",
                labels=moment.labels,
                detections=shown,
                class_names=self._moments.class_names,
            )
            tracking.artifact(path, "event_images")
