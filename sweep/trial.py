"""The function that Ray Tune runs for each trial."""

from typing import Any

from ray import tune

from sweep.assignment import TrialAssignment
from sweep.trial_reports import StoppedEarly
from sweep.trial_training import train_assignment


def run_trial(assignment: dict[str, Any]) -> None:
    """Train a trial, reporting to Ray Tune.

    Args:
        assignment: What `TrialAssignment.to_dict` gave.
    """
    try:
        train_assignment(TrialAssignment.from_dict(assignment), tune.report)
    except StoppedEarly as stop:
        raise SystemExit(0) from stop  # Ray takes any other exit for a failure
