"""Makes the failed trials of a sweep unfinished ones, once what made them fail is mended."""

import logging

from sweep.driver_lock import driver_lock
from sweep.folder import Phase, SweepFolder
from sweep.record import open_study

logger = logging.getLogger(__name__)

_PHASES: tuple[Phase, ...] = ("trials", "confirm")


def try_failed_again(folder: SweepFolder) -> None:
    """Have the failed trials of the search and of its confirmation given out again by the next session.

    Args:
        folder: The sweep.

    Raises:
        SweepError: If a process runs the sweep.
    """
    with driver_lock(folder):
        for phase in _PHASES:
            study = open_study(folder, phase)
            if any(trial.state == "FAILED" for trial in study.trials()):
                again = study.try_failed_again()
                logger.info("tried again, %s: %s", phase, ", ".join(map(str, again)) or "none, as all had ended")
