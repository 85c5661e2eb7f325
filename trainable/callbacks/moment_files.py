"""What is done with the fixed moments after every validation."""

from abc import ABC, abstractmethod
from typing import ClassVar

import pytorch_lightning as pl

from trainable.callbacks.by_products import by_product
from trainable.callbacks.validation_moments import ValidationMoments
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking


class MomentFiles(pl.Callback, ABC):
    """Makes files of a few fixed moments, replaced after each validation.

    It changes no number of the training: it reads what the validation has collected.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder.
        moments: Gives the moments.
        count: How many; 0 for no file.
    """

    made: ClassVar[str]
    """What is made, in the plural."""

    def __init__(
        self, tracking: RunTracking | None, folder: RunFolder, moments: ValidationMoments, *, count: int
    ) -> None:
        self._tracking = tracking
        self._folder = folder
        self._moments = moments
        self._count = count

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make them."""
        if self._tracking is not None and self._count:
            with by_product(self.made):
                self._make(self._tracking, trainer.global_step)

    @abstractmethod
    def _make(self, tracking: RunTracking, step: int) -> None:
        """Write the files, and have them published."""
