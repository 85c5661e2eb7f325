"""Lets a trial wait while its disk is nearly full, before a checkpoint could break."""

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytorch_lightning as pl

from sweep.folder import PAUSED_NAME
from trainable.run_folder import RunFolder
from trainable.units import GIB

logger = logging.getLogger(__name__)

CHECK_S = 5.0
POLL_S = 2.0


class DiskGuard(pl.Callback):
    """Waits while the free space is less than a limit, or than two checkpoints take.

    Args:
        folder: The trial's run folder.
        min_free_bytes: The limit.
        while_waiting: Called every two seconds while the trial waits; it may raise to end the trial.
    """

    def __init__(self, folder: RunFolder, min_free_bytes: int, while_waiting: Callable[[], None]) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._while_waiting = while_waiting
        self._checked_s = -CHECK_S

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Wait for space; checked every five seconds."""
        now_s = time.monotonic()
        if now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            self.wait_for_space()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wait for space: a checkpoint follows."""
        self.wait_for_space()

    def wait_for_space(self) -> None:
        """Return once there is space."""
        shortage = self._shortage()
        if shortage is None:
            return
        logger.warning("paused: %s", shortage)
        try:
            while shortage is not None:
                self._show(shortage)
                self._while_waiting()
                time.sleep(POLL_S)
                shortage = self._shortage()
        finally:
            remove_pause(self._folder)
        logger.warning("there is space again; going on")

    def _shortage(self) -> str | None:
        """What is missing; `None` where there is enough."""
        last = self._folder.last_checkpoint
        checkpoint_bytes = last.stat().st_size if last.exists() else 0
        needed, free = max(self._min_free_bytes, 2 * checkpoint_bytes), shutil.disk_usage(self._folder.directory).free
        if free >= needed:
            return None
        return (
            f"the disk that holds {self._folder.directory} has {free / GIB:.2f} GiB left and the trial waits for "
            f"{needed / GIB:.2f} GiB; free some space, and it goes on"
        )

    def _show(self, shortage: str) -> None:
        with suppress(OSError):  # on a full disk the message is in the log only
            (self._folder.directory / PAUSED_NAME).write_text(shortage + "\n")


def remove_pause(folder: RunFolder) -> None:
    """Say that the trial doesn't wait, also where its process was killed while it did."""
    (folder.directory / PAUSED_NAME).unlink(missing_ok=True)
