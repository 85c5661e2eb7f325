"""What a run was made with: versions, commit and hardware, as tags."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from trainable.hardware import Devices

_PACKAGES = ("evsweep", "torch", "pytorch-lightning", "numpy")


def provenance(devices: Devices) -> dict[str, str]:
    """Tag name to value."""
    tags = {f"version.{package}": _version(package) for package in _PACKAGES}
    tags["version.python"] = platform.python_version()
    tags["hardware.device"] = (
        ", ".join(torch.cuda.get_device_name(index) for index in devices.indices)
        if devices.accelerator == "gpu"
        else f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
    )
    tags["hardware.host"] = platform.node()
    commit = _git_commit()
    if commit is not None:
        tags["git.commit"] = commit
    return tags


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _git_commit() -> str | None:
    """The commit of the source tree this runs from, marked where files differ; `None` outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
