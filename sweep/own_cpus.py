"""How many CPUs this process may use, which on a shared machine are fewer than there are."""

import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def own_cpus(cgroups: Path = CGROUPS) -> int:
    """CPUs that a job's scheduler, such as Slurm's, and a container's limit leave to this process; at least one.

    Args:
        cgroups: Where Linux tells a container's limit.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroups)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def _quota(cgroups: Path) -> float | None:
    """CPU seconds a second that a container may use; `None`: no limit."""
    second, first = cgroups / "cpu.max", cgroups / "cpu"
    try:
        if second.exists():
            quota, period = second.read_text().split()
        else:
            quota, period = ((first / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return None
    return int(quota) / int(period) if quota not in ("max", "-1") else None
