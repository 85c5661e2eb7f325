"""What a run was made with: versions, commit, hardware and dataset, as tags."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from trainable.config import Config
from trainable.data import dataset_digest
from trainable.hardware import Devices

_PACKAGES = ("evsweep", "torch", "pytorch-lightning", "numpy", "numba", "h5py", "ray", "optuna", "mlflow")


def provenance(devices: Devices | None = None) -> dict[str, str]:
    """Versions, commit and hardware.

    Args:
        devices: Where the run computes; none for one that only drives others.

    Returns:
        Tag name to value.
    """
    tags = {f"version.{package}": _version(package) for package in _PACKAGES}
    tags["version.python"] = platform.python_version()
    tags["hardware.host"] = platform.node()
    threads = torch.get_num_threads()
    if devices is not None:
        tags["hardware.device"] = (
            ", ".join(torch.cuda.get_device_name(index) for index in devices.indices)
            if devices.accelerator == "gpu"
            else f"{platform.machine()} CPU, {threads} thread{'s' * (threads != 1)}"
        )
    if devices is not None and devices.accelerator == "gpu" and torch.version.cuda is not None:
        tags["version.cuda"] = torch.version.cuda
    commit = _git_commit()
    if commit is not None:
        tags["git.commit"] = commit
    return tags


def dataset_tags(config: Config) -> dict[str, str]:
    """Which data the run reads; see `dataset_digest` for what the digest covers.

    Returns:
        Tag name to value.

    Raises:
        DataError: If the dataset cannot be read.
    """
    dataset = config.dataset
    root = Path(dataset.path)
    digest = dataset_digest(
        root, representation=dataset.ev_repr_name, downsample_by_factor_2=dataset.downsample_by_factor_2
    )
    return {"dataset.name": dataset.name, "dataset.path": str(root.absolute()), "dataset.digest": digest}


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
