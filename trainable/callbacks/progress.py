"""The progress of a run: a live bar in a terminal, lines in a log file."""

import logging
import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from trainable.lightning_module import DetectionModule

logger = logging.getLogger(__name__)

REFRESH_S = 0.5


class Progress(pl.Callback):
    """Shows step, loss, steps a second and the time left.

    Args:
        console: Where to draw. A console that is no terminal gets a line every `log_every_n_steps` instead.
        log_every_n_steps: Optimizer steps between lines.
    """

    def __init__(self, console: Console, log_every_n_steps: int) -> None:
        self._console = console
        self._log_every_n_steps = log_every_n_steps
        self._bar: RichProgress | None = None
        self._task = TaskID(0)
        self._first_step = 0
        self._started_s = 0.0
        self._paused_at_s = 0.0
        self._shown_s = 0.0
        self._shown_step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to count."""
        self._first_step = self._shown_step = trainer.global_step
        self._started_s = time.monotonic()
        if trainer.is_global_zero and self._console.is_terminal:
            self._bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]}  {task.fields[speed]} steps/s"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task(
                "training", total=trainer.max_steps, completed=trainer.global_step, loss="-", speed="-"
            )
            self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the step, at most a few times a second: reading the loss waits for the GPU."""
        step = trainer.global_step
        if not trainer.is_global_zero or step == self._shown_step:
            return
        now = time.monotonic()
        if self._bar is not None:
            if now - self._shown_s < REFRESH_S and step < trainer.max_steps:
                return
            loss, speed = f"{float(outputs['logged']['loss']):.3f}", f"{self._steps_per_second(step, now):.2f}"
            self._bar.update(self._task, completed=step, loss=loss, speed=speed)
        elif step % self._log_every_n_steps == 0:
            steps_per_second = self._steps_per_second(step, now)
            minutes_left = (trainer.max_steps - step) / steps_per_second / 60
            logger.info(
                "step %d of %d: loss %.3f, %.2f steps/s, %.1f minutes left",
                step,
                trainer.max_steps,
                float(outputs["logged"]["loss"]),
                steps_per_second,
                minutes_left,
            )
        self._shown_s, self._shown_step = now, step

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say that validation runs, and stop the clock of training."""
        self._paused_at_s = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, description="validating")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say what came out, and that training goes on."""
        self._started_s += time.monotonic() - self._paused_at_s
        if isinstance(pl_module, DetectionModule) and pl_module.metrics is not None and trainer.is_global_zero:
            metrics = pl_module.metrics
            logger.info(
                "validated at step %d: AP %.2f %%, AP50 %.2f %%, AP_S %.2f %%",
                trainer.global_step,
                100 * metrics.AP,
                100 * metrics.AP50,
                100 * metrics.AP_S,
            )
        if self._bar is not None:
            self._bar.update(self._task, description="training")

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave the terminal as it was."""
        self.teardown(trainer, pl_module, "fit")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _steps_per_second(self, step: int, now_s: float) -> float:
        return (step - self._first_step) / max(now_s - self._started_s, 1e-9)
