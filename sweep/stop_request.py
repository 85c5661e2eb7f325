"""Ends a trial when somebody asked for it by `python -m sweep stop`."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

CHECK_S = 2.0


class StoppedByHand(SystemExit):
    """Somebody stopped the trial; the text is the reason."""


class StopRequest(pl.Callback):
    """Looks for the request while the trial trains and validates, every two seconds at most.

    Args:
        path: The file that is the request; its text is the reason.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checked_s = -CHECK_S

    def check(self) -> None:
        """End the trial if that was asked for.

        Raises:
            StoppedByHand: If it was.
        """
        try:
            reason = self._path.read_text().strip()
        except FileNotFoundError:
            return
        raise StoppedByHand(reason or "stopped by hand")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Check, now and then."""
        self._check_now_and_then()

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Check, now and then: a validation can take minutes."""
        self._check_now_and_then()

    def _check_now_and_then(self) -> None:
        now_s = time.monotonic()
        if now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            self.check()
