"""Where a training run begins: in which folder, from which checkpoint, with which seed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainable.config import Config
from trainable.errors import CheckpointError, ConfigError
from trainable.model import read_checkpoint
from trainable.run_folder import (
    RunFolder,
    check_same_run,
    inherited_run,
    new_run_folder,
    process_environment,
    resumed_run,
)
from trainable.run_lock import run_lock


@dataclass(frozen=True)
class Beginning:
    """The point that a run starts from.

    Attributes:
        folder: The run's folder.
        seed: The run's seed.
        resumed: Whether the run goes on from an earlier one.
        checkpoint: The checkpoint to go on from; none at the start.
        step: Optimizer steps done.
    """

    folder: RunFolder
    seed: int
    resumed: bool = False
    checkpoint: Path | None = None
    step: int = 0


@contextmanager
def begun(config: Config, *, rank: int) -> Iterator[Beginning]:
    """Find or choose the run's folder, checkpoint and seed, and hold the folder against other processes.

    Args:
        config: The run's configuration.
        rank: Number of this process; all but the first follow the first one's choice.

    Raises:
        ConfigError: If the folder is in use, or a resumed run is given other settings.
        CheckpointError: If there is nothing to resume.
    """
    if rank > 0:
        yield _follow(config)
        return
    resumed = config.resume is not None
    folder = _folder_to_resume(config) if resumed else new_run_folder(config)
    with run_lock(folder.directory):
        yield _resume(config) if resumed else _start(config, folder)


def _start(config: Config, folder: RunFolder) -> Beginning:
    given = config.reproduce.seed_everything
    seed = secrets.randbelow(2**31) if given is None else given
    process_environment(folder, seed)
    return Beginning(folder, seed)


def _follow(config: Config) -> Beginning:
    if config.resume is not None:
        return _resume(config)
    if config.run_dir is not None and config.reproduce.seed_everything is not None:
        return Beginning(RunFolder(Path(config.run_dir).absolute()), config.reproduce.seed_everything)
    return Beginning(*inherited_run())


def _folder_to_resume(config: Config) -> RunFolder:
    if config.run_dir is not None or config.checkpoint is not None:
        raise ConfigError(
            "resume goes on in the run's own folder with its own weights: leave out "
            + " and ".join(key for key in ("run_dir", "checkpoint") if getattr(config, key) is not None)
        )
    return resumed_run(str(config.resume))[0]


def _resume(config: Config) -> Beginning:
    folder, checkpoint = resumed_run(str(config.resume))
    recorded = folder.read_config()
    check_same_run(config.merged({"checkpoint": recorded.checkpoint}), recorded)
    if recorded.reproduce.seed_everything is None:
        raise CheckpointError(f"{folder.config_file} does not hold the run's seed; start a new run")
    step = 0
    if checkpoint is not None:
        content = read_checkpoint(checkpoint, allow_unpickling=config.allow_unpickling)
        if "global_step" not in content or "loops" not in content:
            raise CheckpointError(
                f"{checkpoint} holds weights but no state of a training; start a new run from it with "
                f"checkpoint={checkpoint}"
            )
        step = int(content["global_step"])
    return Beginning(folder, recorded.reproduce.seed_everything, True, checkpoint, step)
