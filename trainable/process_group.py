"""The processes of a distributed run: which one this is, and exchange between them."""

import os
from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")


def process_rank(world_size: int) -> int:
    """Number of this process among `world_size` on this machine; the launcher tells it by `LOCAL_RANK`."""
    return int(os.environ.get("LOCAL_RANK", 0)) if world_size > 1 else 0


def all_gather(value: T) -> list[T]:
    """Every rank's value, in order of rank; just this one where a single process runs."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    gathered: list[T | None] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, value)
    return [item for item in gathered if item is not None]
