"""One training run, from the configuration to the metrics."""

import logging
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    with_recorded_resolution,
)
from trainable.beginning import Beginning, begun
from trainable.callbacks import Checkpoints, EventImages, LearningCurves, LossGuard, Progress, Recording
from trainable.config import Config
from trainable.data import TrainSampler
from trainable.errors import ConfigError, TrackingError, TrainingError
from trainable.evaluation import Metrics
from trainable.hardware import Devices, resolve_devices, rows_per_device
from trainable.losses import SizeAwareSettings
from trainable.machine_limits import machine_limits_explained
from trainable.model import read_weights
from trainable.process_group import process_rank
from trainable.provenance import dataset_tags, provenance
from trainable.run_folder import RunFolder
from trainable.tracking import RunTracking, default_uri

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunIdentity:
    """Who a run is, where that is decided outside of it.

    Attributes:
        run_id: Identity of the run on every tracking server, the same after each restart.
        parent_run_id: The `run_id` of the run that this one is shown under.
        run_name: The run's name; `None` leaves `tracking.run_name`.
        tags: Further tags.
    """

    run_id: str
    parent_run_id: str | None = None
    run_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


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


def train(
    config: Config,
    *,
    callbacks: Sequence[pl.Callback] = (),
    devices: Devices | None = None,
    console: Console | None = None,
    identity: RunIdentity | None = None,
) -> TrainResult:
    """Train a detector and evaluate it.

    Args:
        config: The run's configuration.
        callbacks: Further Lightning callbacks; after a validation they find its checkpoint written.
        devices: Where to compute; by default what `hardware.gpus` says.
        console: Where to show progress; by default the standard error output.
        identity: Who the run is; by default a new identity, and the name that the configuration gives. A resumed run
            must be given the one that it was started with, or none.

    Raises:
        EvsweepError: If something in the configuration, the data, the checkpoint or the machine keeps the run from
            starting or going on. The run's folder then keeps the last good checkpoint.
        SystemExit: Whatever a callback raises to stop the run; its text becomes the reason in the journal.
    """
    devices = devices or resolve_devices(config)
    config = with_recorded_resolution(config)
    rank = process_rank(devices.count)
    with begun(config, rank=rank) as beginning:
        config = config.merged({"reproduce.seed_everything": beginning.seed})
        if beginning.resumed and beginning.checkpoint is None:  # it begins anew, with the weights that it began with
            config = config.merged({"checkpoint": beginning.folder.read_config().checkpoint})
        return _train(config, beginning, devices, rank, callbacks, console or Console(stderr=True), identity)


def _train(
    config: Config,
    beginning: Beginning,
    devices: Devices,
    rank: int,
    callbacks: Sequence[pl.Callback],
    console: Console,
    identity: RunIdentity | None,
) -> TrainResult:
    micro_batch_size, micro_batches_per_step = rows_per_device(config, devices)
    train_sequences, val_sequences = open_sequences(config, "train"), open_sequences(config, "val")
    pl.seed_everything(beginning.seed, verbose=False)
    if devices.accelerator == "gpu":
        torch.set_float32_matmul_precision("high")

    size_aware = size_aware_settings(config, lambda: box_areas_px2(train_sequences))
    collector = build_collector(config, val_sequences)
    module = build_module(config, size_aware, collector)
    if beginning.checkpoint is not None:
        # Lightning loads them again; this names what differs where the architecture is another one.
        module.mdl.load_rvt_state_dict(read_weights(beginning.checkpoint, allow_unpickling=config.allow_unpickling))
    loader, sampler = build_train_loader(
        config,
        train_sequences,
        seed=beginning.seed,
        micro_batch_size=micro_batch_size,
        start_position=beginning.step * micro_batches_per_step,
        rank=rank,
        world_size=devices.count,
    )
    val_loader = build_eval_loader(config, val_sequences, rank=rank, world_size=devices.count)
    validation_interval = _validation_interval(config, sampler)

    folder = beginning.folder
    if rank == 0:
        logger.info(
            "%s %s: %s, %.1f M parameters, %d training and %d validation sequences, steps %d to %d",
            "going on with" if beginning.resumed else "run",
            folder.directory,
            f"GPU {', '.join(map(str, devices.indices))}" if devices.indices else "CPU",
            sum(parameter.numel() for parameter in module.parameters()) / 1e6,
            len(train_sequences),
            len(val_sequences),
            beginning.step,
            config.training.max_steps,
        )
    go_on = f"Then go on with resume={folder.directory}"
    with (
        machine_limits_explained(folder.directory, go_on),
        _tracked(config, devices, beginning, rank, identity) as tracking,
    ):
        if tracking is not None and size_aware is not None:
            tracking.tags(_resolved_thresholds(size_aware))
        recording = Recording(tracking, folder, loader, config.logging.train.log_every_n_steps)
        trainer = _build_trainer(
            config,
            devices,
            validation_interval=validation_interval * micro_batches_per_step,
            micro_batches_per_step=micro_batches_per_step,
            callbacks=[
                recording,
                Progress(console, config.logging.train.log_every_n_steps),
                LossGuard(),
                Checkpoints(
                    folder,
                    every_n_steps=config.logging.train.log_model_every_n_steps,
                    validation_interval=validation_interval,
                ),
                LearningCurves(tracking, folder),
                EventImages(
                    tracking,
                    folder,
                    collector,
                    val_sequences,
                    class_names=config.label_set.class_names,
                    count=config.logging.validation.event_images,
                    small_area_px2=config.dataset.evaluation.small_area_px2,
                ),
                *callbacks,
            ],
        )
        with _children_ended(trainer):
            trainer.fit(module, loader, val_loader, ckpt_path=beginning.checkpoint, weights_only=True)
            step = trainer.global_step
            if module.validated_step != step:
                trainer.validate(module, val_loader, verbose=False)
    if module.metrics is None:
        raise TrainingError(f"the run in {folder.directory} ended without a validation")
    return TrainResult(folder, step, module.metrics, recording.steps_per_second, beginning.seed)


@contextmanager
def _tracked(
    config: Config, devices: Devices, beginning: Beginning, rank: int, identity: RunIdentity | None
) -> Iterator[RunTracking | None]:
    """The run's journal in the first process, ended with what became of the run."""
    if rank > 0:
        yield None
        return
    folder = beginning.folder
    # The configuration makes the folder a run that can be resumed, so it comes first.
    if not beginning.resumed:
        folder.write_config(config)
    try:
        tracking = _start_tracking(config, devices, beginning, identity)
    except TrackingError:
        if not beginning.resumed:
            folder.config_file.unlink()
        raise
    try:
        if beginning.checkpoint is None:
            tracking.parameters(folder.read_config().to_dict())
            tracking.artifact(folder.config_file)
        try:
            yield tracking
        finally:
            if config.tracking.log_best_checkpoint and folder.best_checkpoint.exists():
                tracking.artifact(folder.best_checkpoint, "checkpoints")
    except (KeyboardInterrupt, SystemExit) as interruption:
        logger.warning("stopped; go on with resume=%s", folder.directory)
        tracking.close("KILLED", reason=_interruption_reason(interruption))
        raise
    except BaseException as error:
        tracking.close("FAILED", reason=str(error))
        raise
    tracking.close("FINISHED")


def _interruption_reason(interruption: KeyboardInterrupt | SystemExit) -> str:
    """The text of a `SystemExit`, which may hold an exit code in its place."""
    if isinstance(interruption, SystemExit) and isinstance(interruption.code, str):
        return interruption.code
    return type(interruption).__name__


def _start_tracking(
    config: Config, devices: Devices, beginning: Beginning, identity: RunIdentity | None
) -> RunTracking:
    tags = provenance(devices)
    if not beginning.resumed:
        tags |= dataset_tags(config)
    if config.wandb.group_name is not None:
        tags["evsweep.group"] = config.wandb.group_name
    run_name = config.tracking.run_name or beginning.folder.directory.name
    return RunTracking.start(
        beginning.folder.directory,
        experiment=config.wandb.project_name,
        uri=(config.tracking.uri or default_uri(Path(config.output_dir))) if config.tracking.enabled else None,
        run_name=run_name if identity is None else identity.run_name or run_name,
        tags=tags if identity is None else tags | dict(identity.tags),
        run_id=None if identity is None else identity.run_id,
        parent_run_id=None if identity is None else identity.parent_run_id,
        resume_step=beginning.step if beginning.resumed else None,
    )


def _resolved_thresholds(size_aware: SizeAwareSettings) -> dict[str, str]:
    """The areas that thresholds given as quantiles stand for."""
    return {
        "size_aware.small_threshold_px2": f"{size_aware.small_threshold:g}",
        "size_aware.medium_threshold_px2": f"{size_aware.medium_threshold:g}",
    }


def _validation_interval(config: Config, sampler: TrainSampler) -> int:
    """Optimizer steps between validations."""
    steps, passes = config.validation.val_check_interval, config.validation.check_val_every_n_epoch
    if steps is not None:
        return steps
    if passes is None:
        raise ConfigError("one of validation.val_check_interval and validation.check_val_every_n_epoch must be set")
    return passes * sampler.steps_per_pass


def _build_trainer(
    config: Config,
    devices: Devices,
    *,
    validation_interval: int,
    micro_batches_per_step: int,
    callbacks: list[pl.Callback],
) -> pl.Trainer:
    """Lightning's trainer, with RVT's choices: gradients clipped by value, batch normalisation over all GPUs."""
    on_gpu = devices.accelerator == "gpu"
    backend = config.hardware.dist_backend if on_gpu else "gloo"
    return pl.Trainer(
        accelerator=devices.accelerator,
        devices=list(devices.indices) if on_gpu else devices.count,
        strategy=DDPStrategy(process_group_backend=backend) if devices.count > 1 else "auto",
        sync_batchnorm=on_gpu and devices.count > 1,
        precision=devices.precision,
        max_steps=config.training.max_steps,
        max_epochs=-1,
        accumulate_grad_batches=micro_batches_per_step,
        gradient_clip_val=config.training.gradient_clip_val or None,
        gradient_clip_algorithm="value",
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
def _children_ended(trainer: pl.Trainer) -> Iterator[None]:
    """After an error, end the other processes, which would wait for this one for ever."""
    try:
        yield
    except BaseException:
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)
        raise
