"""One training run, from the configuration to the metrics."""

import errno
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from rich.console import Console

from trainable.assembly import (
    box_areas_px2,
    build_collector,
    build_eval_loader,
    build_module,
    build_train_loader,
    open_sequences,
    size_aware_settings,
)
from trainable.callbacks import Checkpoints, LossGuard, Progress, Recording
from trainable.config import Config
from trainable.data import TrainSampler
from trainable.errors import DataError, OutOfMemoryError, TrainingError
from trainable.evaluation import Metrics
from trainable.hardware import Devices, resolve_devices, rows_per_device
from trainable.model import read_checkpoint
from trainable.provenance import provenance
from trainable.run_folder import RunFolder, check_same_run, new_run_folder, resumed_run
from trainable.tracking import RunTracking, default_uri

logger = logging.getLogger(__name__)

_SEED_VARIABLE = "EVSWEEP_SEED"
"""Tells the other processes of a distributed run which seed the first one drew."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class TrainResult:
    """What a training run leaves.

    Attributes:
        folder: The run's folder.
        step: Optimizer steps done.
        metrics: Metrics on the validation split after the last step.
        steps_per_second: Optimizer steps a second, validation left out.
        seed: The run's seed.
    """

    folder: RunFolder
    step: int
    metrics: Metrics
    steps_per_second: float
    seed: int

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types; undefined metrics are `None`."""
        return {
            "run": str(self.folder.directory),
            "step": self.step,
            "seed": self.seed,
            "steps_per_second": self.steps_per_second,
            "metrics": self.metrics.to_json(),
        }


@dataclass(frozen=True)
class _Beginning:
    """Where a run begins: in which folder, from which checkpoint and step, with which seed."""

    folder: RunFolder
    checkpoint: Path | None
    content: dict[str, Any]
    seed: int

    @property
    def step(self) -> int:
        return int(self.content.get("global_step", 0))


def train(
    config: Config,
    *,
    callbacks: Sequence[pl.Callback] = (),
    devices: Devices | None = None,
    console: Console | None = None,
) -> TrainResult:
    """Train a detector and evaluate it.

    Args:
        config: The run's configuration.
        callbacks: Further Lightning callbacks, called before checkpoints are written.
        devices: Where to compute; by default what `hardware.gpus` says.
        console: Where to show progress; by default the standard error output.

    Raises:
        EvsweepError: If something in the configuration, the data, the checkpoint or the machine keeps the run from
            starting or going on. The run's folder then keeps the last good checkpoint.
    """
    devices = devices or resolve_devices(config)
    micro_batch_size, micro_batches_per_step = rows_per_device(config, devices)
    train_sequences, val_sequences = open_sequences(config, "train"), open_sequences(config, "val")
    beginning = _begin(config)
    config = config.merged({"reproduce.seed_everything": beginning.seed})
    pl.seed_everything(beginning.seed, verbose=False)
    if devices.accelerator == "gpu":
        torch.set_float32_matmul_precision("high")

    module = build_module(config, size_aware_settings(config, lambda: box_areas_px2(train_sequences)))
    if beginning.checkpoint is not None:
        module.mdl.load_rvt_state_dict(beginning.content["state_dict"])
    module.collector = build_collector(config, val_sequences)
    rank, world_size = int(os.environ.get("LOCAL_RANK", 0)), devices.count
    loader, sampler = build_train_loader(
        config,
        train_sequences,
        seed=beginning.seed,
        micro_batch_size=micro_batch_size,
        start_step=beginning.step,
        rank=rank,
        world_size=world_size,
    )
    val_loader = build_eval_loader(config, val_sequences, rank=rank, world_size=world_size)

    tracking = _start_tracking(config, devices, beginning) if rank == 0 else None
    log_every_n_steps = config.logging.train.log_every_n_steps
    recording = Recording(tracking, beginning.folder, loader, log_every_n_steps)
    trainer = _build_trainer(
        config,
        devices,
        validation_interval=_validation_interval(config, sampler) * micro_batches_per_step,
        micro_batches_per_step=micro_batches_per_step,
        callbacks=[
            recording,
            Progress(console or Console(stderr=True), log_every_n_steps),
            LossGuard(),
            *callbacks,
            Checkpoints(beginning.folder.checkpoints, config.logging.train.log_model_every_n_steps),
        ],
    )
    with _closed_at_the_end(tracking), _explained(beginning.folder):
        trainer.fit(module, loader, val_loader, ckpt_path=beginning.checkpoint, weights_only=True)
        step = trainer.global_step
        if module.validated_step != step:
            trainer.validate(module, val_loader, verbose=False)
    if module.metrics is None:
        raise TrainingError(f"the run in {beginning.folder.directory} ended without a validation")
    return TrainResult(beginning.folder, step, module.metrics, recording.steps_per_second, beginning.seed)


def _begin(config: Config) -> _Beginning:
    if config.resume is None:
        inherited = os.environ.get(_SEED_VARIABLE) if int(os.environ.get("LOCAL_RANK", 0)) > 0 else None
        drawn = int(inherited) if inherited else secrets.randbelow(2**31)
        given = config.reproduce.seed_everything
        seed = drawn if given is None else given
        os.environ[_SEED_VARIABLE] = str(seed)
        return _Beginning(new_run_folder(config), None, {}, seed)
    folder, checkpoint = resumed_run(config.resume)
    recorded = folder.read_config()
    check_same_run(config, recorded)
    content = read_checkpoint(checkpoint, allow_unpickling=config.allow_unpickling)
    recorded_seed = recorded.reproduce.seed_everything
    if recorded_seed is None:
        raise DataError(f"{folder.config_file} does not hold the run's seed; start a new run")
    return _Beginning(folder, checkpoint, content, recorded_seed)


def _start_tracking(config: Config, devices: Devices, beginning: _Beginning) -> RunTracking:
    folder = beginning.folder
    resumed = beginning.checkpoint is not None
    uri = config.tracking.uri or default_uri(Path(config.output_dir))
    tags = provenance(devices)
    if config.wandb.group_name is not None:
        tags["evsweep.group"] = config.wandb.group_name
    tracking = RunTracking.start(
        folder.directory,
        experiment=config.wandb.project_name,
        uri=uri if config.tracking.enabled else None,
        run_name=config.tracking.run_name or folder.directory.name,
        tags=tags,
        resume_step=beginning.step if resumed else None,
    )
    if not resumed:
        folder.write_config(config)
        tracking.parameters(config.to_dict())
        tracking.artifact(folder.config_file)
    return tracking


def _validation_interval(config: Config, sampler: TrainSampler) -> int:
    """Optimizer steps between validations."""
    if config.validation.val_check_interval is not None:
        return config.validation.val_check_interval
    passes = config.validation.check_val_every_n_epoch or 1
    return passes * sampler.steps_per_pass


def _build_trainer(
    config: Config,
    devices: Devices,
    *,
    validation_interval: int,
    micro_batches_per_step: int,
    callbacks: list[pl.Callback],
) -> pl.Trainer:
    on_gpu = devices.accelerator == "gpu"
    backend = config.hardware.dist_backend if on_gpu else "gloo"
    return pl.Trainer(
        accelerator=devices.accelerator,
        devices=list(devices.indices) if on_gpu else devices.count,
        strategy=DDPStrategy(process_group_backend=backend) if devices.count > 1 else "auto",
        precision=devices.precision,
        max_steps=config.training.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=micro_batches_per_step,
        gradient_clip_val=config.training.gradient_clip_val or None,
        val_check_interval=validation_interval,
        check_val_every_n_epoch=None,
        limit_val_batches=config.validation.limit_val_batches,
        num_sanity_val_steps=0,
        benchmark=config.reproduce.benchmark,
        deterministic=config.reproduce.deterministic_flag,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=callbacks,
    )


@contextmanager
def _closed_at_the_end(tracking: RunTracking | None) -> Iterator[None]:
    """End the run's journal with what became of it."""
    if tracking is None:
        yield
        return
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit) as interruption:
        tracking.close("KILLED", reason=type(interruption).__name__)
        raise
    except BaseException as error:
        tracking.close("FAILED", reason=str(error))
        raise
    tracking.close("FINISHED")


@contextmanager
def _explained(folder: RunFolder) -> Iterator[None]:
    """Say what to do where the machine's limits end a run."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(
            f"a training step does not fit into the GPU's memory: {error}\nLower batch_size.micro (the effective batch "
            f"batch_size.train stays as it is) and go on with resume={folder.directory}"
        ) from error
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise DataError(
            f"the disk that holds {folder.directory} is full ({error.strerror}); the last whole checkpoint is kept. "
            f"Free some space and go on with resume={folder.directory}"
        ) from error
