"""How long a whole report of a large sweep takes, and how much memory.

Run as `python tests/benchmarks/report.py [trials] [frames]`. The sweep is that of `reading_runs.py`, 200 metrics at 20
steps each, with points of the demo space as parameters and the match records of evaluations with 60 recordings. The
report is built as a user builds it, in a fresh process, imports and all its files included; it is not attached.
"""

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import yaml
from evaluation import CLASSES, RECORDINGS, synthetic_boxes
from reading_runs import PARENT, fill

from search_spaces import load_space
from trainable.evaluation import GEN4_BOX_FILTER, EvaluationProtocol, collect_match_records, save_match_records

ROOT = Path(__file__).parents[2]
VALIDATED_AT = 20_000


def main() -> None:
    """Print seconds and MiB."""
    numbers = [int(argument) for argument in sys.argv[1:]]
    trials, frames = [*numbers, *(1000, 5000)[len(numbers) :]]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        database = directory / "mlflow.db"
        fill(database, trials)
        _add_parameters(database, trials)
        _add_artifacts(directory / "mlartifacts", trials, frames)
        command = [sys.executable, "-m", "reports", "build", "large", "--no-attach", "--out", str(directory / "report")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        started = perf_counter()
        subprocess.run([*command, "--tracking-uri", f"sqlite:///{database}"], check=True, env=environment)
        seconds = perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = (directory / "report" / "report.html").stat().st_size
    print(
        f"{trials} trials, {frames} frames: {seconds:.1f} s, of which {used.ru_utime + used.ru_stime:.1f} s of CPU time"
    )
    print(f"peak memory {used.ru_maxrss / 1024:.0f} MiB, page of {size / 2**20:.1f} MiB")


def _add_parameters(database: Path, trials: int) -> None:
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
            ((f"{number + 1:032x}", key, value) for number in range(trials) for key, value in _point(number)),
        )
        connection.execute(
            "INSERT INTO tags (run_uuid, key, value) VALUES (?, 'evsweep.known_point', 'baseline')", (f"{1:032x}",)
        )


def _point(number: int) -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng(number)
    small = int(rng.integers(32, 512))
    yield "training.learning_rate", str(10 ** rng.uniform(-2.5, -1.7))
    yield "model.backbone.stem.patch_size", str(rng.choice([4, 8]))
    yield "model.head.size_aware_loss", "true"
    yield "model.head.weight_type", str(rng.choice(["exponential", "step", "linear"]))
    yield "model.head.size_aware_weight", str(rng.uniform(1.1, 6))
    yield "model.head.small_threshold", str(small)
    yield "model.head.medium_threshold", str(small * rng.uniform(2, 8))


def _add_artifacts(artifacts: Path, trials: int, frames: int) -> None:
    space = artifacts / PARENT / "artifacts" / "space.yaml"
    space.parent.mkdir(parents=True)
    space.write_text(yaml.safe_dump(load_space("demo").to_dict(), sort_keys=False))
    protocol = EvaluationProtocol(
        CLASSES, small_object_classes=CLASSES[2:5], downsample_by_factor_2=True, box_filter=GEN4_BOX_FILTER
    )
    records = collect_match_records(
        *synthetic_boxes(frames), protocol, frame_sequences=np.arange(frames) * RECORDINGS // frames
    )
    first = artifacts / f"{1:032x}" / "artifacts" / "match_records" / f"step_{VALIDATED_AT:07d}.npz"
    for number in range(1, trials + 1):
        path = Path(str(first).replace(f"{1:032x}", f"{number:032x}"))
        path.parent.mkdir(parents=True)
        if path == first:
            save_match_records(first, records)
        else:
            os.link(first, path)


if __name__ == "__main__":
    main()
