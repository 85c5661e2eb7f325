"""Publishing runs that are not training any more, or whose server was away: `python -m trainable publish FOLDER`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainable.errors import TrackingError, TrackingServerError
from trainable.tracking.client_environment import client_environment
from trainable.tracking.entries import HeaderEntry, ResumeEntry
from trainable.tracking.journal import JOURNAL_NAME, JournalReader, read_header
from trainable.tracking.links import resolve_uri
from trainable.tracking.progress import Progress
from trainable.tracking.run_search import SWEEP_DEPTH, run_directories

if TYPE_CHECKING:
    from trainable.tracking.publisher import Publisher


@dataclass(frozen=True)
class PublishSummary:
    """What publishing a run, or a folder of runs, found and sent; counts are sums over its runs."""

    progress: Progress
    """Where the run, or the first of the runs, is on the server."""
    runs: int
    points_sent: int
    points_there: int
    """Points that the server had already."""
    points_undefined: int
    """Undefined or infinite metric values, which are never sent."""
    artifacts_sent: int
    artifacts_there: int
    """Files that the server had already."""
    artifacts_absent: tuple[str, ...]
    """Files that the journals name and the disk does not have."""
    damaged_lines: int
    """Journal lines skipped because they were torn or of an unknown kind."""
    refused: tuple[str, ...] = ()
    """Why the runs that could not be published could not; the others were."""


def publish(directory: Path, uri: str | None = None) -> PublishSummary:
    """Replay whole journals to a tracking server; what is there already is not sent again.

    Args:
        directory: a run's folder, a sweep's folder with its runs, or a copy of one.
        uri: address of the server or database; None takes the one that each run, or the run that it is nested under,
            was started with, whose credentials come from MLflow's environment variables (a database's password only
            from this argument).

    Returns:
        What was sent and what was there.

    Raises:
        TrackingError: where there is no journal, none of the runs can be published, or the server does not answer.
    """
    runs = list(run_directories(directory, SWEEP_DEPTH)) or [directory]
    published: list[tuple[Publisher, Progress]] = []
    refusals: list[TrackingError] = []
    with client_environment():
        for run in runs:
            try:
                published.append(_publish_run(run, uri or _recorded_uri(run) or _uri_of_parent(directory, run)))
            except TrackingServerError:
                raise
            except TrackingError as error:
                refusals.append(error)
    if not published:
        raise refusals[0]
    publishers = [publisher for publisher, _ in published]
    return PublishSummary(
        progress=published[0][1],
        runs=len(published),
        points_sent=sum(publisher.points_sent for publisher in publishers),
        points_there=sum(publisher.points_there for publisher in publishers),
        points_undefined=sum(publisher.points_undefined for publisher in publishers),
        artifacts_sent=sum(publisher.artifacts_sent for publisher in publishers),
        artifacts_there=sum(publisher.artifacts_there for publisher in publishers),
        artifacts_absent=tuple(path for publisher in publishers for path in publisher.artifacts_absent),
        damaged_lines=sum(publisher.damaged_lines for publisher in publishers),
        refused=tuple(map(str, refusals)),
    )


def _publish_run(directory: Path, uri: str | None) -> "tuple[Publisher, Progress]":
    from trainable.tracking.publisher import Publisher  # slow: imports MLflow

    if uri is None:
        raise TrackingError(
            f"the run in {directory} was tracked without a server, so it is not known where to publish it. Give "
            "the address with --uri, such as --uri sqlite:///runs/mlflow.db."
        )
    publisher = Publisher(directory, resolve_uri(uri))
    return publisher, publisher.flush()


def _recorded_uri(directory: Path) -> str | None:
    """The server that the run was last tracked with."""
    uri = read_header(directory).uri
    for entry in JournalReader(directory).read():
        if isinstance(entry, HeaderEntry | ResumeEntry) and entry.uri is not None:
            uri = entry.uri
    return uri


def _uri_of_parent(directory: Path, run: Path) -> str | None:
    """The server of the folder's own run, for a run that is nested under it."""
    if not (directory / JOURNAL_NAME).exists():
        return None
    nested = read_header(run).parent_run_id == read_header(directory).run_id
    return _recorded_uri(directory) if nested else None
