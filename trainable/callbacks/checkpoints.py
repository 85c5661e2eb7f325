"""Writes a run's checkpoints: the last one, and the one with the best AP."""

import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from trainable.lightning_module import DetectionModule


class Checkpoints(pl.Callback):
    """Keeps `last.ckpt`, replaced at every interval and after every validation, and `best.ckpt`, by the highest AP.

    A checkpoint appears whole or not at all. The best one is a second name of the last one, so it costs nothing.

    Args:
        directory: The checkpoints' folder.
        every_n_steps: Optimizer steps between checkpoints.
    """

    def __init__(self, directory: Path, every_n_steps: int) -> None:
        self._directory = directory
        self._every_n_steps = every_n_steps
        self._saved_step = -1
        self._best_ap = -1.0

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self._directory / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation so far."""
        return self._directory / "best.ckpt"

    def state_dict(self) -> dict[str, Any]:
        """The best AP so far."""
        return {"best_ap": self._best_ap}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self._best_ap = state_dict["best_ap"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count from the step that a resumed run begins with."""
        self._saved_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when the interval is over."""
        step = trainer.global_step
        if step != self._saved_step and step % self._every_n_steps == 0:
            self._save(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save what was validated, and keep it if it is the best."""
        fitting = trainer.state.fn == TrainerFn.FITTING
        if not isinstance(pl_module, DetectionModule) or pl_module.metrics is None or not fitting:
            return
        improved = self._best_ap < pl_module.metrics.AP
        if improved:
            self._best_ap = pl_module.metrics.AP
        self._save(trainer)
        if (improved or not self.best.exists()) and trainer.is_global_zero:
            draft = self.best.with_suffix(".partial")
            draft.unlink(missing_ok=True)
            os.link(self.last, draft)
            draft.replace(self.best)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the last step."""
        if self._saved_step != trainer.global_step:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        # Only the first process writes; the others give it their states.
        draft = self.last.with_suffix(".partial")
        try:
            trainer.save_checkpoint(draft)
            if trainer.is_global_zero:
                draft.replace(self.last)
        finally:
            if trainer.is_global_zero:
                draft.unlink(missing_ok=True)
        self._saved_step = trainer.global_step
