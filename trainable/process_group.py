"""Exchange between the processes of a distributed run."""

from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")


def all_gather(value: T) -> list[T]:
    """Every rank's value, in order of rank; just this one where a single process runs."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    gathered: list[T | None] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, value)
    return [item for item in gathered if item is not None]
