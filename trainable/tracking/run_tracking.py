"""What a training uses: everything is journaled at once and published from another process."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

from trainable.errors import TrackingError
from trainable.tracking.background import FINAL_TIMEOUT_S, INTERVAL_S, FolderPublishing
from trainable.tracking.entries import HeaderEntry, ResumeEntry, RunStatus
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, now_ms
from trainable.tracking.links import resolve_uri
from trainable.tracking.run_search import SWEEP_DEPTH

RESUMES_TAG = "evsweep.resumes"
"""How often a run was gone on with; missing from one that never was."""

_log = logging.getLogger(__name__)


class RunTracking:
    """A run's journal and its publishing, as the training sees them: no call waits for a server or fails a step.

    A disk that refuses is logged once; what it refused is kept in memory and written when it can be.

    Args:
        journal: the run's journal.
        uri: tracking server, credentials included, or None to journal only.
        interval_s: pause between two looks of the publishing process at the journal.
        with_runs_below: whether the runs in the folders below are published too, from the same process.
    """

    def __init__(
        self, journal: Journal, uri: str | None, interval_s: float = INTERVAL_S, *, with_runs_below: bool = False
    ) -> None:
        self._journal = journal
        self._disk_refused = False
        depth = SWEEP_DEPTH if with_runs_below else 0
        self._publishing = None if uri is None else FolderPublishing(journal.directory, uri, interval_s, depth=depth)

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        experiment: str,
        uri: str | None,
        run_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_id: str | None = None,
        parent_run_id: str | None = None,
        resume_step: int | None = None,
        interval_s: float = INTERVAL_S,
        with_runs_below: bool = False,
    ) -> "RunTracking":
        """Begin a run, or go on with one.

        Args:
            directory: the run's folder.
            experiment: MLflow's experiment, made where it is missing.
            uri: tracking server, credentials included, or None to journal only.
            run_name: name shown by MLflow; None lets MLflow invent one.
            tags: tags of a new run.
            run_id: identity of a new run on every server; None makes a random one. A trial that may start again from
                nothing on another machine gives the same one each time.
            parent_run_id: `run_id` of the run that this one is nested under; it need not be published yet.
            resume_step: optimizer steps of the checkpoint that the run goes on from (0: from the start), or None for
                a run that must not be in this folder yet. With it, a journal in the folder is continued, and where
                there is none a new one begins.
            interval_s: pause between two looks of the publishing process at the journal.
            with_runs_below: whether the runs in the folders below are published too, from the same process.

        Returns:
            The tracking, its status RUNNING.

        Raises:
            TrackingError: for an address that MLflow cannot write to, a folder that holds another run's journal, or a
                journal that cannot be read or made.
        """
        uri = None if uri is None else resolve_uri(uri)
        try:
            if resume_step is not None and (directory / JOURNAL_NAME).exists():
                journal = Journal(directory)
                if run_id not in (None, journal.header.run_id):
                    raise TrackingError(
                        f"{directory / JOURNAL_NAME} records the run {journal.header.run_id}, not {run_id}. Give every "
                        "run a folder of its own."
                    )
                journal.resume(resume_step, uri)
                journal.tags({RESUMES_TAG: str(_resumes(directory))})
            else:
                header = HeaderEntry(
                    time_ms=now_ms(),
                    run_id=run_id or uuid4().hex,
                    experiment=experiment,
                    run_name=run_name,
                    parent_run_id=parent_run_id,
                    uri=uri,
                    tags=dict(tags or {}),
                )
                journal = Journal.create(directory, header)
            journal.status("RUNNING")
        except OSError as error:
            raise TrackingError(f"the run's journal cannot be written in {directory}: {error.strerror}") from error
        return cls(journal, uri, interval_s, with_runs_below=with_runs_below)

    @property
    def run_id(self) -> str:
        """The run's identity on every tracking server."""
        return self._journal.header.run_id

    def parameters(self, values: Mapping[str, object]) -> None:
        """Record parameters, nested ones as dotted names."""
        self._record(lambda: self._journal.parameters(values))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics after `step` optimizer steps; undefined and infinite values are kept but not published."""
        self._record(lambda: self._journal.metrics(values, step))

    def tags(self, values: Mapping[str, str]) -> None:
        """Record tags; a later value replaces an earlier one."""
        self._record(lambda: self._journal.tags(values))

    def artifact(self, path: Path, artifact_path: str = "") -> None:
        """Record a finished file that is to be uploaded into the folder `artifact_path` of the run's artifacts."""
        self._record(lambda: self._journal.artifact(path, artifact_path))

    def sync(self) -> None:
        """Bring the journal to the disk, beside a checkpoint."""
        self._record(self._journal.sync)

    def keep_publishing(self) -> None:
        """Start the publishing process again where it has died."""
        if self._publishing is not None:
            self._publishing.keep_running()

    def close(self, status: RunStatus, reason: str = "", timeout_s: float = FINAL_TIMEOUT_S) -> None:
        """End the run, publish what is missing for a bounded time, and log what is still missing after it.

        Args:
            status: FINISHED, FAILED after an error, or KILLED for a run stopped on purpose before its end.
            reason: why, for FAILED and KILLED.
            timeout_s: longest wait for the server.
        """
        self._record(lambda: self._journal.status(status, reason))
        self._record(self._journal.close)
        if self._publishing is not None:
            self._publishing.close(timeout_s)

    def _record(self, append: Callable[[], None]) -> None:
        try:
            append()
        except OSError as error:
            if not self._disk_refused:
                self._disk_refused = True
                _log.warning(
                    "the run's journal in %s cannot be written (%s); the training goes on, and the lines are kept in "
                    "memory until the disk takes them",
                    self._journal.directory,
                    error.strerror,
                )


def _resumes(directory: Path) -> int:
    """How often a run was gone on with, this time included."""
    return sum(isinstance(entry, ResumeEntry) for entry in JournalReader(directory).read())
