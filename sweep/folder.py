"""The folder of one sweep, which is its whole record: where everything in it lies."""

import shlex
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from sweep.settings import DEFAULT_STORAGE, check_name, check_storage, expand_home
from trainable.errors import SweepError
from trainable.own_programs import own_program

Phase = Literal["trials", "confirm"]
"""The search itself, or the finalists' repetitions with new seeds."""

PAUSED_NAME = "paused"
"""A file in a run's folder while its trial waits; its text says what for."""

_RAY_COPY = "working_dir_files"
"""A part of every such path: `/tmp/ray/SESSION/runtime_resources/working_dir_files/PACKAGE`."""


@dataclass(frozen=True)
class SweepFolder:
    """The files of a sweep.

    The folder itself is the parent run's folder: `trainable.tracking` keeps its journal there.

    Attributes:
        directory: The sweep's folder, absolute.
    """

    directory: Path

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.directory.name

    @property
    def storage(self) -> Path:
        """The folder of sweeps."""
        return self.directory.parent

    @property
    def record_file(self) -> Path:
        """Settings, resolved base configuration and space; see `sweep.record.SweepRecord`."""
        return self.directory / "sweep.yaml"

    @property
    def study_file(self) -> Path:
        """Optuna's journal, which holds the studies of both phases."""
        return self.directory / "study.jsonl"

    @property
    def lock_file(self) -> Path:
        """Locked by the living driver."""
        return self.directory / "driver.lock"

    @property
    def gpu_memory_file(self) -> Path:
        """What the largest trial needs of a GPU's memory, measured once."""
        return self.directory / "gpu_memory.json"

    @property
    def ray_directory(self) -> Path:
        """Where Ray Tune keeps its own files; nothing is read back from it."""
        return self.directory / "ray"

    @property
    def requests_directory(self) -> Path:
        """Where `stop` leaves its requests."""
        return self.directory / "requests"

    def command(self, verb: str, *arguments: str) -> str:
        """A command on this sweep, as it is typed in the current folder."""
        storage = [] if self.storage == DEFAULT_STORAGE.absolute() else ["--storage", str(self.storage)]
        return shlex.join([own_program("python"), "-m", "sweep", verb, self.name, *arguments, *storage])

    def runs_directory(self, phase: Phase) -> Path:
        """The folder of a phase's run folders."""
        return self.directory / phase

    def run_directory(self, phase: Phase, index: int) -> Path:
        """The run folder of a trial; see `trainable.run_folder.RunFolder`."""
        return self.runs_directory(phase) / f"{index:04d}"

    def stop_request(self, phase: Phase | None = None, index: int | None = None) -> Path:
        """The file that asks the whole sweep, or one trial of a phase, to stop."""
        name = "stop" if phase is None or index is None else f"stop_{phase}_{index:04d}"
        return self.requests_directory / name


def sweep_folder(storage: Path, name: str) -> SweepFolder:
    """Where a sweep lies, whether it exists or not.

    Raises:
        SweepError: If the name or the storage cannot be used.
    """
    try:
        folder = SweepFolder(expand_home(check_storage(storage)).absolute() / check_name(name))
    except ValueError as error:
        raise SweepError(str(error)) from error
    if _RAY_COPY in folder.directory.parts:
        raise SweepError(
            f"{folder.storage} lies in the copy of the working folder that Ray makes for a job and removes after it; "
            "give --storage as a whole path that every node sees"
        )
    return folder


def open_sweep(storage: Path, name: str) -> SweepFolder:
    """The folder of a sweep that exists.

    Args:
        storage: The folder of sweeps.
        name: The sweep's name.

    Raises:
        SweepError: If there is none of that name; those that exist are named.
    """
    folder = sweep_folder(storage, name)
    if folder.record_file.is_file():
        return folder
    existing = sorted(file.parent.name for file in folder.storage.glob(f"*/{folder.record_file.name}"))
    if not existing:
        raise SweepError(f"there is no sweep in {folder.storage}; give --storage, the folder that the sweep was run in")
    near = get_close_matches(name, existing, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"those there are {', '.join(existing)}"
    raise SweepError(f"there is no sweep {name!r} in {folder.storage}; {hint}")
