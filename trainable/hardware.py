"""What `hardware.gpus` and `training.precision` mean on this machine."""

import logging
from dataclasses import dataclass
from typing import Literal

import torch

from trainable.config import Config
from trainable.errors import ConfigError

logger = logging.getLogger(__name__)

LightningPrecision = Literal["32-true", "16-mixed", "bf16-mixed"]


@dataclass(frozen=True)
class Devices:
    """Where a run computes.

    Attributes:
        accelerator: `gpu` or `cpu`.
        indices: The GPUs' indices; empty on a CPU.
        precision: Lightning's name of the precision.
    """

    accelerator: Literal["gpu", "cpu"]
    indices: tuple[int, ...]
    precision: LightningPrecision

    @property
    def count(self) -> int:
        """Number of processes that train together."""
        return max(1, len(self.indices))


def resolve_devices(config: Config) -> Devices:
    """Check that the asked devices are there.

    Raises:
        ConfigError: If a GPU is asked for that this machine does not have.
    """
    gpus = config.hardware.gpus
    if gpus is None:
        if _precision(config) != "32-true":
            logger.info("training.precision=%s: a CPU computes in 32 bits", config.training.precision)
        return Devices("cpu", (), "32-true")
    indices = (gpus,) if isinstance(gpus, int) else gpus
    available = torch.cuda.device_count()
    missing = [index for index in indices if index >= available]
    if missing:
        found = f"{available} GPU(s), numbered 0 to {available - 1}," if available else "no GPU"
        raise ConfigError(
            f"hardware.gpus={list(indices)} asks for GPU {', '.join(map(str, missing))}, but torch {torch.__version__} "
            f"finds {found} on this machine; set hardware.gpus=null to compute on the CPU"
            + (", or hardware.gpus=0 to use the first GPU" if available else "")
        )
    if len(set(indices)) != len(indices):
        raise ConfigError(f"hardware.gpus must name each GPU once, got {list(indices)}")
    return Devices("gpu", tuple(indices), _precision(config))


def rows_per_device(config: Config, devices: Devices) -> tuple[int, int]:
    """Rows of one micro-batch on one device, and micro-batches of one optimizer step.

    Raises:
        ConfigError: If the effective batch cannot be split that way.
    """
    total, micro = config.batch_size.train, config.batch_size.micro
    if total % devices.count:
        raise ConfigError(
            f"batch_size.train={total} counts the rows over all GPUs and must be a multiple of their number, "
            f"{devices.count}; the nearest are {total - total % devices.count} and {total + -total % devices.count}"
        )
    share = total // devices.count
    rows = share if micro is None else min(micro, share)
    if share % rows:
        raise ConfigError(
            f"batch_size.micro={micro} must divide each GPU's share of batch_size.train, which is {share} rows"
        )
    return rows, share // rows


def _precision(config: Config) -> LightningPrecision:
    match config.training.precision:
        case 16 | "16" | "16-mixed":
            return "16-mixed"
        case "bf16" | "bf16-mixed":
            return "bf16-mixed"
        case _:
            return "32-true"
