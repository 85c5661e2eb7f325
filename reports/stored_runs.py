"""Runs as a tracking store has them, whatever kind of store that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from sys import float_info
from typing import Protocol

import numpy as np

from reports.runs import Curve

KIND_TAG = "evsweep.kind"
PARENT_TAG = "mlflow.parentRunId"
SWEEP_KIND = "sweep"

Point = tuple[str, str, int, int, float]
"""A run's identity, a metric's name, the step, the time in ms since 1970, the value."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """A run without its curves.

    Attributes:
        run_id: Its identity in the store.
        name: Its name.
        status: RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.
        deleted: Whether it was deleted, and can still be restored.
        started_ms: Since 1970.
        ended_ms: Likewise; none where it has not ended.
        artifact_uri: Where its files are.
        parameters: Name to text.
        tags: Name to text.
        metrics: Every metric that it has to its last value, NaN where that is undefined.
    """

    run_id: str
    name: str
    status: str
    deleted: bool
    started_ms: int
    ended_ms: int | None
    artifact_uri: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def is_sweep(self) -> bool:
        """Whether it is a sweep's parent run."""
        return self.tags.get(KIND_TAG) == SWEEP_KIND


class RunStore(Protocol):
    """What is read of a tracking store. Deleted runs are found by their identity alone."""

    def run(self, run_id: str) -> StoredRun | None:
        """The run of that identity, deleted or not."""

    def named(self, name: str) -> list[StoredRun]:
        """All runs of that name."""

    def sweeps(self) -> list[StoredRun]:
        """The parent runs of all sweeps."""

    def below(self, run_id: str) -> list[StoredRun]:
        """All runs nested directly under a run, the first started first."""

    def names(self) -> list[str]:
        """Names of runs, to suggest one: the newest thousand."""

    def curves(self, runs: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, dict[str, Curve]]:
        """Run's identity to metric to curve; without those that have no point."""

    def close(self) -> None:
        """Let go of connections."""


def defined(value: float) -> bool:
    """Whether a value is a number: MLflow's databases hold the largest float in the place of infinity."""
    return isfinite(value) and abs(value) < float_info.max


def curves_of(points: Iterable[Point]) -> dict[str, dict[str, Curve]]:
    """Curves of points in any order.

    Undefined values are left out. Of several values at one step, as a resumed run leaves them, the newest counts, and
    of several of the same time the highest.

    Args:
        points: All points of each curve.

    Returns:
        Run to metric to curve.
    """
    number: dict[tuple[str, str], int] = {}
    rows = [
        (number.setdefault((run, metric), len(number)), step, time_ms, value)
        for run, metric, step, time_ms, value in points
        if defined(value)
    ]
    table = np.fromiter(chain.from_iterable(row[:3] for row in rows), np.int64, 3 * len(rows)).reshape(-1, 3)
    values = np.fromiter((row[3] for row in rows), np.float64, len(rows))
    order = np.lexsort((values, *table.T[::-1]))
    table, values = table[order], values[order]
    newest = np.ones(len(rows), np.bool_)
    newest[:-1] = (table[1:, :2] != table[:-1, :2]).any(axis=1)
    curve, steps, values = table[newest, 0], table[newest, 1], values[newest]
    starts, ends = (np.searchsorted(curve, np.arange(len(number)), side) for side in ("left", "right"))
    curves: dict[str, dict[str, Curve]] = {}
    for (run, metric), start, end in zip(number, starts, ends, strict=True):
        curves.setdefault(run, {})[metric] = Curve(steps[start:end].copy(), values[start:end].copy())
    return curves
