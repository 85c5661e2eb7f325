"""Runs read from MLflow's database with plain queries.

MLflow's own interface builds an object for every value: searching 1,000 runs of 200 metrics and 150 parameters took
20 s, and their histories another 20 s. It also makes a database that is not there, and writes into one that is.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from math import nan
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Engine, Row, Select, column, create_engine, select, table
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from reports.runs import Curve
from reports.stored_runs import KIND_TAG, PARENT_TAG, SWEEP_KIND, StoredRun, curves_of
from trainable.errors import TrackingError
from trainable.tracking.links import sqlite_path

CONNECT_TIMEOUT_S = 10
BUSY_TIMEOUT_S = 20.0
RUNS_PER_QUERY = 100
MOST_NAMES = 1000

# As they have been since MLflow 1.0; the name of a run since 1.30.
_RUNS = table(
    "runs", *map(column, ("run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri"))
)
_TAGS = table("tags", *map(column, ("run_uuid", "key", "value")))
_PARAMETERS = table("params", *map(column, ("run_uuid", "key", "value")))
_LATEST = table("latest_metrics", *map(column, ("run_uuid", "key", "value", "is_nan")))
_METRICS = table("metrics", *map(column, ("run_uuid", "key", "step", "timestamp", "value", "is_nan")))
_ACTIVE = _RUNS.c.lifecycle_stage == "active"


class DatabaseRuns:
    """The runs in MLflow's database. Nothing is written, so a copy that cannot be written to will do.

    Every method may raise what SQLAlchemy raises, and `ValueError` or `TypeError` for values that MLflow does not
    write.

    Args:
        uri: The database's address, credentials included, as `resolve_uri` gives it.

    Raises:
        TrackingError: An SQLite file that is not there.
    """

    def __init__(self, uri: str) -> None:
        self._engine = _engine(uri)
        self._rows(select(_RUNS.c.run_uuid).limit(1))

    def run(self, run_id: str) -> StoredRun | None:
        """The run of that identity, deleted or not."""
        found = self._read(_RUNS.c.run_uuid == run_id)
        return found[0] if found else None

    def named(self, name: str) -> list[StoredRun]:
        """All runs of that name."""
        return [run for run in self._read(_ACTIVE & (_RUNS.c.name == name)) if run.name == name]

    def sweeps(self) -> list[StoredRun]:
        """The parent runs of all sweeps."""
        return self._read(_ACTIVE & _RUNS.c.run_uuid.in_(_tagged(KIND_TAG, SWEEP_KIND)))

    def below(self, run_id: str) -> list[StoredRun]:
        """All runs nested directly under a run, the first started first."""
        return self._read(_ACTIVE & _RUNS.c.run_uuid.in_(_tagged(PARENT_TAG, run_id)))

    def names(self) -> list[str]:
        """Names of runs, to suggest one: the newest thousand."""
        newest = select(_RUNS.c.name).where(_ACTIVE).order_by(_RUNS.c.start_time.desc()).limit(MOST_NAMES)
        return [str(row.name) for row in self._rows(newest)]

    def curves(self, runs: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, dict[str, Curve]]:
        """Run's identity to metric to curve; without those that have no point."""
        curves: dict[str, dict[str, Curve]] = {}
        for ids in _chunks([run.run_id for run in runs]):
            rows = self._rows(select(_METRICS).where(_METRICS.c.run_uuid.in_(ids), _METRICS.c.key.in_(metrics)))
            curves |= curves_of(
                (row.run_uuid, row.key, row.step, row.timestamp, nan if row.is_nan else row.value) for row in rows
            )
        return curves

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    def _read(self, condition: ColumnElement[bool]) -> list[StoredRun]:
        heads = self._rows(select(_RUNS).where(condition).order_by(_RUNS.c.start_time, _RUNS.c.run_uuid))
        texts: dict[str, tuple[dict[str, str], dict[str, str]]] = {str(row.run_uuid): ({}, {}) for row in heads}
        metrics: dict[str, dict[str, float]] = {run_id: {} for run_id in texts}
        for ids in _chunks(list(texts)):
            for place, source in enumerate((_PARAMETERS, _TAGS)):
                for row in self._rows(select(source).where(source.c.run_uuid.in_(ids))):
                    texts[row.run_uuid][place][str(row.key)] = "" if row.value is None else str(row.value)
            for row in self._rows(select(_LATEST).where(_LATEST.c.run_uuid.in_(ids))):
                metrics[row.run_uuid][str(row.key)] = nan if row.is_nan else float(row.value)
        return [_stored(row, *texts[row.run_uuid], metrics[row.run_uuid]) for row in heads]

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query).fetchall()


def _tagged(name: str, value: str) -> Select[Any]:
    """Identities of the runs that have a tag of that value."""
    return select(_TAGS.c.run_uuid).where(_TAGS.c.key == name, _TAGS.c.value == value)


def _stored(row: Row[Any], parameters: dict[str, str], tags: dict[str, str], metrics: dict[str, float]) -> StoredRun:
    return StoredRun(
        run_id=str(row.run_uuid),
        name=str(row.name or ""),
        status=str(row.status),
        deleted=row.lifecycle_stage != "active",
        started_ms=int(row.start_time or 0),
        ended_ms=None if row.end_time is None else int(row.end_time),
        artifact_uri=str(row.artifact_uri or ""),
        parameters=parameters,
        tags=tags,
        metrics=metrics,
    )


def _engine(uri: str) -> Engine:
    path = sqlite_path(uri)
    if path is None:
        waits = make_url(uri).get_backend_name() in ("postgresql", "mysql")
        return create_engine(uri, connect_args={"connect_timeout": CONNECT_TIMEOUT_S} if waits else {})
    if not path.is_file():
        raise TrackingError(
            f"expected MLflow's SQLite database at {path}, found no such file; give the address that the sweep was "
            "published to, such as sqlite:///sweeps/mlflow.db"
        )
    read_only = f"file:{quote(str(path))}?mode=ro"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(read_only, uri=True, timeout=BUSY_TIMEOUT_S), poolclass=NullPool
    )


def _chunks(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(run_ids), RUNS_PER_QUERY):
        yield run_ids[start : start + RUNS_PER_QUERY]
