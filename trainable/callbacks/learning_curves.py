"""Draws a run's learning curves after every validation."""

import pytorch_lightning as pl

from trainable.callbacks.by_products import by_product
from trainable.run_folder import RunFolder
from trainable.tracking import CurveReader, RunTracking


class LearningCurves(pl.Callback):
    """Writes `curves.png` and `curves.csv` from the run's journal, so that a resumed run's curves are whole.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder.
    """

    def __init__(self, tracking: RunTracking | None, folder: RunFolder) -> None:
        self._tracking = tracking
        self._folder = folder
        self._reader: CurveReader | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw; the validation's metrics are in the journal by now."""
        if self._tracking is not None:
            with by_product("learning curves"):
                self._draw(self._tracking, trainer.global_step)

    def _draw(self, tracking: RunTracking, step: int) -> None:
        from trainable.curve_figure import save_curve_figure, save_curve_table  # Matplotlib takes a second

        self._reader = self._reader or CurveReader(self._folder.directory)
        curves = self._reader.read()
        save_curve_figure(
            self._folder.curve_figure, curves, caption=f"{self._folder.directory.name}, {step:,} optimizer steps"
        )
        save_curve_table(self._folder.curve_table, curves)
        tracking.artifact(self._folder.curve_figure)
        tracking.artifact(self._folder.curve_table)
