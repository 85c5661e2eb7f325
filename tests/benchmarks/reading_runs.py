"""How long a report reads a sweep of many trials, and how much memory that takes.

Run as `python tests/benchmarks/reading_runs.py [trials] [--served]`. Every trial has 200 metrics at 20 steps, 150
parameters and 30 tags, as real ones do. They are written into an SQLite store directly, past MLflow, which takes a
minute and 1.2 GB of disk, and read in a fresh process; with `--served` once more from a tracking server over that
store. Peak memory is the whole reading process's, imports included.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from time import perf_counter

import numpy as np

STEPS = 20
HEADLINES = ("AP", "AP50", "AP75", "AP_S", "AP_M", "AP_L", "AR", "AP_small_classes", "AP_class_agnostic")
METRICS = (
    *HEADLINES,
    *(f"prophesee/{name}" for name in HEADLINES),
    *("train/loss", "train/mean_size_weight", "speed/steps_per_second", "speed/data_wait_share"),
    *("memory/host_mib", "memory/gpu_peak_mib", "count/frames"),
    *(f"AP_class/number {number}" for number in range(175)),
)
PARAMETERS = 150
TAGS = 30
PARENT = "0" * 32
READ = """
import resource, sys
from time import perf_counter, process_time
started = perf_counter()
from reports.tracking_reader import TrackingReader
imported, cpu_s = perf_counter(), process_time()
with TrackingReader(sys.argv[1]) as reader:
    sweep = reader.sweep("large")
done, cpu_s = perf_counter(), process_time() - cpu_s
points = sum(len(curve.steps) for run in sweep.trials for curve in run.curves.values())
print(f"  {len(sweep.trials)} trials, {points} points of curves")
print(f"  imports          {imported - started:7.1f} s")
print(f"  reading          {done - imported:7.1f} s, of which {cpu_s:.1f} s of this process's own CPU time")
print(f"  peak memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB")
"""


def main() -> None:
    """Print seconds and MiB."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--served"]
    trials = int(arguments[0]) if arguments else 1000
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "mlflow.db"
        started = perf_counter()
        fill(database, trials)
        print(
            f"{trials} trials of {len(METRICS)} metrics at {STEPS} steps: written in {perf_counter() - started:.1f} s"
        )
        print("from SQLite")
        _read(f"sqlite:///{database}")
        if "--served" in sys.argv:
            with _server(database) as uri:
                print("from a server")
                _read(uri)


def fill(database: Path, trials: int) -> None:
    """Write a sweep named "large" into a new SQLite store."""
    from mlflow import MlflowClient  # slow, and only here

    artifacts = database.parent / "mlartifacts"
    experiment = MlflowClient(f"sqlite:///{database}").create_experiment("traffic", artifacts.as_uri())
    runs = [f"{number:032x}" for number in range(1, trials + 1)]
    rng = np.random.default_rng(0)
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage, "
            "artifact_uri, experiment_id, source_name, entry_point_name, source_version) "
            "VALUES (?, ?, 'UNKNOWN', '', 'FINISHED', ?, ?, 'active', ?, ?, '', '', '')",
            [
                (
                    run,
                    "large" if run == PARENT else f"{number - 1:04d} made",
                    number,
                    number + 1,
                    artifacts.as_uri() + f"/{run}/artifacts",
                    experiment,
                )
                for number, run in enumerate([PARENT, *runs])
            ],
        )
        connection.executemany(
            "INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)",
            chain(
                [(PARENT, "evsweep.kind", "sweep"), (PARENT, "evsweep.objectives", "AP_S, AP")],
                chain.from_iterable(_tags(number, run) for number, run in enumerate(runs)),
            ),
        )
        connection.executemany(
            "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
            (
                (run, f"model.section_{number}.of_the_configuration", str(number))
                for run in runs
                for number in range(PARAMETERS)
            ),
        )
        connection.executemany(
            "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)",
            (
                (run, metric, value, 1_795_315_500_000 + step, 1000 * step)
                for run in runs
                for metric in METRICS
                for step, value in enumerate(rng.random(STEPS).tolist(), 1)
            ),
        )
        connection.execute(
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) "
            "SELECT run_uuid, key, value, timestamp, step, is_nan FROM metrics WHERE step = ?",
            (1000 * STEPS,),
        )


def _tags(number: int, run: str) -> Iterator[tuple[str, str, str]]:
    yield run, "mlflow.parentRunId", PARENT
    yield run, "mlflow.runName", f"{number:04d} made"
    yield run, "evsweep.kind", "trial"
    yield run, "evsweep.phase", "trials"
    yield run, "evsweep.trial", str(number)
    yield run, "evsweep.config_hash", f"{number:016x}"
    for other in range(TAGS - 6):
        yield run, f"version.{other}", "1.0.0"


def _read(uri: str) -> None:
    subprocess.run([sys.executable, "-c", READ, uri], check=True)


@contextmanager
def _server(database: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--backend-store-uri", f"sqlite:///{database}"],
        cwd=database.parent,
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        uri = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=2):
                break
            time.sleep(0.1)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
