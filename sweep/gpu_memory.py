"""How much of a GPU's memory the largest trial of a sweep needs, measured on a GPU of the cluster."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import ray
import torch

from search_spaces.space import Space
from sweep.folder import SweepFolder
from sweep.probe import probe
from sweep.resources import GpuMemory
from trainable.config import Config, validate_config
from trainable.errors import SweepError
from trainable.files import written_whole
from trainable.units import MIB

FREE_S = 600.0
"""How long to wait for a GPU that nothing uses."""
LOOK_S = 0.5

logger = logging.getLogger(__name__)


def known_gpu_memory(
    folder: SweepFolder, space: Space, base: Config, should_stop: Callable[[], bool]
) -> GpuMemory | None:
    """What the largest trial needs: as measured for this sweep before on such GPUs, or measured now and written down.

    Args:
        folder: The sweep.
        space: What the trials vary.
        base: The configuration that all trials start from.
        should_stop: Asked now and then; where it answers true, nothing is measured any more.

    Returns:
        What it needs; `None` after `should_stop`.

    Raises:
        SweepError: If no GPU gets free.
    """
    kinds = sorted(name for name in ray.cluster_resources() if name.startswith("accelerator_type:"))  # type: ignore[no-untyped-call]
    file = folder.gpu_memory_file
    if file.exists():
        known = json.loads(file.read_text())
        if known.pop("gpus") == kinds:
            return GpuMemory(**known)
    logger.info("measuring how many trials fit on a GPU")
    memory = measure_gpu_memory(space, base, should_stop)
    if memory is not None:
        with written_whole(file) as draft:
            draft.write_text(json.dumps({**asdict(memory), "gpus": kinds}))
    return memory


def measure_gpu_memory(
    space: Space, base: Config, should_stop: Callable[[], bool], *, free_s: float = FREE_S
) -> GpuMemory | None:
    """Run real training steps of every network that the space can build, on a GPU that nothing else uses then.

    Args:
        space: What the trials vary.
        base: The configuration that all trials start from.
        should_stop: Asked now and then; where it answers true, nothing is measured any more.
        free_s: Seconds to wait for a GPU that nothing uses.

    Returns:
        What the largest needs; `None` after `should_stop`.

    Raises:
        SweepError: If no GPU gets free.
    """
    measurement: Any = ray.remote(_Measurement).options(num_gpus=1, num_cpus=1).remote()
    try:
        if not _done(measurement.begin.remote(), should_stop, free_s):
            if should_stop():
                return None
            raise SweepError(
                f"no GPU of the Ray cluster got free within {free_s / 60:g} min, on which to measure how many trials "
                "fit on one; wait for a free one, or say it by `--gpus-per-trial X`, such as 1 or 0.5"
            )
        measured = measurement.run.remote(space.to_dict(), base.to_dict())
        if not _done(measured, should_stop, None):
            return None
        memory: GpuMemory = ray.get(measured)
        return memory
    finally:
        ray.kill(measurement)  # the GPU is the trials' again


class _Measurement:
    """Has a GPU as long as it lives."""

    def begin(self) -> None:
        """Return as soon as there is a GPU."""

    def run(self, space: dict[str, object], base: dict[str, object]) -> GpuMemory:
        config = validate_config(base).merged({"hardware.gpus": 0})  # the one that Ray leaves visible
        total_mib = torch.cuda.get_device_properties(0).total_memory / MIB
        return GpuMemory.of_largest((cost.peak_mib for cost in probe(Space.from_dict(space), config)), total_mib)


def _done(task: Any, should_stop: Callable[[], bool], limit_s: float | None) -> bool:
    """Wait for a task, as long as that is wanted; whether it is done."""
    started_s = time.monotonic()
    while not ray.wait([task], timeout=LOOK_S)[0]:
        if should_stop() or (limit_s is not None and time.monotonic() - started_s > limit_s):
            return False
    return True
