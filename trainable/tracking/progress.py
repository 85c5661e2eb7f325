"""What has been published of a run so far, in a small file beside its journal.

Nothing is decided from it alone: without it, or with one from another copy of the folder, publishing asks the server
and still sends each point once. It says where the run can be seen and what is still missing.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trainable.files import written_whole
from trainable.tracking.journal import JOURNAL_NAME
from trainable.tracking.links import run_directions, run_page

PROGRESS_NAME = "published.json"


class Progress(BaseModel):
    """A run's place on a tracking server, and how much of its journal is there."""

    model_config = ConfigDict(frozen=True)

    uri: str
    """The server, without credentials."""
    experiment_id: str
    mlflow_run_id: str
    position: int
    """Bytes of the journal that have been published."""
    uploaded: dict[str, tuple[int, int]]
    """Artifact path to the size in bytes and the modification time in ns that the file had when it was uploaded."""
    nested: bool = False
    """Whether the run lies under its parent, or has none."""

    @property
    def page(self) -> str:
        """Where to see the run, in one line."""
        return run_page(self.uri, self.experiment_id, self.mlflow_run_id)

    @property
    def directions(self) -> tuple[str, ...]:
        """How to look at the run, as whole lines for the user."""
        return run_directions(self.uri, self.experiment_id, self.mlflow_run_id)


def read_progress(directory: Path) -> Progress | None:
    """The progress recorded in a run's folder; None where there is none that can be read."""
    try:
        return Progress.model_validate_json((directory / PROGRESS_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def write_progress(directory: Path, progress: Progress) -> None:
    """Replace the progress recorded in a run's folder, whole or not at all.

    Raises:
        OSError: where the disk refuses.
    """
    with written_whole(directory / PROGRESS_NAME) as draft:
        draft.write_text(progress.model_dump_json())


def unpublished_lines(directory: Path) -> int:
    """Journal lines after the published position: 0 when everything has arrived.

    Raises:
        OSError: where the journal cannot be read.
    """
    progress = read_progress(directory)
    with (directory / JOURNAL_NAME).open("rb") as file:
        file.seek(0 if progress is None else progress.position)
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
