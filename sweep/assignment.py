"""What the driver of a sweep tells the process that trains a trial."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrialAssignment:
    """One trial. It travels through Ray as a dictionary of plain values, and is the same after each restart.

    Attributes:
        index: The trial's number.
        name: The trial's name, which says its parameters.
        config: The trial's whole configuration, as `Config.to_dict` gives it; `run_dir` and `resume` are set here.
        directory: The trial's run folder, absolute.
        run_id: Identity of the trial's run on every tracking server.
        parent_run_id: Identity of the sweep's run; `None` for a trial on its own.
        tags: Further tags of the run.
        stop_request: A file whose appearance stops the trial; its text is the reason.
        min_free_bytes: The trial waits while the disk of its folder has less free space.
        threads: Threads that torch computes with.
    """

    index: int
    name: str
    config: dict[str, Any]
    directory: str
    run_id: str
    parent_run_id: str | None
    tags: dict[str, str]
    stop_request: str
    min_free_bytes: int
    threads: int

    @property
    def folder(self) -> Path:
        """The trial's run folder."""
        return Path(self.directory)

    def to_dict(self) -> dict[str, Any]:
        """The assignment as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrialAssignment":
        """What `to_dict` gave."""
        return cls(**values)
