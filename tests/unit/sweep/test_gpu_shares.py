"""How trials share the GPUs of a cluster, and what that costs."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sweep import plan as planning
from sweep.folder import SweepFolder
from sweep.plan_contents import Estimate
from sweep.probe import CombinationCost
from sweep.record import SweepRecord
from sweep.resources import (
    MOST_TRIALS_A_GPU,
    GpuMemory,
    Node,
    TrialResources,
    gpus_in_use,
    needs_gpu_memory,
    resources_per_trial,
    trials_at_once,
)
from sweep.settings import SweepSettings
from trainable.errors import ConfigError, SweepError

EIGHT_GPUS = Node("a", "server", cpus=128, gpus=8)
AMPLE = GpuMemory(peak_mib=6000, total_mib=140_000)


def share(trials: int | None, node: Node = EIGHT_GPUS, memory: GpuMemory = AMPLE, **settings: Any) -> TrialResources:
    made = SweepSettings(name="s", space="demo", **settings)
    return resources_per_trial(made, [node], wants_gpu=True, memory=memory, trials=trials)


def test_as_many_trials_as_gpus_have_one_each() -> None:
    assert share(8).gpus == 1
    assert share(64, max_concurrent=8).gpus == 1
    assert share(None).gpus == 1


def test_more_trials_than_gpus_share_them_up_to_four_each() -> None:
    assert share(16).gpus == 0.5
    assert share(1000).gpus == 1 / MOST_TRIALS_A_GPU == 0.25
    assert share(1000, memory=GpuMemory(60_000, 140_000)).gpus == 0.5


@given(st.integers(1, 200), st.integers(1, 8))
def test_sharing_leaves_no_gpu_idle(trials: int, gpus: int) -> None:
    node = Node("a", "server", cpus=1000, gpus=gpus)
    asked = share(trials, node, cpus_per_trial=1)
    at_once = min(trials, trials_at_once(asked, node))
    assert gpus_in_use(asked, at_once) == min(gpus, trials)


def test_memory_is_not_measured_where_no_gpu_will_be_shared() -> None:
    settings = SweepSettings(name="s", space="demo")
    assert not needs_gpu_memory(settings, [EIGHT_GPUS], wants_gpu=True, trials=15)
    assert needs_gpu_memory(settings, [EIGHT_GPUS], wants_gpu=True, trials=16)


def test_a_configuration_for_gpus_is_refused_where_no_node_has_one() -> None:
    with pytest.raises(SweepError, match=r"set hardware\.gpus=null to compute on the CPU"):
        share(4, Node("b", "laptop", cpus=2, gpus=0))


@pytest.mark.parametrize(("gpus", "shown"), [("1", "1"), ("[0,1]", r"\[0, 1\]"), ("[0]", r"\[0\]")])
def test_the_choice_of_gpus_is_rays(make_sweep: Callable[..., SweepFolder], gpus: str, shown: str) -> None:
    overrides = ["dataset=demo", "dataset.path=x", "+experiment=demo", f"hardware.gpus={gpus}"]
    with pytest.raises(ConfigError, match=f"hardware.gpus={shown}: Ray chooses the GPU of each trial; give"):
        make_sweep(overrides=overrides)


@pytest.fixture
def estimate(make_sweep: Callable[..., SweepFolder], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The estimate of a sweep of 8 trials on a machine with 2 GPUs, and the notes with it."""
    folder = make_sweep(
        overrides=["dataset=demo", "dataset.path=x", "+experiment=demo", "hardware.gpus=0"], gpus_per_trial=0.25
    )
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Gpu", (), {"total_memory": 2**37}))
    cost = CombinationCost("every trial", {}, 8, 8, 0.5, 0.1, 3000.0, 10, 120)

    def make(**settings: Any) -> tuple[Estimate, list[str]]:
        record = SweepRecord.read(folder)
        record = record.model_copy(update={"settings": record.settings.model_copy(update=settings)})
        notes: list[str] = []
        here = Node("", "this machine", cpus=16, gpus=2)
        made = planning._estimate(record, here, [cost], trials=8, steps=8000, validation_batches=0, notes=notes)
        assert made is not None
        return made, notes

    return make


def test_a_shared_gpu_is_not_counted_as_several(estimate: Callable[..., Any]) -> None:
    alone, no_notes = estimate(gpus_per_trial=1.0)
    shared, notes = estimate(gpus_per_trial=0.25)
    assert shared.at_once == 4 * alone.at_once
    assert shared.device_hours == alone.device_hours == pytest.approx((8000 * 0.5 + 8 * planning.START_S) / 3600)
    assert shared.wall_hours == alone.wall_hours == alone.device_hours / 2
    assert not no_notes
    assert "4 trials share a GPU; the hours assume that each then takes so many times as long" in notes[0]


def test_a_share_that_fills_one_gpu_of_two_takes_twice_as_long(estimate: Callable[..., Any]) -> None:
    made, _ = estimate(gpus_per_trial=0.25, max_concurrent=4)
    assert made.wall_hours == made.device_hours
