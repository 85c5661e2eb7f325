"""Measuring what fits on a GPU, in a cluster in which none gets free."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from search_spaces import load_space
from sweep import gpu_memory
from sweep.cluster import cluster
from sweep.folder import SweepFolder
from sweep.gpu_memory import known_gpu_memory, measure_gpu_memory
from sweep.resources import GpuMemory
from trainable.config import Config, compose
from trainable.errors import SweepError


@pytest.fixture(scope="module")
def busy() -> Iterator[None]:
    with cluster(None):
        yield


@pytest.fixture(scope="module")
def base() -> Config:
    return compose(["dataset=demo", "dataset.path=none", "+experiment=demo", "dataset.resolution_hw=[96,160]"])


def test_a_gpu_that_never_gets_free_ends_in_advice(busy: None, base: Config) -> None:
    if ray.cluster_resources().get("GPU"):  # type: ignore[no-untyped-call]
        pytest.skip("this machine has a free GPU")
    with pytest.raises(SweepError, match=r"no GPU of the Ray cluster got free .* `--gpus-per-trial X`"):
        measure_gpu_memory(load_space("demo"), base, lambda: False, free_s=0.1)
    assert measure_gpu_memory(load_space("demo"), base, lambda: True) is None


def test_what_was_measured_is_not_measured_again_on_such_gpus(
    busy: None, base: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, measured = GpuMemory(3000.0, 80_000.0), []

    def measure(*arguments: object) -> GpuMemory:
        measured.append(arguments)
        return memory

    monkeypatch.setattr(gpu_memory, "measure_gpu_memory", measure)
    for _ in range(2):
        assert known_gpu_memory(SweepFolder(tmp_path), load_space("demo"), base, lambda: False) == memory
    assert len(measured) == 1
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"accelerator_type:H200": 1.0})
    known_gpu_memory(SweepFolder(tmp_path), load_space("demo"), base, lambda: False)
    assert len(measured) == 2
