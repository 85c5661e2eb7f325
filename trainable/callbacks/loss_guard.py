"""Stops a run whose loss or weights are no longer numbers, before a checkpoint can hold them."""

from collections import deque
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from trainable.data import Batch
from trainable.errors import TrainingError
from trainable.process_group import all_gather


class LossGuard(pl.Callback):
    """Checks every step's loss, on a GPU one step late so that it is never waited for, and all weights before saving.

    Raises:
        TrainingError: From a training hook, naming the step and the batch's sequences.
    """

    def __init__(self) -> None:
        self._unchecked: deque[tuple[int, Tensor, Batch]] = deque()
        self._newest: Batch | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Queue this step's loss, and check the one before."""
        self._newest = batch
        self._unchecked.append((trainer.global_step, outputs["logged"]["loss"], batch))
        self._check_losses(keep=0 if pl_module.device.type == "cpu" else 1)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Check the losses that led to this checkpoint, and its weights: a finite loss can have other gradients."""
        self._check_losses(keep=0)
        tensors = [value for value in pl_module.state_dict().values() if value.is_floating_point()]
        finite = bool(torch.stack([value.isfinite().all() for value in tensors]).all())
        if not all(all_gather(finite)):
            raise _stop("a weight is no longer finite", trainer.global_step, self._newest)

    def _check_losses(self, keep: int) -> None:
        while len(self._unchecked) > keep:
            step, loss, batch = self._unchecked.popleft()
            if not torch.isfinite(loss):
                raise _stop(f"the loss became {loss.item()}", step, batch)


def _stop(what: str, step: int, batch: Batch | None) -> TrainingError:
    sequences = "" if batch is None else f", on\n{batch.describe()}"
    return TrainingError(
        f"{what} at step {step}{sequences}\nThe last good checkpoint is kept. Start a new run from it with "
        "checkpoint=RUN/checkpoints/last.ckpt and a lower training.learning_rate or model.head.size_aware_weight, or "
        "with training.precision=32"
    )
