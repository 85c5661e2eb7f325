"""What a trial asks for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.resources import (
    MOST_TRIALS_A_GPU,
    GpuMemory,
    Node,
    TrialResources,
    check_request,
    needs_gpu_memory,
    resources_per_trial,
    trials_at_once,
)
from sweep.settings import SweepSettings
from trainable.errors import SweepError

LAPTOP = Node("a", "laptop", cpus=2, gpus=0)
SERVER = Node("b", "server", cpus=64, gpus=4)


def settings(**values: Any) -> SweepSettings:
    return SweepSettings(name="s", space="demo", **values)


def test_a_machine_without_gpus_runs_a_trial_a_core() -> None:
    asked = resources_per_trial(settings(), [LAPTOP], wants_gpu=False, memory=None, trials=32)
    assert asked == TrialResources(cpus=1, gpus=0)
    assert trials_at_once(asked, LAPTOP) == 2


def test_trials_share_a_gpu_as_far_as_its_memory_goes() -> None:
    memory = GpuMemory(peak_mib=6000, total_mib=24_000)  # three use 75 %, four would use all of it
    asked = resources_per_trial(settings(), [LAPTOP, SERVER], wants_gpu=True, memory=memory, trials=32)
    assert asked.gpus == pytest.approx(1 / 3, abs=1e-3)
    assert trials_at_once(asked, SERVER) == 12
    assert asked.cpus == 5  # 64 CPUs for 12 trials
    assert trials_at_once(asked, LAPTOP) == 0


def test_no_more_trials_share_a_gpu_than_there_are_cpus_for() -> None:
    node = Node("c", "small server", cpus=4, gpus=2)
    memory = GpuMemory(peak_mib=1000, total_mib=80_000)
    asked = resources_per_trial(settings(), [node], wants_gpu=True, memory=memory, trials=32)
    assert asked == TrialResources(cpus=1, gpus=0.5)
    asked = resources_per_trial(settings(cpus_per_trial=2), [node], wants_gpu=True, memory=memory, trials=32)
    assert asked == TrialResources(cpus=2, gpus=1)


@pytest.mark.parametrize("memory", [None, GpuMemory(None, 24_000), GpuMemory(peak_mib=30_000, total_mib=24_000)])
def test_a_trial_gets_a_whole_gpu_where_its_memory_is_not_known_or_too_large(memory: GpuMemory | None) -> None:
    asked = resources_per_trial(settings(), [SERVER], wants_gpu=True, memory=memory, trials=32)
    assert asked == TrialResources(cpus=8, gpus=1)


def test_a_configuration_for_the_cpu_leaves_gpus_alone() -> None:
    assert resources_per_trial(settings(), [SERVER], wants_gpu=False, memory=None, trials=32) == TrialResources(
        cpus=1, gpus=0
    )
    assert not needs_gpu_memory(settings(), [SERVER], wants_gpu=False, trials=32)


def test_memory_is_measured_only_where_the_share_is_left_open() -> None:
    assert needs_gpu_memory(settings(), [LAPTOP, SERVER], wants_gpu=True, trials=32)
    assert not needs_gpu_memory(settings(), [LAPTOP], wants_gpu=True, trials=32)
    assert not needs_gpu_memory(settings(gpus_per_trial=0.5), [SERVER], wants_gpu=True, trials=32)


def test_given_shares_are_kept() -> None:
    asked = resources_per_trial(
        settings(gpus_per_trial=0.25, cpus_per_trial=3),
        [SERVER],
        wants_gpu=True,
        memory=GpuMemory(1, 80_000),
        trials=32,
    )
    assert asked == TrialResources(cpus=3, gpus=0.25)


@given(st.integers(1, MOST_TRIALS_A_GPU), st.integers(1, 8))
def test_a_share_lets_exactly_the_planned_trials_onto_a_gpu(trials: int, gpus: int) -> None:
    node = Node("d", "server", cpus=1000, gpus=gpus)
    memory = GpuMemory(peak_mib=0.9 * 1000 / trials * 0.9999, total_mib=1000)
    asked = resources_per_trial(settings(cpus_per_trial=1), [node], wants_gpu=True, memory=memory, trials=32)
    assert trials_at_once(asked, node) == trials * gpus
    assert trials * asked.gpus <= 1


def test_shares_do_not_add_up_over_gpus() -> None:
    assert trials_at_once(TrialResources(cpus=1, gpus=0.6), SERVER) == 4


def test_a_request_that_no_node_can_meet_is_an_error_that_names_the_largest() -> None:
    with pytest.raises(SweepError, match=r"asks for 4 CPUs and no GPU, .* the largest is laptop \(2 CPUs, no GPU\)"):
        check_request(TrialResources(cpus=4, gpus=0), [LAPTOP])
    with pytest.raises(SweepError, match=r"asks for 65 CPUs and 0.5 GPU, .* server \(64 CPUs, 4 GPUs\)"):
        check_request(TrialResources(cpus=65, gpus=0.5), [LAPTOP, SERVER])
    with pytest.raises(SweepError, match="no node that is alive"):
        check_request(TrialResources(cpus=1, gpus=0), [])
    check_request(TrialResources(cpus=64, gpus=1), [LAPTOP, SERVER])
