"""The folder of one run: where its configuration, journal, checkpoints and match records lie."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from trainable.config import Config, validate_config
from trainable.errors import CheckpointError, ConfigError

_FOLDER_VARIABLE = "EVSWEEP_RUN_DIR"
"""Tells the other processes of a distributed run which folder the first one made."""


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        directory: The run's folder, absolute.
    """

    directory: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.directory / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder of `last.ckpt` and `best.ckpt`."""
        return self.directory / "checkpoints"

    @property
    def metrics_file(self) -> Path:
        """The newest validation's metrics."""
        return self.directory / "metrics.json"

    def match_records(self, step: int) -> Path:
        """Match records of the validation after `step` optimizer steps."""
        return self.directory / "match_records" / f"step_{step:07d}.npz"

    def write_config(self, config: Config) -> None:
        """Write the resolved configuration, which `validate_config` reads back."""
        self.directory.mkdir(parents=True, exist_ok=True)
        draft = self.config_file.with_suffix(".partial")
        draft.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False))
        draft.replace(self.config_file)

    def read_config(self) -> Config:
        """The configuration that the run was started with.

        Raises:
            CheckpointError: If the folder holds none.
        """
        if not self.config_file.is_file():
            raise CheckpointError(f"{self.directory} is not a run's folder: it holds no {self.config_file.name}")
        return validate_config(yaml.safe_load(self.config_file.read_text()))


def new_run_folder(config: Config) -> RunFolder:
    """Choose a new run's folder: `run_dir`, or a folder in `output_dir` named after time and dataset.

    Raises:
        ConfigError: If `run_dir` holds a run already.
    """
    rank = int(os.environ.get("LOCAL_RANK", 0))
    inherited = os.environ.get(_FOLDER_VARIABLE)
    if inherited and rank > 0:
        return RunFolder(Path(inherited))
    if config.run_dir is not None:
        folder = RunFolder(Path(config.run_dir).absolute())
        if rank == 0 and folder.config_file.exists():
            raise ConfigError(
                f"run_dir={config.run_dir} holds a run already; choose another folder, or go on with that run by "
                f"resume={config.run_dir}"
            )
    else:
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.dataset.name}-{os.getpid()}"
        folder = RunFolder(Path(config.output_dir).absolute() / name)
    os.environ[_FOLDER_VARIABLE] = str(folder.directory)
    return folder


def resumed_run(resume: str) -> tuple[RunFolder, Path]:
    """The run's folder and the checkpoint to go on from.

    Args:
        resume: A run's folder, whose `checkpoints/last.ckpt` is taken, or one of its checkpoints.

    Raises:
        CheckpointError: If there is no such checkpoint.
    """
    path = Path(resume).absolute()
    checkpoint = path / "checkpoints" / "last.ckpt" if path.is_dir() else path
    if not checkpoint.is_file():
        raise CheckpointError(
            f"resume={resume}: expected a run's folder with checkpoints/last.ckpt, or a checkpoint file, "
            f"found no {checkpoint}"
        )
    return RunFolder(checkpoint.parent.parent), checkpoint


# What may differ when a run goes on: nothing that changes what it computes.
_FREE_ON_RESUME = (
    "hardware.",
    "logging.",
    "tracking.",
    "validation.",
    "dataset.path",
    "batch_size.eval",
    "batch_size.micro",
    "output_dir",
    "run_dir",
    "resume",
    "checkpoint",
    "allow_unpickling",
    "use_test_set",
    "result_json",
    "reproduce.seed_everything",
)


def check_same_run(config: Config, recorded: Config) -> None:
    """Refuse to resume a run with settings that would make it another one.

    Raises:
        ConfigError: Naming every key that differs.
    """
    now, then = dict(_leaves(config.to_dict())), dict(_leaves(recorded.to_dict()))
    differing = [
        f"  - {key}: {then.get(key)!r} then, {now.get(key)!r} now"
        for key in sorted(now.keys() | then.keys())
        if now.get(key) != then.get(key) and not key.startswith(_FREE_ON_RESUME)
    ]
    if differing:
        raise ConfigError(
            "a resumed run must keep its settings, but these differ:\n"
            + "\n".join(differing)
            + "\nGive the same settings, or start a new run from the weights with checkpoint="
        )


def _leaves(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    leaves: list[tuple[str, object]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            leaves.extend(_leaves(value, f"{prefix}{key}."))
        else:
            leaves.append((f"{prefix}{key}", value))
    return leaves
