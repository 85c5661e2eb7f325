"""Sweeps with real artifacts but without any training, and simulated evaluations whose true figures are known."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, pairwise
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from uuid import UUID, uuid5

import numpy as np
import pytest
import yaml

from reports.resampled_precision import resampled_average_precision
from reports.resamples import draw_resamples
from reports.runs import Curve, Run, RunState, Sweep
from reports.uncertainty import Draws
from search_spaces import Space, load_space
from sweep.config_hash import config_hash
from trainable.boxes import BOX_DTYPE
from trainable.config import Config, compose
from trainable.evaluation import (
    BoxFilter,
    EvaluationProtocol,
    FrameBoxes,
    MatchRecords,
    collect_match_records,
    metrics_from_records,
    save_match_records,
)
from trainable.moment_file import MomentFile, RecordedMoment, save_moments
from trainable.object_sizes import AreaBin
from trainable.tracking import RunStatus, RunTracking, publish
from trainable.tracking.names import flattened
from trainable.training_boxes import TrainingBoxes, save_training_boxes

Simulate = Callable[..., list[Draws]]
MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]
PublishSweep = Callable[..., Sweep]

STEPS = (100, 200)
"""The validations of a made run; the first is a rung, where a pruned one ends."""

RECORDINGS, FRAMES = 6, 10
STARTED_MS = 1_795_315_500_000
SWEEP_ID = UUID("2b03105e-f78e-44a7-8086-4e0812d8ac6e")
EXPERIMENT = "traffic"
HEADLINES = (
    *("AP", "AP50", "AP75", "AP_S", "AP_M", "AP_L", "AR", "AP_small_classes", "AP_class_agnostic"),
    *("prophesee/AP", "prophesee/AP_S"),
)
STATUS: Mapping[RunState, RunStatus] = {
    "RUNNING": "RUNNING",
    "COMPLETE": "FINISHED",
    "PRUNED": "KILLED",
    "STOPPED": "KILLED",
    "FAILED": "FAILED",
}
REASON: Mapping[RunState, str] = {
    "PRUNED": "stopped early at step 100",
    "STOPPED": "stopped by hand",
    "FAILED": "the loss became NaN at step 150",
}


@dataclass(frozen=True)
class FolderArtifacts:
    """A run's artifacts as they lie in a folder."""

    directory: Path

    def paths(self) -> tuple[str, ...]:
        files = (path for path in self.directory.rglob("*") if path.is_file())
        return tuple(sorted(path.relative_to(self.directory).as_posix() for path in files))

    def file(self, path: str) -> Path | None:
        file = self.directory / path
        return file if file.is_file() else None

    def problem(self, path: str) -> str:
        return ""


@cache
def _config() -> Config:
    return compose(
        ["dataset=demo", "dataset.path=no data needed", "+experiment=demo", f"training.max_steps={STEPS[-1]}"]
    )


@cache
def _protocol() -> EvaluationProtocol:
    """As the demo dataset has it."""
    edges = (0, 256, 576, 1024, 4096, 9216)
    return EvaluationProtocol(
        class_names=("pedestrian", "two wheeler", "vehicle"),
        small_object_classes=("pedestrian", "two wheeler"),
        area_bins=(AreaBin("small", 0, 256), AreaBin("medium", 256, 1024), AreaBin("large", 1024, 1e10)),
        sensor_area_bins=tuple(AreaBin(f"{low}-{high}", low, high) for low, high in pairwise(edges)),
        downsample_by_factor_2=True,
        box_filter=BoxFilter(min_diagonal_px=15, min_side_px=5, skip_first_us=500_000),
    )


@cache
def _truths() -> FrameBoxes:
    """The same in every run: 60 frames of 160 x 96 px with 5 boxes each on average."""
    rng = np.random.default_rng(7)
    frame = np.repeat(np.arange(RECORDINGS * FRAMES), rng.poisson(5, RECORDINGS * FRAMES))
    side = np.sqrt(np.exp(rng.uniform(np.log(40), np.log(2500), len(frame))))
    shape = np.exp(rng.normal(0, 0.2, len(frame)))
    size = np.stack([side * shape, side / shape], axis=1).clip(4, 80)
    corner = rng.uniform(0, 1, (len(frame), 2)) * (np.array([160, 96]) - size)
    return FrameBoxes(frame, np.concatenate([corner, size], axis=1), rng.choice(3, len(frame), p=[0.4, 0.25, 0.35]))


def _detections(quality: float, small_quality: float, seed: int) -> FrameBoxes:
    """What a detector of some quality, from 0 to 1, finds of the truths, and clutter besides."""
    truths, rng = _truths(), np.random.default_rng(seed)
    area = truths.xywh[:, 2] * truths.xywh[:, 3]
    good = np.where(area < 256, small_quality, quality) + rng.normal(0, 0.1, len(area))
    found = rng.uniform(0, 1, len(area)) < 0.3 + 0.7 * good
    shift = rng.normal(0, 1, (len(area), 4)) * (0.03 + 0.2 * (1 - good.clip(0, 1)))[:, None]
    boxes = truths.xywh + shift * np.tile(truths.xywh[:, 2:], 2)
    clutter = rng.poisson(4 * (1.2 - min(quality, 1)), RECORDINGS * FRAMES).sum()
    false = np.concatenate([rng.uniform(0, 80, (clutter, 2)), rng.uniform(6, 40, (clutter, 2))], axis=1)
    score = np.concatenate([rng.beta(4, 2, found.sum()), rng.beta(2, 4, clutter)])
    return FrameBoxes(
        frame=np.concatenate([truths.frame[found], rng.integers(0, RECORDINGS * FRAMES, clutter)]),
        xywh=np.concatenate([boxes[found], false]).clip(0),
        class_id=np.concatenate([truths.class_id[found], rng.integers(0, 3, clutter)]),
        score=score.clip(0.05, 1),
    )


def _match_records(detections: FrameBoxes) -> MatchRecords:
    frames = np.arange(RECORDINGS * FRAMES)
    return collect_match_records(
        _truths(),
        detections,
        _protocol(),
        frame_times_us=400_000 + 100_000 * (frames % FRAMES),
        frame_sequences=frames // FRAMES,
        sequence_names=[f"recording {number}" for number in range(RECORDINGS)],
    )


def _moments(detections: FrameBoxes, step: int) -> MomentFile:
    """The first frame of every recording: events on the boxes' outlines, labels, and what was found."""
    return MomentFile(
        step=step,
        class_names=_protocol().class_names,
        moments=tuple(
            RecordedMoment(
                sequence=f"recording {number}",
                frame=0,
                time_us=400_000,
                events=_events(_boxes_of(_truths(), number * FRAMES)),
                labels=_boxes_of(_truths(), number * FRAMES),
                detections=_boxes_of(detections, number * FRAMES),
            )
            for number in range(RECORDINGS)
        ),
    )


def _boxes_of(boxes: FrameBoxes, frame: int) -> np.ndarray:
    """The boxes of one frame, the best first."""
    rows = np.flatnonzero(boxes.frame == frame)
    score = np.ones(len(boxes)) if boxes.score is None else boxes.score
    rows = rows[np.argsort(-score[rows], kind="stable")]
    records = np.zeros(len(rows), BOX_DTYPE)
    records["t"] = 400_000
    for column, name in enumerate("xywh"):
        records[name] = boxes.xywh[rows, column]
    records["class_id"], records["class_confidence"] = boxes.class_id[rows], score[rows]
    return records


def _events(boxes: np.ndarray) -> np.ndarray:
    events = np.zeros((2, 96, 160), np.uint8)
    for box in boxes:
        left, top = int(box["x"]), int(box["y"])
        right, bottom = min(int(box["x"] + box["w"]), 159), min(int(box["y"] + box["h"]), 95)
        events[0, top : bottom + 1, left] = events[0, top, left : right + 1] = 3
        events[1, top : bottom + 1, right] = events[1, bottom, left : right + 1] = 3
    return events


@cache
def _training_boxes() -> TrainingBoxes:
    truths = _truths()
    return TrainingBoxes.of(
        np.tile(truths.class_id, 20),
        np.tile(truths.xywh[:, 2] * truths.xywh[:, 3], 20),
        class_names=_protocol().class_names,
        sensor_px2_per_input_px2=4.0,
    )


def _curves(last: Mapping[str, float], steps: Sequence[int]) -> dict[str, Curve]:
    """Curves of figures that rise towards their last value, and losses that fall, at each of `steps`."""
    at = np.array(steps, np.int64)
    share = at / STEPS[-1]
    curves = {name: Curve(at, last[name] * share / share[-1]) for name in HEADLINES if name in last}
    return curves | {
        "count/frames": Curve(at, np.full(len(at), last["count/frames"])),
        "train/loss": Curve(at, 6 - 3 * share),
        "train/mean_size_weight": Curve(at, 1.2 + 0 * share),
        "speed/steps_per_second": Curve(at, 5 + share),
        "memory/host_mib": Curve(at, 900 + 100 * share),
    }


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Makes a run in memory over a folder of real artifacts.

    Keyword arguments: `index`, `phase` ("trials" or "confirm"), `state`, `seed` (of the training), `quality` and
    `small_quality` (0 to 1, of all and of small objects), `parameters` (dotted configuration key to value),
    `known_point`, `name`, `tags` (added), `left_out` (paths of artifacts, or their first folder),
    `finalist` (the trial that a confirming run repeats) and `baseline` (whether that is the baseline).
    """

    def make(
        index: int = 0,
        *,
        phase: str = "trials",
        state: RunState = "COMPLETE",
        seed: int = 0,
        quality: float = 0.5,
        small_quality: float | None = None,
        parameters: Mapping[str, object] | None = None,
        known_point: str | None = None,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        left_out: Collection[str] = (),
        finalist: int | None = None,
        baseline: bool = False,
    ) -> Run:
        config = _config().merged({**(parameters or {}), "reproduce.seed_everything": seed})
        directory = tmp_path_factory.mktemp(f"{phase}_{index}") / "artifacts"
        steps = STEPS if state == "COMPLETE" else STEPS[:1]
        small = quality if small_quality is None else small_quality
        (directory / "match_records").mkdir(parents=True)
        (directory / "config.yaml").write_text(yaml.safe_dump(config.to_dict(), sort_keys=False))
        found = [
            _detections(quality * step / STEPS[-1], small * step / STEPS[-1], 1000 * seed + index) for step in steps
        ]
        records = [_match_records(boxes) for boxes in found]
        for step, records_then in zip(steps, records, strict=True):
            save_match_records(directory / "match_records" / f"step_{step:07d}.npz", records_then)
        save_moments(directory / "moments.npz", _moments(found[-1], steps[-1]))
        save_training_boxes(directory / "training_boxes.json", _training_boxes())
        for left in left_out:
            for path in FolderArtifacts(directory).paths():
                if path == left or path.startswith(f"{left}/"):
                    (directory / path).unlink()
        metrics = {key: value for key, value in metrics_from_records(records[-1]).flat().items() if isfinite(value)}
        curves = _curves(metrics, steps)
        own_tags = {
            "evsweep.kind": "trial",
            "evsweep.sweep": (tags or {}).get("evsweep.sweep", "demo"),
            "evsweep.phase": phase,
            "evsweep.trial": str(index),
            "evsweep.config_hash": config_hash(config),
            "dataset.name": "demo",
            "dataset.digest": "f11077e1bef332f9",
            "git.commit": "6d4b4e8b6577974e",
            "version.evsweep": "0.1.0",
            "hardware.device": "x86_64 CPU, 1 threads",
            "model.parameters": "213456",
        }
        if known_point is not None:
            own_tags["evsweep.known_point"] = known_point
        if phase == "confirm":
            own_tags |= {
                "evsweep.finalist": "" if finalist is None else str(finalist),
                "evsweep.baseline": str(baseline).lower(),
                "evsweep.seed": str(seed),
            }
        if state in REASON:
            own_tags["evsweep.status_reason"] = REASON[state]
        label = load_space("demo").describe(
            {key: value for key, value in (parameters or {}).items() if value is not True}
        )
        words = [f"{index:04d}", known_point or "", label, f"seed={seed}" if phase == "confirm" else ""]
        started_ms = STARTED_MS + 60_000 * index + (3_600_000 if phase == "confirm" else 0)
        return Run(
            run_id=uuid5(SWEEP_ID, f"{own_tags['evsweep.sweep']}/{phase}/{index}").hex,
            name=" ".join(filter(None, words)) if name is None else name,
            state=state,
            reason=REASON.get(state, ""),
            started_ms=started_ms,
            ended_ms=None if state == "RUNNING" else started_ms + 300 * steps[-1],
            parameters=flattened(config.to_dict()),
            tags=own_tags | dict(tags or {}),
            metrics=metrics | {key: float(curve.values[-1]) for key, curve in curves.items()},
            curves=curves,
            artifacts=FolderArtifacts(directory),
        )

    return make


POINTS: tuple[dict[str, object], ...] = (
    {"model.head.size_aware_loss": False, "training.learning_rate": 0.008, "model.backbone.stem.patch_size": 4},
    *(
        {
            "model.head.size_aware_loss": True,
            "training.learning_rate": rate,
            "model.backbone.stem.patch_size": patch,
            "model.head.weight_type": weight_type,
            "model.head.size_aware_weight": weight,
            "model.head.small_threshold": small,
        }
        | ({} if medium is None else {"model.head.medium_threshold": medium})
        for rate, patch, weight_type, weight, small, medium in (
            (0.008, 4, "exponential", 2.0, 256, None),
            (0.012, 4, "exponential", 3.5, 173, None),
            (0.004, 8, "step", 3.0, 125, 501),
            (0.005, 8, "linear", 3.4, 78, 566),
            (0.024, 8, "step", 5.0, 387, 826),
            (0.002, 8, "exponential", 4.0, 93, None),
            (0.009, 4, "linear", 2.5, 200, 900),
        )
    ),
)
"""Points of the demo space, the first two of them known ones."""

QUALITIES = (0.5, 0.55, 0.6, 0.4, 0.35, 0.3, 0.2, 0.58)
STATES: tuple[RunState, ...] = ("COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "PRUNED", "PRUNED", "COMPLETE")


@pytest.fixture(scope="session")
def make_sweep(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> MakeSweep:
    """Makes a sweep of the demo space in memory: 8 trials of which 4 are complete, 4 pruned; 2 confirmed with 3 seeds.

    Keyword arguments: `trials` (their number), `qualities`, `small_qualities` and `states` (one a trial, or fewer for
    the usual rest), `finalists` (trials confirmed; none to leave the confirmation out), `seeds` (of each), `left_out`
    (of every run's artifacts; "space.yaml" of the parent's), `state` (of the parent), `name`, `objectives`,
    `constraints` and `problems`.
    """

    def make(
        *,
        trials: int = 8,
        qualities: Sequence[float] = (),
        small_qualities: Sequence[float] = (),
        states: Sequence[RunState] = (),
        finalists: Sequence[int] = (0, 2),
        seeds: int = 3,
        left_out: Collection[str] = (),
        state: RunState = "COMPLETE",
        name: str = "demo",
        objectives: Sequence[str] = ("AP_S", "AP"),
        constraints: Sequence[str] = (),
        problems: Sequence[str] = (),
    ) -> Sweep:
        quality = {index: (*qualities, *QUALITIES[len(qualities) :])[index % len(QUALITIES)] for index in range(trials)}
        small = {index: value for index, value in enumerate(small_qualities)}
        known = {0: "baseline", 1: "size_aware"}

        def parameters(index: int) -> dict[str, object]:
            point = POINTS[index % len(POINTS)]
            again = index // len(POINTS)
            return point | ({"training.learning_rate": point["training.learning_rate"] * 1.01**again} if again else {})

        common = {"left_out": left_out, "tags": {"evsweep.sweep": name}}
        search = tuple(
            make_run(
                index,
                state=(*states, *STATES[len(states) :])[index] if index < max(len(states), 8) else STATES[index % 8],
                quality=quality[index],
                small_quality=small.get(index),
                parameters=parameters(index),
                known_point=known.get(index),
                **common,
            )
            for index in range(trials)
        )
        confirming = count()
        confirmations = tuple(
            make_run(
                next(confirming),
                phase="confirm",
                seed=seed,
                quality=quality[index],
                small_quality=small.get(index),
                parameters=parameters(index),
                known_point=known.get(index),
                finalist=index,
                baseline=index == 0,
                **common,
            )
            for index in finalists
            for seed in range(1, seeds + 1)
        )
        space = load_space("demo")
        directory = tmp_path_factory.mktemp("sweep") / "artifacts"
        directory.mkdir()
        (directory / "space.yaml").write_text(yaml.safe_dump(space.to_dict(), sort_keys=False))
        if "space.yaml" in left_out:
            (directory / "space.yaml").unlink()
        return Sweep(
            own=_parent(name, state, space, objectives, constraints, search, FolderArtifacts(directory)),
            trials=search,
            confirmations=confirmations,
            space=None if "space.yaml" in left_out else replace(space, source=""),
            problems=tuple(problems),
            tracking_uri="sqlite:///sweeps/mlflow.db",
        )

    return make


def _parent(
    name: str,
    state: RunState,
    space: Space,
    objectives: Sequence[str],
    constraints: Sequence[str],
    trials: Sequence[Run],
    artifacts: FolderArtifacts,
) -> Run:
    complete = [run for run in trials if run.state == "COMPLETE"]
    steps = np.array([sum(run.last_step for run in trials)], np.int64)
    best = {name: [run.metrics[name] for run in complete if name in run.metrics] for name in objectives}
    counts = {kind: float(sum(run.state == kind for run in trials)) for kind in STATUS}
    curves = {f"best/{name}": Curve(steps, np.array([max(values)])) for name, values in best.items() if values}
    curves |= {f"trials/{kind}": Curve(steps, np.array([number])) for kind, number in counts.items()}
    tags = {
        "evsweep.kind": "sweep",
        "evsweep.space": space.name,
        "evsweep.search": "tpe",
        "evsweep.scheduler": "asha",
        "evsweep.objectives": ", ".join(objectives),
        "evsweep.constraints": ", ".join(constraints),
        "dataset.name": "demo",
        "dataset.digest": "f11077e1bef332f9",
        "git.commit": "6d4b4e8b6577974e",
        "evsweep.trials": ", ".join(f"{int(number)} {kind}" for kind, number in counts.items() if number),
    }
    settings = {
        "space": space.name,
        "trials": len(trials),
        "objectives": list(objectives),
        "constraints": list(constraints),
        "search": "tpe",
        "scheduler": "asha",
        "reduction_factor": 2,
        "grace_steps": None,
        "seed": 0,
        "overrides": ["dataset=demo", "dataset.path='demo/demo'", "+experiment=demo"],
        "rungs": list(STEPS),
        "validation_interval": STEPS[0],
    }
    dimensions = {f"space.{key}": json.dumps(value) for key, value in space.to_dict()["dimensions"].items()}
    return Run(
        run_id=uuid5(SWEEP_ID, name).hex,
        name=name,
        state=state,
        reason=REASON.get(state, ""),
        started_ms=STARTED_MS - 5000,
        ended_ms=None if state == "RUNNING" else STARTED_MS + 7_200_000,
        parameters=flattened({**settings, **dimensions}),
        tags=tags,
        metrics={name: float(curve.values[-1]) for name, curve in curves.items()},
        curves=curves,
        artifacts=artifacts,
    )


@pytest.fixture(scope="session")
def publish_sweep(make_sweep: MakeSweep, tmp_path_factory: pytest.TempPathFactory) -> PublishSweep:
    """Makes a sweep as `make_sweep` does, and writes it to an MLflow store as a real sweep does, through journals.

    Arguments: the store's address, then `sweep` (one that was made) or the keyword arguments of `make_sweep`. Returns
    the sweep in memory; identities and times in the store are others.
    """

    def publish_made(uri: str, sweep: Sweep | None = None, **changed: object) -> Sweep:
        made = make_sweep(**changed) if sweep is None else sweep
        directory = tmp_path_factory.mktemp("journals")
        _journal(directory, made.own, parent=None)
        for run in (*made.trials, *made.confirmations):
            _journal(directory / run.tags["evsweep.phase"] / f"{run.index:04d}", run, parent=made.own.run_id)
        publish(directory, uri)
        return made

    return publish_made


def _journal(directory: Path, run: Run, parent: str | None) -> None:
    """Journal a run as if it had trained, its artifacts linked into its folder."""
    tracking = RunTracking.start(
        directory,
        experiment=EXPERIMENT,
        uri=None,
        run_name=run.name,
        run_id=run.run_id,
        parent_run_id=parent,
        tags={name: text for name, text in run.tags.items() if name != "evsweep.status_reason"},
    )
    tracking.parameters(run.parameters)
    for step in sorted({int(step) for curve in run.curves.values() for step in curve.steps}):
        values = {name: curve.at(step) for name, curve in run.curves.items()}
        last = step == max(int(curve.steps[-1]) for curve in run.curves.values())
        tracking.metrics((dict(run.metrics) if last else {}) | values, step)
    for path in run.artifacts.paths():
        file = run.artifacts.file(path)
        assert file is not None
        tracking.artifact(file, path.rpartition("/")[0])
    if run.state != "RUNNING":
        tracking.close(STATUS[run.state], run.reason)


def _simulate(
    rng: np.random.Generator,
    *,
    recordings: int,
    seeds: tuple[int, ...],
    gains: tuple[float, ...],
    truths: float = 12,
    seed_spread: float = 0.0,
    seed_by_recording: float = 0.1,
    configuration_by_recording: float = 0.0,
    resamples: int = 192,
) -> list[Draws]:
    """One class of one size on random recordings: AP of configurations, each trained with some seeds.

    Simulated are the true and false positives of every recording in score order, which go through the same compiled
    code as real ones. Recordings differ in their number of truths (lognormal, sigma 0.8) and in how hard they are. What
    makes a run good adds up on a logistic scale: the configuration's gain, the seed, the configuration on a recording,
    the seed on a recording. It raises the detections' IoU levels and scores and lowers the number of false positives.
    """
    sizes = np.maximum(1, (truths * np.exp(rng.normal(0, 0.8, recordings) - 0.32)).round().astype(np.int64))
    of_truth = np.repeat(np.arange(recordings), sizes)
    ease_of_recording, ease_of_truth = rng.normal(0, 0.6, recordings), rng.normal(0, 1, len(of_truth))
    drawn = draw_resamples(recordings, resamples=resamples, seed=int(rng.integers(1 << 31)))
    counts = np.concatenate([np.ones((1, recordings), np.int64), drawn])

    def run(gain: float, interaction: np.ndarray) -> np.ndarray:
        quality = gain + rng.normal(0, seed_spread) + ease_of_recording + interaction
        quality += rng.normal(0, seed_by_recording, recordings)
        visible = quality[of_truth] + ease_of_truth
        level = 11 / (1 + np.exp(-visible - rng.normal(0, 0.7, len(of_truth))))
        hit = (1 << level.astype(np.int64).clip(0, 10)) - 1
        of_clutter = np.repeat(np.arange(recordings), rng.poisson(1.5 * sizes * np.exp(-0.3 * quality)))
        hit = np.concatenate([hit, np.zeros(len(of_clutter), np.int64)]).astype(np.uint16)
        score = 0.8 * visible + rng.normal(0, 0.6, len(of_truth))
        order = np.argsort(-np.concatenate([score, rng.normal(-1.2, 1, len(of_clutter))]))
        recording = np.concatenate([of_truth, of_clutter])
        return resampled_average_precision(
            recording[order], hit[order], (1023 ^ hit)[order].astype(np.uint16), sizes, counts
        ).mean(axis=0)

    result = []
    for number, gain in zip(seeds, gains, strict=True):
        interaction = rng.normal(0, configuration_by_recording, recordings)
        figures = np.stack([run(gain, interaction) for _ in range(number)])
        effective = sizes.sum() ** 2 / (sizes**2).sum()
        result.append(Draws(figures[:, 0], figures[:, 1:], float(effective)))
    return result


@pytest.fixture(scope="session")
def simulate() -> Simulate:
    """Draws one evaluation: see `_simulate`."""
    return _simulate


class NoArtifacts:
    """Those of a run that kept none."""

    def paths(self) -> tuple[str, ...]:
        return ()

    def file(self, path: str) -> Path | None:
        return None

    def problem(self, path: str) -> str:
        return ""


def _bare_run(
    index: int = 0,
    values: Mapping[str, Mapping[int, float]] = MappingProxyType({}),
    *,
    state: RunState = "COMPLETE",
    parameters: Mapping[str, object] = MappingProxyType({}),
    tags: Mapping[str, str] = MappingProxyType({}),
    steps_per_second: float | None = None,
    reason: str = "",
    max_steps: int = 400,
) -> Run:
    curves = {
        name: Curve(np.array(list(points), np.int64), np.array(list(points.values()), np.float64))
        for name, points in values.items()
    }
    steps = np.unique(np.concatenate([np.zeros(0, np.int64), *(curve.steps for curve in curves.values())]))
    curves["count/frames"] = Curve(steps, np.ones(len(steps)))
    if steps_per_second is not None:
        curves["speed/steps_per_second"] = Curve(steps[-1:], np.array([steps_per_second]))
    return Run(
        run_id=f"{index:032x}",
        name=f"{index:04d} bare",
        state=state,
        reason=reason,
        started_ms=STARTED_MS,
        ended_ms=None if state == "RUNNING" else STARTED_MS + 1000,
        parameters=flattened({"training.max_steps": max_steps, **parameters}),
        tags={"evsweep.trial": str(index), "evsweep.config_hash": f"hash {index}", "evsweep.phase": "trials", **tags},
        metrics={name: float(curve.values[-1]) for name, curve in curves.items() if len(curve.values)},
        curves=curves,
        artifacts=NoArtifacts(),
    )


@pytest.fixture(scope="session")
def bare_run() -> MakeRun:
    """Makes a run without artifacts from its curves: index, metric to step to value, and what `_bare_run` names."""
    return _bare_run


@pytest.fixture(scope="session")
def bare_sweep() -> MakeSweep:
    """Makes a sweep of runs; `settings` are parameters of the parent, `tags` its tags."""

    def make(
        trials: Sequence[Run],
        *,
        confirmations: Sequence[Run] = (),
        space: Space | None = None,
        objectives: Sequence[str] = ("AP_S",),
        settings: Mapping[str, object] = MappingProxyType({"rungs": [100, 200]}),
        tags: Mapping[str, str] = MappingProxyType({}),
        state: RunState = "COMPLETE",
    ) -> Sweep:
        own = replace(
            _bare_run(state=state, tags={"evsweep.objectives": ", ".join(objectives), **tags}),
            name="bare",
            parameters=flattened(dict(settings)),
        )
        return Sweep(own, tuple(trials), tuple(confirmations), space)

    return make
