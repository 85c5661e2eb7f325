"""Runs read from a tracking server.

Asked is with MLflow's REST interface, without its client, which takes longer to read an answer than the server to give
it. Curves come from the address that MLflow's own pages use, a metric of many runs at a time: 18,000 curves of 1,000
runs took 18 s, and would have taken 430 s one at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import nan
from typing import Any

from reports.runs import Curve
from reports.stored_runs import KIND_TAG, PARENT_TAG, SWEEP_KIND, Point, StoredRun, curves_of

Call = Callable[[str, str, Mapping[str, Any]], dict[str, Any] | None]
"""Method, path and arguments to what the server answers; none where it has no such thing."""

API = "/api/2.0/mlflow"
HISTORIES = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
RUNS_PER_PAGE = 100
RUNS_PER_CALL = 100
POINTS_PER_CALL = 25_000
CALLS_AT_ONCE = 4
MOST_NAMES = 200


class ServedRuns:
    """The runs on a tracking server.

    Every method may raise what the call raises, and `KeyError`, `TypeError` or `ValueError` for an answer that MLflow
    does not give.

    Args:
        call: Asks the server.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._experiments = [
            str(one["experiment_id"]) for one in self._pages("experiments/search", "experiments", 1000)
        ]

    def run(self, run_id: str) -> StoredRun | None:
        """The run of that identity, deleted or not."""
        answer = self._call("GET", f"{API}/runs/get", {"run_id": run_id})
        return None if answer is None else _stored(answer["run"])

    def named(self, name: str) -> list[StoredRun]:
        """All runs of that name."""
        quote = '"' if "'" in name else "'"
        condition = "" if quote in name else f"attributes.run_name = {quote}{name}{quote}"
        return [run for run in self._search(condition) if run.name == name]

    def sweeps(self) -> list[StoredRun]:
        """The parent runs of all sweeps."""
        return list(self._search(f"tags.`{KIND_TAG}` = '{SWEEP_KIND}'"))

    def below(self, run_id: str) -> list[StoredRun]:
        """All runs nested directly under a run, the first started first."""
        found = self._search(f"tags.`{PARENT_TAG}` = '{run_id}'")
        return sorted(found, key=lambda run: (run.started_ms, run.run_id))

    def names(self) -> list[str]:
        """Names of runs, to suggest one: the newest two hundred."""
        newest = {"experiment_ids": self._experiments, "max_results": MOST_NAMES, "order_by": ["start_time DESC"]}
        answer = self._call("POST", f"{API}/runs/search", newest) or {}
        return [_stored(run).name for run in answer.get("runs", [])]

    def curves(self, runs: Sequence[StoredRun], metrics: Sequence[str]) -> dict[str, dict[str, Curve]]:
        """Run's identity to metric to curve; without those that have no point."""
        curves: dict[str, dict[str, Curve]] = {}
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            for found in pool.map(lambda asked: curves_of(self._points(*asked)), _parts(runs, metrics)):
                for run_id, by_metric in found.items():
                    curves.setdefault(run_id, {}).update(by_metric)
        return curves

    def close(self) -> None:
        """Let go of connections, of which none is kept."""

    def _points(self, run_ids: Sequence[str], metric: str) -> list[Point]:
        """All points of a metric; an answer as long as the server gives may lack some, and is asked for in parts."""
        arguments = {"run_id": list(run_ids), "metric_key": metric, "max_results": POINTS_PER_CALL}
        answer = self._call("GET", HISTORIES, arguments) or {}
        points = [_point(str(one["run_id"]), one) for one in answer.get("metrics", [])]
        if len(points) < POINTS_PER_CALL:
            return points
        if len(run_ids) > 1:
            middle = len(run_ids) // 2
            return self._points(run_ids[:middle], metric) + self._points(run_ids[middle:], metric)
        arguments = {"run_id": run_ids[0], "metric_key": metric}
        answer = self._call("GET", f"{API}/metrics/get-history", arguments) or {}
        return [_point(run_ids[0], one) for one in answer.get("metrics", [])]

    def _search(self, condition: str) -> Iterator[StoredRun]:
        if self._experiments:
            asked = {"experiment_ids": self._experiments, "filter": condition, "order_by": ["start_time ASC"]}
            yield from map(_stored, self._pages("runs/search", "runs", RUNS_PER_PAGE, asked))

    def _pages(
        self, path: str, what: str, size: int, asked: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """All that a search finds, page after page."""
        token = ""
        while True:
            page = {"page_token": token} if token else {}
            answer = self._call("POST", f"{API}/{path}", {**(asked or {}), "max_results": size, **page})
            if answer is None:
                raise ValueError(f"there is no {API}/{path}")
            yield from answer.get(what, [])
            following = answer.get("next_page_token", "")
            if following in ("", token):
                return
            token = following


def _parts(runs: Sequence[StoredRun], metrics: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Each metric with the runs that have it, at most as many at a time as the server takes."""
    for metric in metrics:
        having = [run.run_id for run in runs if metric in run.metrics]
        for start in range(0, len(having), RUNS_PER_CALL):
            yield having[start : start + RUNS_PER_CALL], metric


def _stored(run: Mapping[str, Any]) -> StoredRun:
    info, data = run["info"], run.get("data", {})
    return StoredRun(
        run_id=str(info["run_id"]),
        name=str(info.get("run_name", "")),
        status=str(info["status"]),
        deleted=info["lifecycle_stage"] != "active",
        started_ms=int(info.get("start_time", 0)),
        ended_ms=int(info["end_time"]) if "end_time" in info else None,
        artifact_uri=str(info.get("artifact_uri", "")),
        parameters={str(one["key"]): str(one.get("value", "")) for one in data.get("params", [])},
        tags={str(one["key"]): str(one.get("value", "")) for one in data.get("tags", [])},
        metrics={str(one["key"]): float(one.get("value", nan)) for one in data.get("metrics", [])},
    )


def _point(run_id: str, one: Mapping[str, Any]) -> Point:
    return run_id, str(one["key"]), int(one.get("step", 0)), int(one.get("timestamp", 0)), float(one.get("value", nan))
