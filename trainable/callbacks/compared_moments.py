"""Keeps a few fixed moments after every validation, so that reports can compare runs on them."""

import pytorch_lightning as pl

from trainable.callbacks.by_products import by_product
from trainable.callbacks.validation_moments import ValidationMoments
from trainable.moment_file import MomentFile, save_moments
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking


class ComparedMoments(pl.Callback):
    """Writes `moments.npz`, replaced after each validation: events, labels and detections.

    Runs that validate on the same frames keep the same moments.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder.
        moments: Gives the moments.
        count: How many; 0 for no file.
    """

    def __init__(
        self, tracking: RunTracking | None, folder: RunFolder, moments: ValidationMoments, *, count: int
    ) -> None:
        self._tracking = tracking
        self._folder = folder
        self._moments = moments
        self._count = count

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write."""
        if self._tracking is not None and self._count:
            with by_product("compared moments"):
                newest = self._moments.newest(self._count)
                save_moments(self._folder.moments, MomentFile(trainer.global_step, self._moments.class_names, newest))
                self._tracking.artifact(self._folder.moments)
