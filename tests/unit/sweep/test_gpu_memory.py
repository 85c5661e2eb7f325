from sweep.resources import CONTEXT_MIB, GPU_MEMORY_SHARE, GpuMemory


def test_the_largest_configuration_and_cuda_itself_decide_how_many_trials_share_a_gpu() -> None:
    memory = GpuMemory.of_largest([300.0, 1400.0, 500.0], total_mib=24_000)
    assert memory.peak_mib == 1400 + CONTEXT_MIB
    assert memory.trials == int(GPU_MEMORY_SHARE * 24_000 / 2000)


def test_a_configuration_that_does_not_fit_has_a_gpu_for_itself() -> None:
    memory = GpuMemory.of_largest([300.0, None], total_mib=24_000)
    assert (memory.peak_mib, memory.trials) == (None, 1)
