"""Record the learning curves that `search_quality.py` searches: a whole grid of real small trainings.

Run as `python tests/benchmarks/learning_curves.py FOLDER`; about half an hour of one CPU core. `FOLDER` holds simulated
recordings of traffic and the points done so far, so that an interrupted recording goes on where it was; the table is
written when the last point is done. The trainings start from the weights of a longer training on other recordings:
from random weights, the first ninth of so few steps would show nothing but zeros.
"""

import csv
import io
import itertools
import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from rich.console import Console

from trainable.config import Config, compose
from trainable.data import preprocess, simulate
from trainable.hardware import resolve_devices
from trainable.provenance import provenance
from trainable.train import train

TABLE = Path(__file__).parent / "data" / "learning_curves.csv"
GRID: dict[str, list[float]] = {
    "training.learning_rate": [0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01],
    "batch_size.train": [2, 4, 8],
    "model.head.size_aware_weight": [1.5, 4, 10, 30],
    "model.head.small_threshold": [32, 512],
}
METRICS = ("AP", "AP50", "AP_S", "AP_M", "AP_L")
MAX_STEPS, INTERVAL = 72, 8
PRETRAINING_STEPS = 400
SETTINGS = [
    "dataset=demo",
    "dataset.resolution_hw=[96,160]",
    "dataset.sequence_length=2",
    "dataset.evaluation.small_area_px2=64",  # a quarter of the demo's, as the sensor has half its height and width
    "dataset.evaluation.medium_area_px2=256",
    "+experiment=demo",
    "model.backbone.stem.patch_size=2",
    "model.backbone.time_batched=true",
    "validation.limit_val_batches=0.4",
    "logging.train.log_model_every_n_steps=1000000",
    "tracking.enabled=false",
    "reproduce.seed_everything=0",
]
TRIAL_SETTINGS = [
    "model.head.size_aware_loss=true",
    "model.head.size_aware_terms=[iou,cls,obj]",
    f"training.max_steps={MAX_STEPS}",
    f"validation.val_check_interval={INTERVAL}",
]


class Curve(pl.Callback):
    """The metrics of each validation, by optimizer step."""

    def __init__(self) -> None:
        self.metrics_by_step: dict[int, dict[str, float]] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        flat = pl_module.metrics.flat()
        self.metrics_by_step[trainer.global_step] = {name: round(flat[name], 5) for name in METRICS}


def prepare(folder: Path) -> tuple[Path, Path]:
    """The trials' dataset, and a checkpoint trained on other recordings."""
    datasets = []
    for name, seed, recordings in (("pretraining", 12, 12), ("trials", 11, 24)):
        raw, dataset = folder / f"{name}_raw", folder / name
        simulate(raw, seed=seed, train=recordings, val=8, test=0, duration_s=2.0, height=96, width=160, mean_objects=5)
        preprocess(raw, dataset, dataset="demo")
        datasets.append(dataset)
    run = folder / "pretrained"
    checkpoint = run / "checkpoints" / "last.ckpt"
    if not (run / "done").exists():
        shutil.rmtree(run, ignore_errors=True)
        run_training(
            compose(
                [
                    *SETTINGS,
                    f"dataset.path={datasets[0]}",
                    f"run_dir={run}",
                    f"training.max_steps={PRETRAINING_STEPS}",
                    f"validation.val_check_interval={PRETRAINING_STEPS}",
                ]
            )
        )
        (run / "done").touch()
    return datasets[1], checkpoint


def run_training(config: Config) -> dict[int, dict[str, float]]:
    curve = Curve()
    train(config, callbacks=[curve], console=Console(file=io.StringIO()))
    return curve.metrics_by_step


def grid_points() -> list[tuple[float, ...]]:
    """Every point once, in an order in which a half-finished recording shows the whole range."""
    points = list(itertools.product(*GRID.values()))
    random.Random(0).shuffle(points)
    return points


def record(folder: Path) -> list[tuple[tuple[float, ...], dict[int, dict[str, float]]]]:
    dataset, checkpoint = prepare(folder)
    base = compose([*SETTINGS, *TRIAL_SETTINGS, f"dataset.path={dataset}", f"checkpoint={checkpoint}"])
    points_file, run = folder / "points.jsonl", folder / "run"
    done = {}
    if points_file.exists():
        for line in points_file.read_text().splitlines():
            point, curve = json.loads(line)
            done[tuple(point)] = {int(step): metrics for step, metrics in curve.items()}
    for point in grid_points():
        if point in done:
            continue
        shutil.rmtree(run, ignore_errors=True)
        values = dict(zip(GRID, point, strict=True))
        done[point] = run_training(base.merged({**values, "run_dir": str(run)}))
        with points_file.open("a") as lines:
            lines.write(json.dumps([point, done[point]]) + "\n")
        sys.stdout.write(f"{len(done)} of {len(grid_points())}: {values} AP {done[point][MAX_STEPS]['AP']:.3f}\n")
        sys.stdout.flush()
    return sorted((point, done[point]) for point in grid_points())


def write_table(curves: list[tuple[tuple[float, ...], dict[int, dict[str, float]]]]) -> None:
    versions = provenance(resolve_devices(compose([*SETTINGS, "dataset.path=none"])))
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("w", newline="") as file:
        file.write("# Learning curves of real small trainings on simulated traffic, by learning_curves.py.\n")
        for name in ("git.commit", "version.torch", "version.numpy", "version.python", "hardware.device"):
            file.write(f"# {name}: {versions.get(name, 'unknown')}\n")
        file.write(f"# settings: {' '.join([*SETTINGS, *TRIAL_SETTINGS])}\n")
        file.write(f"# from the weights of {PRETRAINING_STEPS} steps on 12 other recordings; 24 recordings of 2 s\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*GRID, "step", *METRICS])
        for point, curve in curves:
            for step, metrics in sorted(curve.items()):
                writer.writerow([*point, step, *metrics.values()])


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    write_table(record(Path(sys.argv[1]).absolute()))


if __name__ == "__main__":
    main()
