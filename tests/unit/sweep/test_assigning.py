"""What a trial's process is told."""

import logging
from collections.abc import Callable

import pytest

from sweep.assigning import assigner
from sweep.folder import SweepFolder
from sweep.record import SweepRecord, open_study
from sweep.resources import TrialResources


def workers(folder: SweepFolder, resources: TrialResources) -> object:
    proposal = open_study(folder).ask()
    assert proposal is not None
    assignment = assigner(folder, SweepRecord.read(folder), "trials", resources)(proposal)
    return assignment.config["hardware"]["num_workers"]


def test_a_trial_says_what_share_of_a_gpu_it_holds(make_sweep: Callable[..., SweepFolder]) -> None:
    folder = make_sweep()
    proposal = open_study(folder).ask()
    assert proposal is not None
    assignment = assigner(folder, SweepRecord.read(folder), "trials", TrialResources(2, 0.25))(proposal)
    assert assignment.tags["evsweep.gpus"] == "0.25"


@pytest.mark.parametrize(("cpus", "train", "evaluation"), [(1, 1, 1), (4.5, 4, 2), (8, 6, 2)])
def test_a_trial_loads_data_with_no_more_processes_than_it_has_cpus(
    make_sweep: Callable[..., SweepFolder],
    caplog: pytest.LogCaptureFixture,
    cpus: float,
    train: int,
    evaluation: int,
) -> None:
    overrides = ["hardware.num_workers.train=6", "hardware.num_workers.eval=2"]
    folder = make_sweep(overrides=["dataset=demo", "dataset.path=x", "+experiment=demo", *overrides])
    with caplog.at_level(logging.INFO, logger="sweep.assigning"):
        assert workers(folder, TrialResources(cpus, 0)) == {"train": train, "eval": evaluation}
    assert ("trials load data with" in caplog.text) == (train < 6)
