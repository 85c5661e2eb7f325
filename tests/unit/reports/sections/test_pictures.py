from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from reports.document.blocks import Paragraph, PictureRow, Section, Table
from reports.evidence import Evidence
from reports.runs import Run, Sweep
from reports.sections.pictures import section
from trainable.boxes import BOX_DTYPE
from trainable.moment_file import MomentFile, RecordedMoment, save_moments

MakeSweep = Callable[..., Sweep]
LABELS = ((10, 10, 8, 8), (60, 20, 30, 20), (120, 60, 12, 9))
"""Two small ones: at most 256 px² in the demo's dataset."""
NAMES = ("pedestrian", "two wheeler", "vehicle")


@dataclass(frozen=True)
class WithMoments:
    """A run's artifacts, and its moments in a file of their own."""

    others: object
    moments: Path

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted({*self.others.paths(), "moments.npz"}))

    def file(self, path: str) -> Path | None:
        return self.moments if path == "moments.npz" else self.others.file(path)

    def problem(self, path: str) -> str | None:
        return None


def boxes(places: tuple[tuple[float, ...], ...], score: float) -> np.ndarray:
    found = np.zeros(len(places), BOX_DTYPE)
    for box, place in zip(found, places, strict=True):
        box["x"], box["y"], box["w"], box["h"] = place
        box["class_confidence"] = score
    return found


def with_moments(run: Run, folder: Path, found: dict[int, tuple[int, ...]], names: tuple[str, ...] = NAMES) -> Run:
    """A run that found some labels in some frames of a recording."""
    moments = []
    for frame, labels in found.items():
        events = np.random.default_rng(frame).poisson(0.1, (2, 96, 160)).astype(np.uint8)
        detections = boxes(tuple(LABELS[label] for label in labels), 0.8)
        moments.append(RecordedMoment("day <b>", frame, 50_000 * frame, events, boxes(LABELS, 1), detections))
    path = folder / f"{run.run_id}.npz"
    save_moments(path, MomentFile(200, names, tuple(moments)))
    return replace(run, artifacts=WithMoments(run.artifacts, path))


@pytest.fixture(scope="module")
def bare(make_sweep: MakeSweep) -> Sweep:
    return make_sweep(left_out=["moments.npz"])


@pytest.fixture
def sweep(bare: Sweep, tmp_path: Path) -> Callable[..., Sweep]:
    """The sweep with moments of the baseline and of the best configuration, of each seed."""

    def make(
        baseline: dict[int, tuple[int, ...]], best: dict[int, tuple[int, ...]], names: tuple[str, ...] = NAMES
    ) -> Sweep:
        runs = tuple(
            with_moments(run, tmp_path, baseline) if run.is_baseline else with_moments(run, tmp_path, best, names)
            for run in bare.confirmations
        )
        return replace(bare, confirmations=runs)

    return make


def rows(found: Section) -> list[PictureRow]:
    return [block for block in found.blocks if isinstance(block, PictureRow)]


def said(found: Section) -> str:
    return "\n".join(block.text for block in found.blocks if isinstance(block, Paragraph))


def test_gains_come_before_losses_with_the_small_objects_enlarged(sweep: Callable[..., Sweep]) -> None:
    found = section(
        Evidence(
            sweep(
                {0: (0,), 1: (1,), 2: (0, 1, 2), 3: (0, 1)},
                {0: (0, 1), 1: (0, 1, 2), 2: (1,), 3: (0, 1)},
            )
        )
    )
    assert [row.name for row in rows(found)] == [
        *("gain_1", "gain_1_object_1", "gain_1_object_2", "gain_2"),
        *("loss_1", "loss_1_object_1", "loss_1_object_2"),
    ]
    first, zoomed = rows(found)[:2]
    assert "day <b>, 0.05 s" in first.title
    baseline, best = first.pictures
    assert baseline.caption == "baseline: 1 of 3 labels found, 0 of 2 small ones, 0 false detections"
    assert best.caption == "trial 2: 3 of 3 labels found, 2 of 2 small ones, 0 false detections"
    assert "1 of 3 labels found" in baseline.alternative
    assert [picture.caption for picture in zoomed.pictures] == ["baseline: missed", "trial 2: found"]
    assert "pedestrian of 8 x 8 px" in zoomed.title
    assert all(picture.png.startswith(b"\x89PNG") for row in rows(found) for picture in row.pictures)
    assert "better in 2 of them and worse in 1" in said(found)
    assert "at most 256 px²" in said(found)
    (counts,) = (block.data for block in found.blocks if isinstance(block, Table))
    assert counts["candidate_small_found"].tolist() == [1, 2, 0, 1]
    assert counts["reference_found"].tolist() == [1, 1, 3, 2]


def test_at_most_three_gains_and_losses_are_drawn(sweep: Callable[..., Sweep]) -> None:
    found = section(
        Evidence(
            sweep(
                {frame: (0,) if frame % 2 else () for frame in range(10)},
                {frame: () if frame % 2 else (0,) for frame in range(10)},
            )
        )
    )
    names = [row.name for row in rows(found) if "object" not in row.name]
    assert names == ["gain_1", "gain_2", "gain_3", "loss_1", "loss_2", "loss_3"]


def test_moments_without_difference_are_shown_once(sweep: Callable[..., Sweep]) -> None:
    found = section(Evidence(sweep({0: (1,), 1: (2,)}, {0: (1,), 1: (2,)})))
    assert [row.name for row in rows(found)] == ["equal_1"]
    assert "better in 0 of them and worse in 0" in said(found)


def test_only_shared_moments_are_compared(sweep: Callable[..., Sweep]) -> None:
    found = section(Evidence(sweep({0: (), 1: ()}, {1: (0,), 7: (0,)})))
    assert "on the same 1 moment of" in said(found)
    assert {row.title.partition(",")[0] for row in rows(found)} == {"Gain 1: day <b>"}


@pytest.mark.parametrize("names", [NAMES, ("a", "b", "c")])
def test_without_a_shared_moment_a_sentence_says_so(sweep: Callable[..., Sweep], names: tuple[str, ...]) -> None:
    frame = 5 if names == NAMES else 0
    found = section(Evidence(sweep({0: ()}, {frame: (0,)}, names)))
    assert not rows(found)
    assert "No moment was recorded by both baseline and trial 2" in said(found)


def test_a_missing_or_broken_file_is_a_sentence(bare: Sweep, tmp_path: Path) -> None:
    assert "There are no pictures of baseline" in said(section(Evidence(bare)))
    broken = tmp_path / "moments.npz"
    broken.write_bytes(b"no archive")
    runs = tuple(replace(run, artifacts=WithMoments(run.artifacts, broken)) for run in bare.confirmations)
    assert "There are no pictures of baseline" in said(section(Evidence(replace(bare, confirmations=runs))))


def test_both_are_shown_with_the_same_seed_where_that_is_possible(bare: Sweep, tmp_path: Path) -> None:
    shown = {("true", "2"), ("false", "1"), ("false", "2"), ("false", "3")}
    runs = tuple(
        with_moments(run, tmp_path, {0: (0,)}) if (run.tags["evsweep.baseline"], run.seed) in shown else run
        for run in bare.confirmations
    )
    assert "seeds 2 and 2" in said(section(Evidence(replace(bare, confirmations=runs))))


def test_a_sweep_without_something_to_compare_says_so(make_sweep: MakeSweep) -> None:
    running = make_sweep(trials=1, states=["RUNNING"], finalists=())
    assert "No configuration has trained to the full budget" in said(section(Evidence(running)))
    alone = make_sweep(trials=1, states=["COMPLETE"], finalists=())
    assert "No configuration but the baseline" in said(section(Evidence(alone)))
