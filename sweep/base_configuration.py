"""The configuration that all trials of a sweep start from, and what can be known of it before anything runs."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep.settings import SweepSettings
from trainable.config import Config, compose
from trainable.config.nearest_key import nearest_key
from trainable.config.train_overrides import typed_keys
from trainable.errors import ConfigError

logger = logging.getLogger(__name__)

_BELONGS_TO_THE_SWEEP = {
    "run_dir": "every trial has a folder of its own in the sweep's folder; leave it out",
    "output_dir": "trials lie in the sweep's folder; give --storage instead",
    "resume": "a sweep goes on with `python -m sweep resume NAME`; leave it out",
    "result_json": "every trial would write the same file; leave it out",
    "use_test_set": "a sweep that chose by the test split would spoil it; leave it out",
    "tracking.enabled": "the sweep itself publishes its trials; leave it out",
    "tracking.uri": "give --tracking-uri instead",
    "tracking.run_name": "runs are named by trial and parameters; leave it out",
}


def base_configuration(settings: SweepSettings) -> Config:
    """Compose what all trials share: the overrides, the sweep's seed, paths made absolute, validations by steps.

    Raises:
        ConfigError: If the overrides cannot be composed, or set what belongs to the sweep or to Ray.
    """
    from trainable.assembly import with_recorded_resolution  # slow: imports torch

    typed = typed_keys(settings.overrides)
    misplaced = [f"  - `{key}`: {_BELONGS_TO_THE_SWEEP[key]}" for key in typed if key in _BELONGS_TO_THE_SWEEP]
    if misplaced:
        raise ConfigError("a sweep's overrides cannot set these:\n" + "\n".join(misplaced))
    config = with_recorded_resolution(compose(list(settings.overrides)))
    gpus = config.hardware.gpus
    if gpus is not None and gpus != 0:
        given = list(gpus) if isinstance(gpus, tuple) else gpus
        raise ConfigError(
            f"hardware.gpus={given}: Ray chooses the GPU of each trial; give hardware.gpus=0, or null for the CPU"
        )
    changes: dict[str, object] = {"dataset.path": _absolute(config.dataset.path)}
    if config.checkpoint is not None:
        changes["checkpoint"] = _absolute(config.checkpoint)
    if config.reproduce.seed_everything is None:
        changes["reproduce.seed_everything"] = settings.seed
    if config.validation.val_check_interval is None:
        interval = min(first_rung(settings, config), config.training.max_steps)
        logger.info("trials are validated every %d steps (validation.val_check_interval)", interval)
        changes |= {"validation.val_check_interval": interval, "validation.check_val_every_n_epoch": None}
    return config.merged(changes)


def first_rung(settings: SweepSettings, config: Config) -> int:
    """Optimizer steps before which no trial is stopped early."""
    return settings.grace_steps or max(1, config.training.max_steps // 10)


def validation_interval(config: Config) -> int:
    """Optimizer steps between the validations of a base configuration.

    Raises:
        ConfigError: If the configuration counts them in passes over the data, which differ between batch sizes.
    """
    interval = config.validation.val_check_interval
    if interval is None:
        raise ConfigError("a sweep validates by optimizer steps: set validation.val_check_interval")
    return interval


def metric_names(config: Config) -> tuple[str, ...]:
    """Every metric that a validation of this configuration reports; all but counts can be maximised."""
    from trainable.detection_collector import evaluation_protocol  # slow: imports torch
    from trainable.evaluation import FrameBoxes, collect_match_records, metrics_from_records

    nothing = FrameBoxes.from_frames([], scored=False), FrameBoxes.from_frames([], scored=True)
    records = collect_match_records(*nothing, evaluation_protocol(config))
    return tuple(name for name in metrics_from_records(records).flat() if "count/" not in name)


def unknown_metrics(names: Sequence[str], config: Config) -> Iterator[str]:
    """A sentence for each name that is no metric, with the nearest one."""
    known = metric_names(config)
    for name in names:
        if name not in known:
            yield f"`{name}` is not a metric of this configuration; did you mean `{nearest_key(name, known)}`?"


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
