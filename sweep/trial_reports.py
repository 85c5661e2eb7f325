"""What a trial tells the search: its metrics after each validation, and why it could not go on."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl

from search_spaces.objectives import HEADLINE_METRICS
from trainable.lightning_module import DetectionModule

Report = Callable[[dict[str, Any]], None]


class StoppedEarly(SystemExit):
    """The search ended the trial; the text says when."""


class TrialReports:
    """Sends reports that all have the same keys.

    A report holds every metric, their best values so far as `best_AP` and so on, `training_step`, `index`,
    `micro_batch`, and `failure` and `stopped`: empty, or why the trial ended. Before the first validation the metrics
    are missing from it.

    Args:
        index: The trial's number.
        micro_batch: Rows that the device holds at once.
        send: Takes a report. It raises `SystemExit` to end the trial.

    Attributes:
        micro_batch: As above; later reports say what it is set to.
        step: Optimizer steps at the newest validation; 0 before the first.
    """

    def __init__(self, index: int, micro_batch: int, send: Report) -> None:
        self._index = index
        self._send = send
        self._metrics: dict[str, float] = {}
        self._best: dict[str, float] = {}
        self.micro_batch = micro_batch
        self.step = 0

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """Report a validation's metrics; one that was reported before is passed over.

        Raises:
            StoppedEarly: If the search ends the trial.
        """
        if step <= self.step:
            return
        self.step = step
        self._metrics = {name: float(value) for name, value in metrics.items()}
        for name in HEADLINE_METRICS:
            value, best = self._metrics[name], self._best.get(name, math.nan)
            self._best[name] = best if value <= best or math.isnan(value) else value
        try:
            self._report()
        except SystemExit as stop:
            raise StoppedEarly(f"stopped early at step {step}") from stop

    def failed(self, reason: str) -> None:
        """Report that the trial cannot go on, whatever is tried."""
        self._report(failure=reason)

    def stopped(self, reason: str) -> None:
        """Report that the trial was stopped by hand."""
        self._report(stopped=reason)

    def _report(self, *, failure: str = "", stopped: str = "") -> None:
        self._send(
            {
                **self._metrics,
                **{f"best_{name}": value for name, value in self._best.items()},
                "training_step": self.step,
                "index": self._index,
                "micro_batch": self.micro_batch,
                "failure": failure,
                "stopped": stopped,
            }
        )


class ValidationReports(pl.Callback):
    """Reports each validation, as a callback that follows the one that writes its checkpoint.

    Args:
        reports: Where to report.
    """

    def __init__(self, reports: TrialReports) -> None:
        self._reports = reports

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the metrics."""
        if isinstance(pl_module, DetectionModule) and pl_module.metrics is not None:
            self._reports.validated(trainer.global_step, pl_module.metrics.flat())
