"""What one trial asks of the cluster, and how many trials run at once."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweep.settings import SweepSettings
from trainable.errors import SweepError

GPU_MEMORY_SHARE = 0.9
"""Of a GPU's memory that trials may need together; the rest is for CUDA's contexts and fragmentation."""
CONTEXT_MIB = 600.0
"""What CUDA itself takes for each process."""
MOST_CPUS = 8
"""CPUs of a trial by default; more would only wait for the GPU."""
MOST_TRIALS_A_GPU = 4
"""Trials that share a GPU's memory share its speed, too: more would only slow each other down, and be judged later."""
GPU_GRAIN = 1e-4
"""Ray counts resources in these units."""


@dataclass(frozen=True)
class Node:
    """What a machine of the cluster has in all.

    Attributes:
        id: Ray's name of it.
        address: Its host name or address.
        cpus: Number of CPUs.
        gpus: Number of GPUs.
    """

    id: str
    address: str
    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{self.address} ({_amount(self.cpus, 'CPU')}, {_amount(self.gpus, 'GPU')})"


@dataclass(frozen=True)
class TrialResources:
    """What one trial asks for.

    Attributes:
        cpus: CPUs.
        gpus: A GPU, or the share of one.
    """

    cpus: float
    gpus: float

    def __str__(self) -> str:
        return f"{_amount(self.cpus, 'CPU')} and {_amount(self.gpus, 'GPU')}"

    @property
    def threads(self) -> int:
        """Threads that torch may compute with."""
        return max(1, int(self.cpus))

    def to_tune(self) -> dict[str, float]:
        """As Ray Tune takes them."""
        return {"cpu": self.cpus} | ({"gpu": self.gpus} if self.gpus else {})


@dataclass(frozen=True)
class GpuMemory:
    """What a trial needs of a GPU's memory.

    Attributes:
        peak_mib: Highest memory of the largest configuration in MiB; `None`: not even it alone fits.
        total_mib: The GPU's memory in MiB.
    """

    peak_mib: float | None
    total_mib: float

    @classmethod
    def of_largest(cls, peaks_mib: Iterable[float | None], total_mib: float) -> "GpuMemory":
        """What the largest of some configurations needs, with what CUDA itself takes for its process.

        Args:
            peaks_mib: Highest memory that each allocates in MiB; `None`: it does not fit.
            total_mib: The GPU's memory in MiB.
        """
        largest = 0.0
        for peak in peaks_mib:
            if peak is None:
                return cls(None, total_mib)
            largest = max(largest, peak)
        return cls(largest + CONTEXT_MIB, total_mib)

    @property
    def trials(self) -> int:
        """How many trials fit on the GPU at once. One always runs: it makes its micro-batches smaller if need be."""
        return max(1, int(GPU_MEMORY_SHARE * self.total_mib / self.peak_mib)) if self.peak_mib else 1


def needs_gpu_memory(settings: SweepSettings, nodes: Sequence[Node], *, wants_gpu: bool, trials: int | None) -> bool:
    """Whether `resources_per_trial` must be told what a trial needs of a GPU's memory."""
    return settings.gpus_per_trial == "auto" and wants_gpu and _wanted_a_gpu(settings, nodes, trials) > 1


def resources_per_trial(
    settings: SweepSettings,
    nodes: Sequence[Node],
    *,
    wants_gpu: bool,
    memory: GpuMemory | None,
    trials: int | None,
) -> TrialResources:
    """What one trial asks for: what the settings say, and for what they leave open, what uses the cluster well.

    As many trials share a GPU as fit into its memory, as the nodes have a CPU for each, and as leave no GPU idle: Ray
    fills one GPU before it takes the next. They are four at most, as they share the GPU's speed, too. A trial on a GPU
    gets its part of the node's CPUs, one that computes on the CPU a single one.

    Args:
        settings: The sweep's settings.
        nodes: The cluster's nodes.
        wants_gpu: Whether the configuration is for GPUs (`hardware.gpus`).
        memory: What a trial needs of a GPU's memory; `None`: not known, so that each gets a whole GPU.
        trials: How many trials are still to run; `None`: not known, so that each gets a whole GPU.

    Raises:
        SweepError: If the configuration is for GPUs, and no node has one.
    """
    with_gpus = [node for node in nodes if node.gpus >= 1]
    gpus = settings.gpus_per_trial
    if isinstance(gpus, str):
        gpus = 0.0
        if wants_gpu:
            if not with_gpus:
                raise SweepError(
                    "the configuration asks for a GPU (hardware.gpus=0, the default), but no node of the Ray cluster "
                    "has one; set hardware.gpus=null to compute on the CPU, or add a node with GPUs"
                )
            cpus_a_gpu = min(node.cpus / node.gpus for node in with_gpus) / (settings.cpus_per_trial or 1)
            wanted = _wanted_a_gpu(settings, nodes, trials)
            gpus = _share(max(1, min(wanted, memory.trials if memory else 1, int(cpus_a_gpu))))
    cpus = settings.cpus_per_trial
    if cpus is None:
        cpus = 1.0
        if gpus and with_gpus:
            a_trial = min(node.cpus / (int(node.gpus) * trials_a_gpu(gpus)) for node in with_gpus)
            cpus = float(max(1, min(MOST_CPUS, int(a_trial))))
    return TrialResources(cpus, float(gpus))


def trials_at_once(asked: TrialResources, node: Node) -> int:
    """How many trials fit on a node."""
    by_cpus = int(node.cpus / asked.cpus + GPU_GRAIN)
    return min(by_cpus, int(node.gpus) * trials_a_gpu(asked.gpus)) if asked.gpus else by_cpus


def gpus_in_use(asked: TrialResources, trials: int) -> int:
    """How many GPUs a number of trials at once occupies: Ray fills one before it takes the next."""
    return -(-trials // trials_a_gpu(asked.gpus))


def trials_a_gpu(share: float) -> int:
    """Trials that one GPU is shared by; a trial's share lies on a single GPU."""
    return int(1 / share + GPU_GRAIN)


def check_request(asked: TrialResources, nodes: Sequence[Node]) -> None:
    """Refuse what no node can give: Ray would wait for it for ever.

    Raises:
        SweepError: Naming the request and the largest node.
    """
    if any(trials_at_once(asked, node) for node in nodes):
        return
    if not nodes:
        raise SweepError("the Ray cluster has no node that is alive; look at it with `ray status`")
    largest = max(nodes, key=lambda node: (node.gpus, node.cpus) if asked.gpus else (node.cpus, node.gpus))
    raise SweepError(
        f"a trial asks for {asked}, which no node of the Ray cluster has; the largest is {largest}. Lower "
        "--cpus-per-trial or --gpus-per-trial, or add nodes"
    )


def _share(trials: int) -> float:
    return round(math.floor(1 / trials / GPU_GRAIN) * GPU_GRAIN, 4)


def _wanted_a_gpu(settings: SweepSettings, nodes: Sequence[Node], trials: int | None) -> int:
    """Trials that are to share a GPU if its memory suffices, so that those at once still occupy all GPUs."""
    gpus = sum(int(node.gpus) for node in nodes)
    if trials is None or not gpus:
        return 1
    return max(1, min(MOST_TRIALS_A_GPU, min(trials, settings.max_concurrent or trials) // gpus))


def _amount(number: float, what: str) -> str:
    return f"no {what}" if not number else f"{number:g} {what}" + ("s" if number > 1 else "")
