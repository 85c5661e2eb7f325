"""One run on an MLflow server: found or made by the identity in its journal, then written to.

The only module that imports MLflow (1 to 2 s and 160 MB), so it is imported by the process that publishes and never by
the one that trains.
"""

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from alembic.util.exc import CommandError
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from trainable.errors import TrackingError, TrackingServerError
from trainable.tracking.backlog import Point
from trainable.tracking.entries import HeaderEntry, RunStatus
from trainable.tracking.links import public_uri, sqlite_path, without_credentials
from trainable.tracking.names import MAX_PARAMETER_LENGTH, MAX_TAG_LENGTH, mlflow_name, shortened

RUN_ID_TAG = "evsweep.run_id"
PARENT_TAG = "mlflow.parentRunId"
METRICS_PER_CALL = 1000
NAMES_PER_CALL = 100
MAX_REASON_LENGTH = 120
KIND_TAG = "mlflow.experimentKind"
KIND = "custom_model_development"
"""Training runs, not language-model traces. MLflow 3.17's pages go by `workflowType` in the address instead of it."""

REFUSALS = frozenset(
    {
        "BAD_REQUEST",
        "INVALID_PARAMETER_VALUE",
        "INVALID_STATE",
        "NOT_FOUND",
        "RESOURCE_ALREADY_EXISTS",
        "RESOURCE_CONFLICT",
        "RESOURCE_DOES_NOT_EXIST",
    }
)
"""Codes of answers about one run's data. Every other failure is taken for one of the server or the way to it."""

T = TypeVar("T")


class RunState(NamedTuple):
    """What the server holds of a run, metrics aside."""

    status: str
    parameters: dict[str, str]
    tags: dict[str, str]


@contextmanager
def server_errors(uri: str) -> Iterator[None]:
    """Turn whatever a tracking server, its database or the network raises into a `TrackingError`.

    Raises:
        TrackingServerError: where it is not this run's own data that was refused.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, CommandError, OSError) as error:
        reason = without_credentials(" ".join(str(error).split()))
        kind = TrackingError if getattr(error, "error_code", None) in REFUSALS else TrackingServerError
        raise kind(
            f"the tracking server {public_uri(uri)} did not take the run. Nothing is lost, the journal keeps it all; "
            f"check the address and that the server is up. Cause: {shortened(reason, MAX_REASON_LENGTH)}"
        ) from error


class MlflowRun:
    """A run on a tracking server, addressed by the identity in its journal's header.

    The experiment and the run are made where they are missing. Methods raise what MLflow raises: see `server_errors`.

    Args:
        uri: address of the server or database, credentials included.
        header: the journal's header.
        lock_directory: a folder for the lock that keeps two processes from making the same run; for SQLite the lock
            lies beside the database instead, because MLflow damages a database that two processes create at once.

    Raises:
        TrackingError: where the experiment or the run was deleted on the server.
    """

    def __init__(self, uri: str, header: HeaderEntry, lock_directory: Path) -> None:
        database = sqlite_path(uri)
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_directory / ".publish.lock" if database is None else database.with_name(database.name + ".lock")
        with _locked(lock):
            self._client = MlflowClient(uri)
            self.experiment_id = self._find_or_create_experiment(header.experiment, database)
            self.run_id = self._find(header.run_id) or self._create(header)

    def state(self) -> RunState:
        """Status, parameters and tags as the server has them now."""
        run = self._client.get_run(self.run_id)
        return RunState(run.info.status, dict(run.data.params), dict(run.data.tags))

    def steps(self, metric: str) -> set[int]:
        """The steps at which the server has a value of a metric."""
        return {point.step for point in self._client.get_metric_history(self.run_id, mlflow_name(metric))}

    def log_points(self, points: Sequence[tuple[str, int, Point]]) -> None:
        """Send at most `METRICS_PER_CALL` points, each (metric, step, point), in one transaction."""
        self._client.log_batch(
            self.run_id,
            metrics=[Metric(mlflow_name(name), value, time_ms, step) for name, step, (value, time_ms) in points],
        )

    def log_parameters(self, values: dict[str, str]) -> None:
        """Send parameters that the server does not have; names as MLflow has them."""
        for names in chunks(values, NAMES_PER_CALL):
            parameters = [Param(name, shortened(values[name], MAX_PARAMETER_LENGTH)) for name in names]
            self._client.log_batch(self.run_id, params=parameters)

    def set_tags(self, values: dict[str, str]) -> None:
        """Set tags, replacing values; names as MLflow has them."""
        for names in chunks(values, NAMES_PER_CALL):
            tags = [RunTag(name, shortened(values[name], MAX_TAG_LENGTH)) for name in names]
            self._client.log_batch(self.run_id, tags=tags)

    def set_status(self, status: RunStatus, time_ms: int) -> None:
        """Set the run's state; any but RUNNING ends the run at that time."""
        if status == "RUNNING":
            self._client.update_run(self.run_id, status=status)
        else:
            self._client.set_terminated(self.run_id, status, end_time=time_ms)

    def artifact_size(self, path: str) -> int | None:
        """Bytes of a file that the server has at an artifact path, or None where it has none."""
        folder = path.rpartition("/")[0]
        files = self._client.list_artifacts(self.run_id, folder or None)
        return next((file.file_size for file in files if file.path == path and not file.is_dir), None)

    def upload(self, file: Path, artifact_path: str) -> None:
        """Upload a file into a folder of the run's artifacts, replacing one of the same name."""
        self._client.log_artifact(self.run_id, str(file), artifact_path or None)

    def nest_under(self, parent_run_id: str) -> bool:
        """Make this a child of the run with that journal identity; False where that run is not there yet."""
        parent = self._find(parent_run_id)
        if parent is not None:
            self._client.set_tag(self.run_id, PARENT_TAG, parent)
        return parent is not None

    def _find_or_create_experiment(self, name: str, database: Path | None) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            artifacts = None if database is None else (database.parent / "mlartifacts").as_uri()
            try:
                return str(self._client.create_experiment(name, artifact_location=artifacts, tags={KIND_TAG: KIND}))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            return self._find_or_create_experiment(name, database)  # another run made it in the meantime
        if experiment.lifecycle_stage != "active":
            raise TrackingError(
                f"the experiment {name!r} was deleted on the tracking server. Restore it there with `mlflow "
                f"experiments restore --experiment-id {experiment.experiment_id}`, or use another "
                "`wandb.project_name`."
            )
        if KIND_TAG not in experiment.tags:
            self._client.set_experiment_tag(experiment.experiment_id, KIND_TAG, KIND)
        return str(experiment.experiment_id)

    def _find(self, run_id: str) -> str | None:
        runs = self._client.search_runs(
            [self.experiment_id], f"tags.`{RUN_ID_TAG}` = '{run_id}'", run_view_type=ViewType.ALL
        )
        if not runs:
            return None
        active = sorted(run.info.run_id for run in runs if run.info.lifecycle_stage == "active")
        if not active:
            raise TrackingError(
                f"the run {run_id} was deleted on the tracking server. Restore it there with `mlflow runs restore "
                f"--run-id {runs[0].info.run_id}`, or delete it for good with `mlflow gc` to publish it anew."
            )
        return str(active[0])

    def _create(self, header: HeaderEntry) -> str:
        tags = {mlflow_name(name): shortened(value, MAX_TAG_LENGTH) for name, value in header.tags.items()}
        run = self._client.create_run(
            self.experiment_id,
            start_time=header.time_ms,
            tags={**tags, RUN_ID_TAG: header.run_id},
            run_name=header.run_name,
        )
        return str(run.info.run_id)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive lists of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
