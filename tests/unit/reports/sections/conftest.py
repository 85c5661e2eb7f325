"""Sweeps whose figures are written down by hand, so that what a report says of them can be, too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from reports.bootstrap import BootstrappedMetrics
from reports.evidence import Evidence
from reports.run_files import Missing
from reports.runs import Curve, Run, RunState, Sweep
from trainable.evaluation import EvaluationProtocol

MakeEvidence = Callable[..., Evidence]

RESAMPLES = 1000
PROTOCOL = EvaluationProtocol(("car", "pedestrian"))
RECORDINGS = tuple(f"recording {number}" for number in range(16))


@dataclass(frozen=True)
class NoArtifacts:
    """A run without any file."""

    def paths(self) -> tuple[str, ...]:
        return ()

    def file(self, path: str) -> Path | None:
        return None

    def problem(self, path: str) -> str:
        return ""


@dataclass(frozen=True)
class Trial:
    """A configuration with figures in percent for each seed: `{"AP_S": [20.0, 21.0]}`.

    The first figure is that of the search where `searched`, the others are those of confirming runs.
    """

    figures: Mapping[str, Sequence[float]]
    name: str = ""
    searched: bool = True
    known_point: str = ""
    state: RunState = "COMPLETE"
    wobble: float = 1.0
    """By how many points every other resample lies above or below; the same ones in all trials."""
    recordings: tuple[str, ...] = RECORDINGS
    protocol: EvaluationProtocol = PROTOCOL
    without_records: tuple[int, ...] = ()
    """Numbers of the figures whose runs have no match records."""


class ByHand(Evidence):
    """Evidence with bootstraps written down by hand."""

    def __init__(self, sweep: Sweep, bootstraps: Mapping[str, BootstrappedMetrics]) -> None:
        self._by_hand = bootstraps
        super().__init__(sweep)

    def bootstrap(self, run: Run) -> BootstrappedMetrics | Missing:
        return self._by_hand.get(run.run_id) or Missing(f"The match records of {run.name} are missing.")


def _bootstrapped(figures: Mapping[str, float], trial: Trial) -> BootstrappedMetrics:
    point = np.array(list(figures.values())) / 100
    swing = np.where(np.arange(RESAMPLES) % 2, 1, -1) * trial.wobble / 100
    return BootstrappedMetrics(
        names=tuple(figures),
        protocol=trial.protocol,
        recordings=trial.recordings,
        multiplicities=np.ones((RESAMPLES, len(trial.recordings)), np.int64),
        point=point,
        resampled=point[:, None] + swing,
        effective_recordings=np.full(len(point), float(len(trial.recordings))),
    )


def _run(index: int, phase: str, trial: Trial, figures: Mapping[str, float], identity: str, seed: int) -> Run:
    tags = {"evsweep.trial": str(index), "evsweep.phase": phase, "evsweep.config_hash": identity}
    tags |= {"evsweep.known_point": trial.known_point} if trial.known_point else {}
    tags |= {"evsweep.seed": str(seed)} if phase == "confirm" else {}
    return Run(
        run_id=f"{phase}{index:04d}",
        name=" ".join(filter(None, [f"{index:04d}", trial.known_point, trial.name])),
        state=trial.state,
        reason="",
        started_ms=1000 * index,
        ended_ms=None if trial.state == "RUNNING" else 1000 * index + 500,
        parameters={},
        tags=tags,
        metrics={metric: value / 100 for metric, value in figures.items() if not np.isnan(value)},
        curves={"AP": Curve(np.array([100]), np.array([0.5]))},
        artifacts=NoArtifacts(),
    )


def _make(
    trials: Sequence[Trial],
    *,
    objectives: Sequence[str] = ("AP_S", "AP"),
    constraints: Sequence[str] = (),
    state: RunState = "COMPLETE",
    name: str = "first",
) -> Evidence:
    search: list[Run] = []
    confirmations: list[Run] = []
    bootstraps = {}
    for index, trial in enumerate(trials):
        for number in range(max(map(len, trial.figures.values()), default=1)):
            figures = {metric: values[number] for metric, values in trial.figures.items()}
            phase = "trials" if trial.searched and number == 0 else "confirm"
            place = index if phase == "trials" else len(confirmations)
            run = _run(place, phase, trial, figures, f"hash {index}", number)
            (search if phase == "trials" else confirmations).append(run)
            if number not in trial.without_records:
                bootstraps[run.run_id] = _bootstrapped(figures, trial)
    own = Run(
        run_id="sweep",
        name=name,
        state=state,
        reason="",
        started_ms=0,
        ended_ms=None,
        parameters={},
        tags={"evsweep.objectives": ", ".join(objectives), "evsweep.constraints": ", ".join(constraints)},
        metrics={},
        curves={},
        artifacts=NoArtifacts(),
    )
    return ByHand(Sweep(own, tuple(search), tuple(confirmations), space=None), bootstraps)


@pytest.fixture(scope="session")
def make_evidence() -> MakeEvidence:
    """Makes evidence of trials whose figures are given."""
    return _make


@pytest.fixture(scope="session")
def trial() -> type[Trial]:
    """One configuration of `make_evidence`."""
    return Trial
