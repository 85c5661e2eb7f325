"""Reading sweeps and runs from MLflow: from its database, or from a server."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from sqlalchemy.exc import SQLAlchemyError

from reports.database_runs import DatabaseRuns
from reports.run_artifacts import FetchedArtifacts, FolderArtifacts, Listed
from reports.run_files import Missing, read_space
from reports.runs import Artifacts, Curve, Run, Sweep
from reports.served_runs import Call, ServedRuns
from reports.stored_runs import RunStore, StoredRun, defined
from reports.sweep_runs import ending, metrics_with_curves, of_phase, problems
from reports.wording import utc_time
from trainable.errors import TrackingError, TrackingServerError
from trainable.tracking import without_credentials
from trainable.tracking.client_environment import client_environment
from trainable.tracking.links import public_uri, resolve_uri

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 120.0
LONGEST_CAUSE = 300
FETCHED_SCHEMES = ("mlflow-artifacts", "s3", "gs", "wasbs", "abfss", "hdfs")
"""Where artifacts are fetched from. Others, such as http, would be asked for with the user's credentials wherever a
run's address says."""

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_UNEXPECTED = (SQLAlchemyError, OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError)


class TrackingReader:
    """Reads what a tracking server or database holds; it writes nothing there.

    Files of runs are brought here when they are asked for, into a temporary folder that is gone after `close`.

    Args:
        uri: Address of the server or database, credentials included.

    Raises:
        TrackingError: An address that cannot be used, a database that is not there, or a server that does not answer.
    """

    def __init__(self, uri: str) -> None:
        self._uri = _resolved(uri)
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="evsweep-")))
            stack.enter_context(client_environment())
            with self._errors():
                self._store: RunStore = (
                    ServedRuns(_server_call(self._uri)) if self._uri.startswith("http") else DatabaseRuns(self._uri)
                )
            stack.callback(self._store.close)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files that were brought here."""
        self._open.close()

    def kind(self, name_or_id: str) -> Literal["sweep", "run"]:
        """Whether a name or an MLflow run id is that of a sweep, or of a run.

        Raises:
            TrackingError: There is none, several, or the store does not answer.
        """
        with self._errors():
            if self._found_sweeps(name_or_id):
                return "sweep"
            self._find_run(name_or_id)
            return "run"

    def run(self, name_or_id: str) -> Run:
        """Any run, by its name or its MLflow run id.

        Raises:
            TrackingError: There is none, several of that name, or the store does not answer.
        """
        with self._errors():
            return self._with_curves([self._find_run(name_or_id)])[0]

    def sweep(self, name_or_id: str) -> Sweep:
        """A sweep with all its runs, finished or running.

        Args:
            name_or_id: The sweep's name, or the MLflow run id of its parent run.

        Raises:
            TrackingError: There is none, several of that name, or the store does not answer.
        """
        with self._errors():
            parent = self._find_sweep(name_or_id)
            own, *runs = self._with_curves([parent, *self._store.below(parent.run_id)])
        space = read_space(own)
        sweep = Sweep(
            own=own,
            trials=of_phase(runs, "trials"),
            confirmations=of_phase(runs, "confirm"),
            space=None if isinstance(space, Missing) else space,
            tracking_uri=public_uri(self._uri),
        )
        unread = [space.reason] if isinstance(space, Missing) else []
        return replace(sweep, problems=(*unread, *problems(sweep, runs)))

    def _find_sweep(self, name_or_id: str) -> StoredRun:
        found = self._found_sweeps(name_or_id)
        if found:
            return _the_only(found, name_or_id, "sweeps", public_uri(self._uri))
        stray = self._store.run(name_or_id) if _RUN_ID.fullmatch(name_or_id) else None
        if stray is not None:
            why = "was deleted" if stray.deleted else f"is a run named {stray.name!r}, not a sweep's parent run"
            raise TrackingError(f"{name_or_id} on {public_uri(self._uri)} {why}; {self._sweeps_there(name_or_id)}")
        raise TrackingError(
            f"there is no sweep named {name_or_id!r} on {public_uri(self._uri)}; {self._sweeps_there(name_or_id)}"
        )

    def _found_sweeps(self, name_or_id: str) -> list[StoredRun]:
        if _RUN_ID.fullmatch(name_or_id):
            run = self._store.run(name_or_id)
            if run is not None and run.is_sweep and not run.deleted:
                return [run]
        return [run for run in self._store.sweeps() if run.name == name_or_id]

    def _sweeps_there(self, name: str) -> str:
        names = sorted({run.name for run in self._store.sweeps()})
        if not names:
            return "it holds no sweep at all, so check the address"
        near = get_close_matches(name, names, n=5, cutoff=0.0)
        return f"the nearest of its sweeps: {', '.join(map(repr, near))}"

    def _find_run(self, name_or_id: str) -> StoredRun:
        run = self._store.run(name_or_id) if _RUN_ID.fullmatch(name_or_id) else None
        if run is not None and not run.deleted:
            return run
        if run is not None:
            raise TrackingError(
                f"the run {name_or_id} on {public_uri(self._uri)} was deleted; restore it there with `mlflow runs "
                f"restore --run-id {name_or_id}`"
            )
        found = self._store.named(name_or_id)
        if found:
            return _the_only(found, name_or_id, "runs", public_uri(self._uri))
        near = get_close_matches(name_or_id, self._store.names(), n=5, cutoff=0.0)
        nearest = f"the nearest: {', '.join(map(repr, near))}" if near else "it holds no runs, so check the address"
        raise TrackingError(f"there is no run {name_or_id!r} on {public_uri(self._uri)}; {nearest}")

    def _with_curves(self, runs: Sequence[StoredRun]) -> list[Run]:
        """A sweep's parent run and those below it, or one run, with their curves."""
        curves = self._store.curves(runs, metrics_with_curves(runs))
        return [self._run(run, curves.get(run.run_id, {})) for run in runs]

    def _run(self, run: StoredRun, curves: Mapping[str, Curve]) -> Run:
        state, reason = ending(run)
        return Run(
            run_id=run.run_id,
            name=run.name,
            state=state,
            reason=reason,
            started_ms=run.started_ms,
            ended_ms=None if state == "RUNNING" else run.ended_ms,
            parameters=run.parameters,
            tags=run.tags,
            metrics={name: value for name, value in run.metrics.items() if defined(value)},
            curves=curves,
            artifacts=self._artifacts(run),
        )

    def _artifacts(self, run: StoredRun) -> Artifacts:
        local = run.artifact_uri.removeprefix("file://")
        place = Path(local if local == run.artifact_uri else unquote(local))
        if place.is_absolute():
            return FolderArtifacts(place)
        repository = _Repository(run.artifact_uri, self._uri)
        return FetchedArtifacts(repository.listing, repository.fetch, self._folder / run.run_id)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except _UNEXPECTED as error:
            cause = without_credentials(" ".join(str(error).split()))[:LONGEST_CAUSE]
            raise TrackingServerError(
                f"{public_uri(self._uri)} cannot be read as an MLflow server or database; check the address, and that "
                f"the server is up. Cause: {type(error).__name__}: {cause}"
            ) from error


class _Repository:
    """MLflow's access to the artifacts of one run; MLflow is imported at the first use.

    Args:
        artifact_uri: Where they are.
        tracking_uri: Address of the server or database.
    """

    def __init__(self, artifact_uri: str, tracking_uri: str) -> None:
        self._artifact_uri = artifact_uri
        self._tracking_uri = tracking_uri

    def listing(self, folder: str) -> list[Listed]:
        """The entries of a folder."""
        from mlflow.exceptions import MlflowException

        try:
            entries = self._repository.list_artifacts(folder or None)
        except MlflowException as error:
            raise OSError(str(error)) from error
        return [Listed(str(entry.path), bool(entry.is_dir), int(entry.file_size or 0)) for entry in entries]

    def fetch(self, path: str, into: Path) -> Path:
        """Bring a file into a folder."""
        from mlflow.exceptions import MlflowException

        try:
            return Path(self._repository.download_artifacts(path, str(into)))
        except MlflowException as error:
            raise OSError(str(error)) from error

    @cached_property
    def _repository(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # slow: imports MLflow

        scheme, host = urlsplit(self._artifact_uri)[:2]
        own_host = urlsplit(self._tracking_uri).netloc
        if scheme not in FETCHED_SCHEMES or (scheme == "mlflow-artifacts" and host not in ("", own_host)):
            raise OSError(f"artifacts at {without_credentials(self._artifact_uri)} are not fetched")
        return get_artifact_repository(self._artifact_uri, tracking_uri=self._tracking_uri)


def _server_call(uri: str) -> Call:
    from mlflow.exceptions import MlflowException  # slow: imports MLflow
    from mlflow.utils import credentials, rest_utils

    untyped: Any = credentials
    host = untyped.get_default_host_creds(uri)
    untyped = rest_utils
    timeouts_s = (CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S)

    def call(method: str, path: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
        sent = {"params" if method == "GET" else "json": arguments}
        try:
            response = untyped.http_request(host, path, method, timeout=timeouts_s, raise_on_status=False, **sent)
            answer: dict[str, Any] = untyped.verify_rest_response(response, path).json()
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise OSError(str(error)) from error
        return answer

    return call


def _resolved(uri: str) -> str:
    try:
        return resolve_uri(uri)
    except TrackingError as error:
        raise TrackingError(
            "the tracking address must be http(s)://HOST or a database such as sqlite:///sweeps/mlflow.db, got "
            f"{without_credentials(uri)!r}; give the one that the sweep was published to"
        ) from error


def _the_only(found: Sequence[StoredRun], name: str, what: str, uri: str) -> StoredRun:
    if len(found) == 1:
        return found[0]
    each = "".join(f"\n  {run.run_id}, started {utc_time(run.started_ms, seconds=True)}" for run in found)
    raise TrackingError(f"{len(found)} {what} on {uri} are named {name!r}; give the id of one of them:{each}")
