"""Evaluate a checkpoint on a split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from trainable.assembly import (
    build_collector,
    build_eval_loader,
    build_module,
    open_sequences,
    with_recorded_resolution,
)
from trainable.config import Config
from trainable.errors import ConfigError, DataError
from trainable.evaluation import MatchRecords, Metrics
from trainable.hardware import resolve_devices
from trainable.machine_limits import machine_limits_explained
from trainable.types import Split


@dataclass(frozen=True)
class ValidateResult:
    """The metrics of a checkpoint.

    Attributes:
        checkpoint: The checkpoint's path.
        split: The split that it was evaluated on.
        metrics: The metrics.
        match_records: What the metrics were computed from.
    """

    checkpoint: str
    split: Split
    metrics: Metrics
    match_records: MatchRecords

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types; undefined metrics are `None`."""
        return {"checkpoint": self.checkpoint, "split": self.split, "metrics": self.metrics.to_json()}


def validate(config: Config) -> ValidateResult:
    """Evaluate `checkpoint` on the validation split, or on the test split with `use_test_set`.

    Raises:
        ConfigError: If no checkpoint is given, or several GPUs are asked for.
        EvsweepError: If the data or the checkpoint cannot be used.
    """
    split: Split = "test" if config.use_test_set else "val"
    config = with_recorded_resolution(config, split)
    if config.checkpoint is None:
        raise ConfigError("validate needs a checkpoint: add checkpoint=PATH")
    devices = resolve_devices(config)
    if devices.count > 1:
        raise ConfigError(f"validate runs on one GPU, got hardware.gpus={list(devices.indices)}; name one of them")
    sequences = open_sequences(config, split)
    module = build_module(config, collector=build_collector(config, sequences))
    if devices.accelerator == "gpu":
        torch.set_float32_matmul_precision("high")
    trainer = pl.Trainer(
        accelerator=devices.accelerator,
        devices=list(devices.indices) or 1,
        precision=devices.precision,
        limit_val_batches=config.validation.limit_val_batches,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with machine_limits_explained(Path.cwd(), "Then validate again"):
        trainer.validate(module, build_eval_loader(config, sequences), verbose=False)
    if module.metrics is None or module.match_records is None:
        raise DataError(f"validation.limit_val_batches={config.validation.limit_val_batches} left nothing to evaluate")
    return ValidateResult(config.checkpoint, split, module.metrics, module.match_records)
