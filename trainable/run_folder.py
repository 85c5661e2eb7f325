"""The folder of one run: where its configuration, journal, checkpoints and match records lie."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from trainable.config import Config, validate_config
from trainable.dotted_names import flat
from trainable.errors import CheckpointError, ConfigError
from trainable.files import written_whole


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
    def last_checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.directory / "checkpoints" / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """The checkpoint with the highest AP."""
        return self.directory / "checkpoints" / "best.ckpt"

    @property
    def metrics_file(self) -> Path:
        """The newest validation's metrics."""
        return self.directory / "metrics.json"

    @property
    def event_images(self) -> Path:
        """Folder of pictures of fixed moments, as the newest validation saw them."""
        return self.directory / "event_images"

    @property
    def moments(self) -> Path:
        """Fixed moments for reports to compare, as the newest validation saw them."""
        return self.directory / "moments.npz"

    @property
    def training_boxes(self) -> Path:
        """Areas of the training split's boxes, by class."""
        return self.directory / "training_boxes.json"

    @property
    def curve_figure(self) -> Path:
        """Learning curves as a picture."""
        return self.directory / "curves.png"

    @property
    def curve_table(self) -> Path:
        """Learning curves as CSV."""
        return self.directory / "curves.csv"

    def match_records(self, step: int) -> Path:
        """Match records of the validation after `step` optimizer steps."""
        return self.directory / "match_records" / f"step_{step:07d}.npz"

    def write_config(self, config: Config) -> None:
        """Write the resolved configuration, which `read_config` reads back."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with written_whole(self.config_file) as draft:
            draft.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False))

    def read_config(self) -> Config:
        """The configuration that the run was started with.

        Raises:
            CheckpointError: If the folder holds none, or it cannot be read.
        """
        try:
            values = yaml.safe_load(self.config_file.read_text())
            if not isinstance(values, dict):
                raise ConfigError("it holds no mapping")
            return validate_config(values)
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{self.directory} is not a run's folder: it holds no {self.config_file.name}; give the folder that "
                "`train` printed"
            ) from error
        except (yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
            raise CheckpointError(
                f"{self.config_file} cannot be read ({error}); restore it, or start a new run"
            ) from error

    def write_metrics(self, step: int, metrics: dict[str, Any]) -> None:
        """Write the metrics after `step` optimizer steps, as JSON types."""
        with written_whole(self.metrics_file) as draft:
            draft.write_text(json.dumps({"step": step, "metrics": metrics}, indent=2, allow_nan=False))


def new_run_folder(config: Config) -> RunFolder:
    """Choose a new run's folder: `run_dir`, or a folder in `output_dir` named after time and dataset.

    Raises:
        ConfigError: If `run_dir` holds a run already.
    """
    if config.run_dir is None:
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{config.dataset.name}-{uuid4().hex[:6]}"
        return RunFolder(Path(config.output_dir).absolute() / name)
    folder = RunFolder(Path(config.run_dir).absolute())
    if folder.config_file.exists():
        raise ConfigError(
            f"run_dir={config.run_dir} holds a run already; choose another folder, or go on with that run by "
            f"resume={config.run_dir} in place of run_dir"
        )
    return folder


def resumed_run(resume: str) -> tuple[RunFolder, Path | None]:
    """The run's folder, and the checkpoint to go on from; none where the run ended before its first checkpoint.

    Args:
        resume: A run's folder, whose `checkpoints/last.ckpt` is taken, or one of its checkpoints.

    Raises:
        CheckpointError: If there is no such run or checkpoint.
    """
    path = Path(resume).absolute()
    if path.is_dir():
        folder = RunFolder(path)
        if not folder.config_file.exists():
            raise CheckpointError(
                f"resume={resume}: expected a run's folder, but it holds no {folder.config_file.name}; give the "
                "folder that `train` printed, or a checkpoint in it"
            )
        return folder, folder.last_checkpoint if folder.last_checkpoint.exists() else None
    if not path.is_file():
        raise CheckpointError(
            f"resume={resume}: expected a run's folder or a checkpoint in one, but there is no {path}; check the path"
        )
    return RunFolder(path.parent.parent), path


_INHERITED = "EVSWEEP_RUN"

# What may differ when a run goes on. `batch_size.micro` and the number of GPUs share out the same rows, but change what
# batch normalisation and the loss's normalisers see at once, so the numbers differ a little.
_FREE_SECTIONS = ("hardware", "logging", "tracking", "validation", "wandb")
_FREE_KEYS = ("batch_size.eval", "batch_size.micro", "dataset.path", "output_dir", "resume", "result_json")


def check_same_run(config: Config, recorded: Config) -> None:
    """Refuse to resume a run with settings that would make it another one.

    Raises:
        ConfigError: Naming every key that differs.
    """
    now, then = flat(config.to_dict()), flat(recorded.to_dict())
    now["run_dir"] = config.run_dir or then["run_dir"]
    if config.reproduce.seed_everything is None:
        now["reproduce.seed_everything"] = then["reproduce.seed_everything"]
    if recorded.dataset.resolution_hw is None:  # the run ended before it could read its dataset
        now["dataset.resolution_hw"] = None
    differing = [
        f"  - {key}: {then.get(key)!r} then, {now.get(key)!r} now"
        for key in sorted(now.keys() | then.keys())
        if now.get(key) != then.get(key) and key not in _FREE_KEYS and key.split(".")[0] not in _FREE_SECTIONS
    ]
    if differing:
        raise ConfigError(
            "a resumed run must keep its settings, but these differ:\n"
            + "\n".join(differing)
            + "\nGive the same settings, or start a new run from its weights with checkpoint="
        )


def process_environment(folder: RunFolder, seed: int) -> None:
    """Tell the processes that a distributed run starts which folder and seed this first one chose."""
    os.environ[_INHERITED] = json.dumps({"directory": str(folder.directory), "seed": seed})


def inherited_run() -> tuple[RunFolder, int]:
    """The folder and seed that the first process of a distributed run chose.

    Raises:
        ConfigError: If another launcher started this process, which must then be told both.
    """
    if _INHERITED not in os.environ:
        raise ConfigError(
            "under a launcher such as torchrun, give run_dir and reproduce.seed_everything, so that all processes agree"
        )
    told = json.loads(os.environ[_INHERITED])
    return RunFolder(Path(told["directory"])), told["seed"]
