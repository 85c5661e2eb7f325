import pytest
import torch

from trainable.config import Config, compose
from trainable.errors import ConfigError
from trainable.hardware import Devices, resolve_devices, rows_per_device


def demo(*overrides: str) -> Config:
    return compose(["dataset=demo", "dataset.path=/data", "+experiment=demo", *overrides])


def test_no_gpu_means_the_cpu_in_32_bits() -> None:
    assert resolve_devices(demo("training.precision=16")) == Devices("cpu", (), "32-true")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize("gpus", ["0", "[0,1]", "3"])
def test_a_missing_gpu_is_an_error_that_says_what_to_set(gpus: str) -> None:
    with pytest.raises(ConfigError, match=r"finds no GPU on this machine; set hardware.gpus=null"):
        resolve_devices(demo(f"hardware.gpus={gpus}"))


@pytest.mark.parametrize(
    ("batch", "micro", "gpus", "expected"),
    [(8, None, 1, (8, 1)), (8, 2, 1, (2, 4)), (12, None, 4, (3, 1)), (12, 2, 2, (2, 3)), (8, 8, 4, (2, 1))],
)
def test_the_effective_batch_is_shared_by_gpus_and_micro_batches(
    batch: int, micro: int | None, gpus: int, expected: tuple[int, int]
) -> None:
    config = demo(f"batch_size.train={batch}", f"batch_size.micro={'null' if micro is None else micro}")
    rows, micro_batches = rows_per_device(config, Devices("gpu", tuple(range(gpus)), "bf16-mixed"))
    assert (rows, micro_batches) == expected
    assert rows * micro_batches * gpus == batch


def test_a_batch_that_the_gpus_cannot_share_names_the_nearest_that_they_can() -> None:
    with pytest.raises(ConfigError, match="must be a multiple of their number, 3; the nearest are 6 and 9"):
        rows_per_device(demo("batch_size.train=8"), Devices("gpu", (0, 1, 2), "32-true"))
