"""One training run, from the configuration to the metrics."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from rich.console import Console

from trainable.assembly import (
    box_areas_px2,
    build_collector,
    build_eval_loader,
    build_module,
    build_train_loader,
    open_sequences,
    size_aware_settings,
    training_boxes,
    with_recorded_resolution,
)
from trainable.beginning import Beginning, begun
from trainable.callbacks import (
    Checkpoints,
    ComparedMoments,
    EventImages,
    LearningCurves,
    LossGuard,
    Progress,
    Recording,
    ValidationMoments,
)
from trainable.callbacks.by_products import by_product
from trainable.config import Config
from trainable.errors import TrainingError
from trainable.evaluation import Metrics
from trainable.hardware import Devices, resolve_devices, rows_per_device
from trainable.lightning_module import DetectionModule
from trainable.lightning_trainer import build_trainer, children_ended, validation_interval
from trainable.losses import SizeAwareSettings
from trainable.machine_limits import machine_limits_explained
from trainable.model import read_weights
from trainable.process_group import process_rank
from trainable.run_folder import RunFolder
from trainable.tracked_run import RunIdentity, tracked_run
from trainable.training_boxes import save_training_boxes

__all__ = ["RunIdentity", "TrainResult", "train"]

logger = logging.getLogger(__name__)


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
    interval = validation_interval(config, sampler)

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
        tracked_run(config, devices, beginning, rank, identity) as tracking,
    ):
        if tracking is not None:
            tracking.tags(_model_tags(module, size_aware))
            if beginning.checkpoint is None:
                with by_product("training boxes' areas"):
                    save_training_boxes(folder.training_boxes, training_boxes(config, train_sequences))
                    tracking.artifact(folder.training_boxes)
        moments = ValidationMoments(
            collector,
            val_sequences,
            class_names=config.label_set.class_names,
            small_area_px2=config.dataset.evaluation.small_area_px2,
        )
        recording = Recording(tracking, folder, loader, config.logging.train.log_every_n_steps)
        trainer = build_trainer(
            config,
            devices,
            validation_interval=interval * micro_batches_per_step,
            micro_batches_per_step=micro_batches_per_step,
            callbacks=[
                recording,
                Progress(console, config.logging.train.log_every_n_steps),
                LossGuard(),
                Checkpoints(
                    folder,
                    every_n_steps=config.logging.train.log_model_every_n_steps,
                    validation_interval=interval,
                ),
                LearningCurves(tracking, folder),
                EventImages(tracking, folder, moments, count=config.logging.validation.event_images),
                ComparedMoments(tracking, folder, moments, count=config.logging.validation.compared_moments),
                *callbacks,
            ],
        )
        with children_ended(trainer):
            trainer.fit(module, loader, val_loader, ckpt_path=beginning.checkpoint, weights_only=True)
            step = trainer.global_step
            if module.validated_step != step:
                trainer.validate(module, val_loader, verbose=False)
    if module.metrics is None:
        raise TrainingError(f"the run in {folder.directory} ended without a validation")
    return TrainResult(folder, step, module.metrics, recording.steps_per_second, beginning.seed)


def _model_tags(module: DetectionModule, size_aware: SizeAwareSettings | None) -> dict[str, str]:
    """The size of the model, and the areas that thresholds given as quantiles stand for."""
    trained = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    tags = {"model.parameters": str(trained)}
    if size_aware is not None:
        tags["size_aware.small_threshold_px2"] = f"{size_aware.small_threshold:g}"
        tags["size_aware.medium_threshold_px2"] = f"{size_aware.medium_threshold:g}"
    return tags
