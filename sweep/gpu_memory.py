"""How much of a GPU's memory the largest trial of a sweep needs, measured on a GPU of the cluster."""

import ray
import torch

from search_spaces.space import Space
from sweep.probe import probe
from sweep.resources import GpuMemory
from trainable.config import Config, validate_config
from trainable.memory import MIB


def measure_gpu_memory(space: Space, base: Config) -> GpuMemory:
    """Run real training steps of every network that the space can build, on a GPU that nothing else uses then.

    Args:
        space: What the trials vary.
        base: The configuration that all trials start from.
    """
    measure = ray.remote(_measure).options(num_gpus=1, num_cpus=1, max_retries=0)
    memory: GpuMemory = ray.get(measure.remote(space.to_dict(), base.to_dict()))
    return memory


def _measure(space: dict[str, object], base: dict[str, object]) -> GpuMemory:
    config = validate_config(base).merged({"hardware.gpus": 0})  # the one that Ray leaves visible
    total_mib = torch.cuda.get_device_properties(0).total_memory / MIB
    return GpuMemory.of_largest((cost.peak_mib for cost in probe(Space.from_dict(space), config)), total_mib)
