"""Writes a run's numbers into its journal: losses, speed and memory while training, metrics after each validation."""

import time
from typing import Any

import numpy as np
import psutil
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from trainable.data import TimedLoader
from trainable.evaluation import save_match_records
from trainable.lightning_module import DetectionModule
from trainable.process_group import all_gather
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking
from trainable.units import MIB


class Recording(pl.Callback):
    """Journals what happens. Quantities of a step stay on the device until the next line is due.

    Args:
        tracking: The run's journal; `None` in all processes of a distributed run but the first.
        folder: The run's folder, for match records and metrics.
        loader: The training loader, whose waiting time is recorded.
        log_every_n_steps: Optimizer steps between lines.

    Attributes:
        steps_per_second: Mean over all training so far, validation left out.
    """

    def __init__(
        self, tracking: RunTracking | None, folder: RunFolder, loader: TimedLoader, log_every_n_steps: int
    ) -> None:
        self._tracking = tracking
        self._folder = folder
        self._loader = loader
        self._log_every_n_steps = log_every_n_steps
        self._names: tuple[str, ...] = ()
        self._quantities: list[Tensor] = []
        self._step = 0
        self._line_step = 0
        self._line_s = 0.0
        self._line_waited_s = 0.0
        self._paused_at_s = 0.0
        self._paused_s = 0.0
        self._learning_rate = 0.0
        self._trained_s = 0.0
        self._trained_steps = 0

    @property
    def steps_per_second(self) -> float:
        """Optimizer steps a second of training time; 0 before the first line."""
        return self._trained_steps / self._trained_s if self._trained_s else 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to count."""
        self._step = trainer.global_step
        self._begin_line()
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Note the rate of the step about to be taken; the schedule moves on before the step's line is written."""
        self._learning_rate = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the micro-batch's quantities; write a line when one is due."""
        logged: dict[str, Tensor] = outputs["logged"]
        self._names = tuple(logged)
        self._quantities.append(torch.stack(tuple(logged.values())))
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if self._step % self._log_every_n_steps == 0 or self._step == trainer.max_steps:
            self._write_line(trainer, pl_module.device)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock of training."""
        self._paused_at_s = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the metrics and keep the match records."""
        if isinstance(pl_module, DetectionModule) and self._tracking is not None:
            self._write_metrics(self._tracking, pl_module, trainer.global_step)
        self._paused_s += time.perf_counter() - self._paused_at_s

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Bring the journal to the disk beside the checkpoint."""
        if self._tracking is not None:
            self._tracking.sync()

    def _begin_line(self) -> None:
        self._quantities.clear()
        self._line_step = self._step
        self._line_s = time.perf_counter()
        self._line_waited_s = self._loader.waited_s
        self._paused_s = 0.0

    def _write_line(self, trainer: pl.Trainer, device: torch.device) -> None:
        # Each rank's means count alike, as in RVT; the ranks write their lines at the same steps.
        means = np.mean(all_gather(torch.stack(self._quantities).mean(dim=0).tolist()), axis=0).tolist()
        elapsed_s = time.perf_counter() - self._line_s - self._paused_s
        steps = self._step - self._line_step
        self._trained_s += elapsed_s
        self._trained_steps += steps
        values = {f"train/{name}": mean for name, mean in zip(self._names, means, strict=True)}
        values["train/learning_rate"] = self._learning_rate
        values["speed/steps_per_second"] = steps / elapsed_s
        values["speed/data_wait_share"] = (self._loader.waited_s - self._line_waited_s) / elapsed_s
        values["memory/host_mib"] = psutil.Process().memory_info().rss / MIB
        if device.type == "cuda":
            values["memory/gpu_peak_mib"] = torch.cuda.max_memory_allocated(device) / MIB
        if self._tracking is not None:
            self._tracking.metrics(values, self._step)
        self._begin_line()

    def _write_metrics(self, tracking: RunTracking, module: DetectionModule, step: int) -> None:
        metrics, records = module.metrics, module.match_records
        if metrics is None or records is None:
            return
        tracking.metrics(metrics.flat(), step)
        path = self._folder.match_records(step)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_match_records(path, records)
        tracking.artifact(path, "match_records")
        self._folder.write_metrics(step, metrics.to_json())
