from pathlib import Path

import pytest
import torch

from trainable.errors import OutOfMemoryError
from trainable.machine_limits import machine_limits_explained


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: out of memory"),
    ],
)
def test_every_failed_allocation_on_the_gpu_is_told_with_advice(error: Exception, tmp_path: Path) -> None:
    with (
        pytest.raises(OutOfMemoryError, match=r"Lower batch_size\.micro"),
        machine_limits_explained(tmp_path, "Go on."),
    ):
        raise error


def test_another_error_of_the_gpu_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="illegal memory"), machine_limits_explained(tmp_path, "Go on."):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
