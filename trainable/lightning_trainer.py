"""Lightning's trainer as a run needs it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
from pytorch_lightning.strategies import DDPStrategy

from trainable.config import Config
from trainable.data import TrainSampler
from trainable.errors import ConfigError
from trainable.hardware import Devices


def validation_interval(config: Config, sampler: TrainSampler) -> int:
    """Optimizer steps between validations.

    Raises:
        ConfigError: If the configuration gives no interval.
    """
    steps, passes = config.validation.val_check_interval, config.validation.check_val_every_n_epoch
    if steps is not None:
        return steps
    if passes is None:
        raise ConfigError("one of validation.val_check_interval and validation.check_val_every_n_epoch must be set")
    return passes * sampler.steps_per_pass


def build_trainer(
    config: Config,
    devices: Devices,
    *,
    validation_interval: int,
    micro_batches_per_step: int,
    callbacks: list[pl.Callback],
) -> pl.Trainer:
    """Lightning's trainer, with RVT's choices: gradients clipped by value, batch normalisation over all GPUs.

    Args:
        config: The run's configuration.
        devices: Where to compute.
        validation_interval: Micro-batches between validations.
        micro_batches_per_step: Micro-batches of an optimizer step on each GPU.
        callbacks: What accompanies the run.
    """
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
def children_ended(trainer: pl.Trainer) -> Iterator[None]:
    """After an error, end the other processes, which would wait for this one for ever."""
    try:
        yield
    except BaseException:
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)
        raise
