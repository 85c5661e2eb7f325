"""Says what to do where the machine's limits end a run."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from trainable.errors import DiskFullError, OutOfMemoryError

_ALLOCATION_FAILED = re.compile(
    r"CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|cudnn.*out of memory", re.IGNORECASE
)
"""How CUDA's libraries say that the memory does not suffice; PyTorch raises a plain `RuntimeError` for them."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def machine_limits_explained(folder: Path, go_on: str) -> Iterator[None]:
    """Turn a full GPU or disk into an error that says what to do.

    Args:
        folder: The folder that is written to.
        go_on: What to do once there is room.

    Raises:
        OutOfMemoryError: When the GPU's memory does not suffice.
        DiskFullError: When the disk is full.
    """
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or _ALLOCATION_FAILED.search(str(error))):
            raise
        raise OutOfMemoryError(
            f"the work does not fit into the GPU's memory: {error}\nLower batch_size.micro (the effective batch "
            f"batch_size.train stays as it is) or batch_size.eval; `python -m trainable memory` measures what fits. "
            f"{go_on}"
        ) from error
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise DiskFullError(
            f"the disk that holds {folder} is full ({error.strerror}); the last whole checkpoint is kept. "
            f"Free some space. {go_on}"
        ) from error
