"""Publishing a run that is not training any more, or whose server was away: `python -m trainable publish RUN`."""

from dataclasses import dataclass
from pathlib import Path

from trainable.errors import TrackingError
from trainable.tracking.client_environment import client_environment
from trainable.tracking.entries import HeaderEntry, ResumeEntry
from trainable.tracking.journal import JournalReader, read_header
from trainable.tracking.links import resolve_uri
from trainable.tracking.progress import Progress


@dataclass(frozen=True)
class PublishSummary:
    """What publishing a run found and sent."""

    progress: Progress
    """Where the run is on the server."""
    points_sent: int
    points_there: int
    """Points that the server had already."""
    points_undefined: int
    """Undefined or infinite metric values, which are never sent."""
    artifacts_sent: int
    artifacts_there: int
    """Files that the server had already."""
    artifacts_absent: tuple[str, ...]
    """Files that the journal names and the disk does not have."""
    damaged_lines: int
    """Journal lines skipped because they were torn or of an unknown kind."""


def publish(run_directory: Path, uri: str | None = None) -> PublishSummary:
    """Replay a whole journal to a tracking server; what is there already is not sent again.

    Args:
        run_directory: the run's folder, or a copy of it.
        uri: address of the server or database; None takes the one that the run was started with, whose credentials
            come from MLflow's environment variables (a database's password only from this argument).

    Returns:
        What was sent and what was there.

    Raises:
        TrackingError: where there is no journal, it names no server and none is given, or the server does not take it.
    """
    uri = uri or _recorded_uri(run_directory)
    if uri is None:
        raise TrackingError(
            f"the run in {run_directory} was tracked without a server, so it is not known where to publish it. Give "
            "the address with --uri, such as --uri sqlite:///runs/mlflow.db."
        )
    with client_environment():
        from trainable.tracking.publisher import Publisher  # slow: imports MLflow

        publisher = Publisher(run_directory, resolve_uri(uri))
        progress = publisher.flush()
    return PublishSummary(
        progress=progress,
        points_sent=publisher.points_sent,
        points_there=publisher.points_there,
        points_undefined=publisher.points_undefined,
        artifacts_sent=publisher.artifacts_sent,
        artifacts_there=publisher.artifacts_there,
        artifacts_absent=tuple(publisher.artifacts_absent),
        damaged_lines=publisher.damaged_lines,
    )


def _recorded_uri(run_directory: Path) -> str | None:
    """The server that the run was last tracked with."""
    uri = read_header(run_directory).uri
    for entry in JournalReader(run_directory).read():
        if isinstance(entry, HeaderEntry | ResumeEntry) and entry.uri is not None:
            uri = entry.uri
    return uri
