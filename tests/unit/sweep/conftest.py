"""Sweeps whose trials report made-up metrics, without any training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.folder import SweepFolder
from sweep.record import create_sweep, open_study
from sweep.settings import SweepSettings, settings_from

BUDGET = 300
INTERVAL = 50

OVERRIDES = (
    "dataset=demo",
    "dataset.path=no data needed",
    "+experiment=demo",
    f"training.max_steps={BUDGET}",
    f"validation.val_check_interval={INTERVAL}",
)

MakeSettings = Callable[..., SweepSettings]
MakeSweep = Callable[..., SweepFolder]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings of a sweep of the demo space in a folder of its own; each can be given."""

    def make(**changed: Any) -> SweepSettings:
        values = {"name": "small", "storage": str(tmp_path / "sweeps"), "space": "demo", "trials": 6, "seed": 3}
        values["overrides"] = [OVERRIDES[0], f"dataset.path={tmp_path / 'data'}", *OVERRIDES[2:]]
        return settings_from({**values, **changed}, "the test's settings")

    return make


@pytest.fixture
def make_sweep(make_settings: MakeSettings) -> MakeSweep:
    """Makes a sweep's folder from settings."""

    def make(**changed: Any) -> SweepFolder:
        return create_sweep(make_settings(**changed))

    return make


def made_up_metrics(quality: float, share: float) -> dict[str, float]:
    """Metrics that grow with a trial's quality and with the share of the budget that it trained."""
    factors = {"AP": 0.5, "AP50": 0.8, "AP75": 0.4, "AP_S": 0.3, "AP_M": 0.5, "AP_L": 0.6, "AR": 0.5}
    return {name: factor * quality * share for name, factor in factors.items()}


@pytest.fixture
def play() -> Callable[..., list[int]]:
    """Runs trials of a sweep one after the other, each with the quality given for it; returns their numbers."""

    def run(
        folder: SweepFolder,
        qualities: list[float],
        *,
        phase: str = "trials",
        until: int = BUDGET,
    ) -> list[int]:
        study = open_study(folder, phase)
        played = []
        for quality in qualities:
            proposal = study.ask()
            if proposal is None:
                break
            played.append(proposal.index)
            for step in range(INTERVAL, until + 1, INTERVAL):
                metrics = made_up_metrics(quality, step / BUDGET)
                if study.report(proposal.index, step, metrics) == "STOP":
                    study.prune(proposal.index)
                    break
            else:
                if until == BUDGET:
                    study.complete(proposal.index, BUDGET, metrics)
        return played

    return run
