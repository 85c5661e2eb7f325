"""Writes a run's checkpoints: the last one, and the one with the best AP."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn

from trainable.files import written_whole
from trainable.lightning_module import DetectionModule
from trainable.run_folder import RunFolder


class Checkpoints(pl.Callback):
    """Keeps `last.ckpt`, replaced at every interval and after every validation, and `best.ckpt`, by the highest AP.

    A checkpoint appears whole or not at all. Where a validation is due, the checkpoint is written after it, so that a
    run that is killed while it validates repeats the validation. AP is the unfiltered mean over classes.

    Args:
        folder: The run's folder.
        every_n_steps: Optimizer steps between checkpoints.
        validation_interval: Optimizer steps between validations.
    """

    def __init__(self, folder: RunFolder, *, every_n_steps: int, validation_interval: int) -> None:
        self._folder = folder
        self._every_n_steps = every_n_steps
        self._validation_interval = validation_interval
        self._saved_step = -1
        self._best_ap = -1.0

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
        if step != self._saved_step and step % self._every_n_steps == 0 and step % self._validation_interval:
            self._save(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save what was validated, and keep it if it is the best; a validation after training finds it saved."""
        if not isinstance(pl_module, DetectionModule) or pl_module.metrics is None:
            return
        improved = self._best_ap < pl_module.metrics.AP
        if improved:
            self._best_ap = pl_module.metrics.AP
        if trainer.state.fn == TrainerFn.FITTING:
            self._save(trainer)
        best = self._folder.best_checkpoint
        if trainer.is_global_zero and (improved or not best.exists()):
            with written_whole(best) as draft:
                _link_or_copy(self._folder.last_checkpoint, draft)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the last step."""
        if self._saved_step != trainer.global_step:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        last = self._folder.last_checkpoint
        if trainer.is_global_zero:
            last.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(last) as draft:
                trainer.save_checkpoint(draft)
        else:
            trainer.save_checkpoint(last)  # gives its states to the first process, which alone writes
        self._saved_step = trainer.global_step


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name for the file costs nothing, but not every file system has it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
