"""Asking a running sweep, or one of its trials, to stop."""

import time

from sweep.driver_lock import living_driver
from sweep.folder import Phase, SweepFolder
from sweep.record import open_study
from trainable.errors import SweepError


def stop_sweep(folder: SweepFolder) -> str:
    """Ask the driver to end; its trials can be resumed.

    Returns:
        What happens now.

    Raises:
        SweepError: If nothing runs.
    """
    _check_running(folder)
    _request(folder, None, None)
    return (
        f"{folder.name} stops: its trials end within seconds and keep their last checkpoints. To go on later: "
        f"{folder.command('resume')}"
    )


def stop_trial(folder: SweepFolder, phase: Phase, index: int) -> str:
    """Ask one trial to end for good; the sweep goes on with the others.

    Returns:
        What happens now.

    Raises:
        SweepError: If nothing runs, or the trial does not.
    """
    _check_running(folder)
    trials = {trial.index: trial for trial in open_study(folder, phase).trials()}
    if index not in trials:
        there = f"its trials are 0 to {max(trials)}" if trials else "it has none yet"
        raise SweepError(f"{folder.name} has no trial {index} in its {_NAMES[phase]}; {there}")
    if trials[index].state != "RUNNING":
        raise SweepError(f"trial {index} of {folder.name} has ended already: {trials[index].state}")
    _request(folder, phase, index)
    return f"trial {index} of {folder.name} stops within seconds and is not resumed; the sweep goes on"


_NAMES: dict[Phase, str] = {"trials": "search", "confirm": "confirmation"}


def _check_running(folder: SweepFolder) -> None:
    if living_driver(folder) is None:
        raise SweepError(f"{folder.name} is not running, so there is nothing to stop; see `{folder.command('status')}`")


def _request(folder: SweepFolder, phase: Phase | None, index: int | None) -> None:
    file = folder.stop_request(phase, index)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"stopped by hand at {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
