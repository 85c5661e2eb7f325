"""Replays a run's journal to a tracking server so that every point arrives once.

MLflow ignores a point only where name, step, time and value are all the same, and never takes one back. So what the
server holds decides: before the first point of a metric is sent, its history is read, and only steps that it lacks are
sent. That holds after a restart, for a copy of the folder on another machine, and for steps that a resumed run repeats.
Two publishers of the same run notice each other by the tag `evsweep.session`: whoever finds the other's value there
reads the histories again. After any failure they are read again too, so a call whose answer was lost is not repeated.
"""

import logging
from pathlib import Path
from uuid import uuid4

from trainable.errors import TrackingError
from trainable.tracking.backlog import Backlog
from trainable.tracking.entries import ArtifactEntry, ResumeEntry, RunStatus, StatusEntry, journaled_status
from trainable.tracking.journal import JournalReader, read_header
from trainable.tracking.links import public_uri
from trainable.tracking.mlflow_run import METRICS_PER_CALL, MlflowRun, RunState, chunks, server_errors
from trainable.tracking.names import MAX_PARAMETER_LENGTH, mlflow_name, shortened
from trainable.tracking.progress import Progress, read_progress, write_progress

SESSION_TAG = "evsweep.session"
STATE_TIME_TAG = "evsweep.state_ms"
REASON_TAG = "evsweep.status_reason"
CHANGED_TAG_PREFIX = "evsweep.changed."
LOST_REASON = "the training process ended without a word (killed)"

_log = logging.getLogger(__name__)


class Publisher:
    """Sends a journal, which may still be growing, to one tracking server.

    Args:
        directory: the run's folder.
        uri: address of the server or database, credentials included; see `resolve_uri`.

    Attributes:
        points_sent: points that this publisher sent.
        points_there: points that the server had already.
        artifacts_sent: files uploaded.
        artifacts_there: files that the server had already.
        artifacts_absent: files that the journal names and the disk does not have.

    Raises:
        TrackingError: where the folder holds no readable journal.
    """

    def __init__(self, directory: Path, uri: str) -> None:
        self._directory = directory
        self._uri = uri
        self._header = read_header(directory)
        self._reader = JournalReader(directory)
        self._backlog = Backlog()
        self._session = uuid4().hex
        self._run: MlflowRun | None = None
        self._steps_there: dict[str, set[int]] = {}
        self._nested = self._header.parent_run_id is None
        progress = read_progress(directory)
        self._uploaded = {} if progress is None or progress.uri != public_uri(uri) else dict(progress.uploaded)
        self._saved = (0, False)
        self._status: RunStatus = "RUNNING"
        self._status_ms = self._header.time_ms
        self.points_sent = 0
        self.points_there = 0
        self.artifacts_sent = 0
        self.artifacts_there = 0
        self.artifacts_absent: list[str] = []

    @property
    def points_undefined(self) -> int:
        """Metric values that were not sent because they are undefined or not finite."""
        return self._backlog.undefined

    @property
    def damaged_lines(self) -> int:
        """Journal lines skipped because they were torn or of an unknown kind."""
        return self._reader.damaged_lines

    @property
    def is_complete(self) -> bool:
        """Whether all that was read of the journal has arrived, and the run lies under its parent."""
        return self._nested and self._run is not None and self._backlog.is_empty()

    @property
    def has_ended(self) -> bool:
        """Whether the journal, as far as it was read, ends the run."""
        return self._status != "RUNNING"

    def flush(self) -> Progress:
        """Send what the journal holds and the server lacks. Call it again after a failure: nothing is sent twice.

        Returns:
            Where the run is on the server.

        Raises:
            TrackingError: where the journal cannot be read or the server does not take it.
        """
        self._read()
        run = self._run
        if run is None or not self._nested or not self._backlog.is_empty():
            try:
                with server_errors(self._uri):
                    run = self._run = run or MlflowRun(self._uri, self._header, self._directory)
                    self._send(run)
            except TrackingError:
                self._run = None
                self._steps_there.clear()
                raise
        progress = Progress(
            uri=public_uri(self._uri),
            experiment_id=run.experiment_id,
            mlflow_run_id=run.run_id,
            position=self._reader.position,
            uploaded=self._uploaded,
            nested=self._nested,
        )
        if self._saved != (progress.position, progress.nested):
            self._save(progress)
        return progress

    def mark_lost(self, alive_ms: int) -> None:
        """Take the run for FAILED, as its training is gone, from the next flush on; the journal stays as it is.

        Nothing is done where the training has journaled how it ended, or the run has been resumed since. The state gets
        the time of the journal's last entry, so that whatever a resumed run or another copy journals later counts more.

        Args:
            alive_ms: when the training was last seen alive: a RUNNING journaled later belongs to a resumed one.

        Raises:
            TrackingError: where the journal cannot be read.
        """
        self._read()
        if self._status == "RUNNING" and self._status_ms <= alive_ms:
            time_ms = self._backlog.latest_ms + 1
            self._backlog.status = StatusEntry(time_ms=time_ms, status="FAILED", reason=LOST_REASON)

    def _read(self) -> None:
        entries = self._reader.read()
        for entry in entries:
            self._backlog.absorb(entry)
            if isinstance(entry, StatusEntry | ResumeEntry):
                self._status_ms = entry.time_ms
        self._status = journaled_status(entries, self._status)

    def _send(self, run: MlflowRun) -> None:
        state = run.state()
        if state.tags.get(SESSION_TAG) != self._session:
            self._steps_there.clear()
            run.set_tags({SESSION_TAG: self._session})
        if not self._nested and self._header.parent_run_id is not None:
            self._nested = run.nest_under(self._header.parent_run_id)
        self._send_parameters(run, state)
        self._send_points(run)
        self._send_state(run)
        self._send_artifacts(run)

    def _send_parameters(self, run: MlflowRun, state: RunState) -> None:
        """Send what the server lacks; MLflow refuses to change a parameter, so a changed one becomes a tag."""
        parameters = {mlflow_name(name): text for name, text in self._backlog.parameters.items()}
        run.log_parameters({name: text for name, text in parameters.items() if name not in state.parameters})
        changed = {
            mlflow_name(CHANGED_TAG_PREFIX + name): text
            for name, text in parameters.items()
            if state.parameters.get(name, text) not in (text, shortened(text, MAX_PARAMETER_LENGTH))
        }
        run.set_tags({name: text for name, text in changed.items() if state.tags.get(name) != text})
        self._backlog.parameters.clear()

    def _send_points(self, run: MlflowRun) -> None:
        for name, by_step in self._backlog.points.items():
            if name not in self._steps_there:
                self._steps_there[name] = run.steps(name)
            for step in self._steps_there[name] & by_step.keys():
                del by_step[step]
                self.points_there += 1
        pending = [
            (name, step, point) for name, by_step in self._backlog.points.items() for step, point in by_step.items()
        ]
        for chunk in chunks(pending, METRICS_PER_CALL):
            run.log_points(chunk)
            self.points_sent += len(chunk)
            for name, step, _ in chunk:
                self._steps_there[name].add(step)
                del self._backlog.points[name][step]

    def _send_state(self, run: MlflowRun) -> None:
        """Send tags and status, unless the server has newer ones from another copy of the journal.

        What the server has is asked anew, since sending points takes long enough for another publisher to end the run.
        The time goes before the status: should the second call fail, no older status gets in between.
        """
        if not self._backlog.tags and self._backlog.status is None:
            return
        state = run.state()
        applied_ms = int(state.tags.get(STATE_TIME_TAG, "0"))
        tags = {
            mlflow_name(name): tag.value
            for name, tag in self._backlog.tags.items()
            if tag.time_ms >= applied_ms or mlflow_name(name) not in state.tags
        }
        times_ms = [applied_ms, *(tag.time_ms for tag in self._backlog.tags.values())]
        status = self._backlog.status
        if status is not None and status.time_ms < applied_ms:
            status = None
        if status is not None:
            if status.reason or REASON_TAG in state.tags:
                tags[REASON_TAG] = status.reason
            times_ms.append(status.time_ms)
        if max(times_ms) > applied_ms:
            tags[STATE_TIME_TAG] = str(max(times_ms))
        run.set_tags(tags)
        if status is not None and status.status != state.status:
            run.set_status(status.status, status.time_ms)
        self._backlog.tags.clear()
        self._backlog.status = None

    def _send_artifacts(self, run: MlflowRun) -> None:
        for target, entry in list(self._backlog.artifacts.items()):
            self._send_artifact(run, target, entry)
            del self._backlog.artifacts[target]

    def _send_artifact(self, run: MlflowRun, target: str, entry: ArtifactEntry) -> None:
        file = self._directory / entry.path
        if not file.is_file():
            self.artifacts_absent.append(str(file))
            _log.warning("%s cannot be uploaded: the journal names it, but there is no such file any more", file)
            return
        stat = file.stat()
        fingerprint = (stat.st_size, stat.st_mtime_ns)
        if self._uploaded.get(target, fingerprint) == fingerprint and run.artifact_size(target) == stat.st_size:
            self.artifacts_there += 1
        else:
            run.upload(file, entry.artifact_path)
            self.artifacts_sent += 1
        self._uploaded[target] = fingerprint

    def _save(self, progress: Progress) -> None:
        try:
            write_progress(self._directory, progress)
            self._saved = (progress.position, progress.nested)
        except OSError as error:
            _log.warning("the publishing progress of %s cannot be saved: %s", self._directory, error)
