"""Stops a run whose loss is no longer a number, before a checkpoint can hold what it did to the weights."""

from collections import deque
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from trainable.data import Batch
from trainable.errors import TrainingError


class LossGuard(pl.Callback):
    """Checks every step's loss one step late, so that a GPU is never waited for.

    Raises:
        TrainingError: From a training hook, naming the step and the batch's sequences.
    """

    def __init__(self) -> None:
        self._unchecked: deque[tuple[int, Tensor, Batch]] = deque()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Queue this step's loss, and check the one before."""
        self._unchecked.append((trainer.global_step, outputs["logged"]["loss"], batch))
        self._check(keep=0 if pl_module.device.type == "cpu" else 1)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Check everything that this checkpoint would hold."""
        self._check(keep=0)

    def _check(self, keep: int) -> None:
        while len(self._unchecked) > keep:
            step, loss, batch = self._unchecked.popleft()
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss.item()} at step {step}, on\n{batch.describe()}\n"
                    "The last good checkpoint is kept. Lower training.learning_rate or model.head.size_aware_weight, "
                    "or set training.precision=32, and resume from that checkpoint"
                )
