"""Running a sweep's phase with its trials in view, from a command line."""

import logging
import shutil

from rich.console import Console

from sweep.driver_lock import driver_lock
from sweep.folder import Phase, SweepFolder
from sweep.live_table import LiveTable
from sweep.record import SweepRecord, create_sweep
from sweep.settings import SweepSettings
from trainable.command_line import print_line
from trainable.errors import ConfigError, EvsweepError
from trainable.tracking.journal import JOURNAL_NAME

logger = logging.getLogger(__name__)


def start_sweep(settings: SweepSettings, console: Console) -> SweepFolder:
    """Make a sweep and run it to its end. A sweep that cannot begin, such as without its cluster, leaves no folder.

    Args:
        settings: The sweep's settings.
        console: Where to show the trials.

    Raises:
        EvsweepError: If the settings, the cluster or the data cannot be used.
    """
    folder = create_sweep(settings)
    print_line(console, f"sweep: {folder.directory}")
    try:
        run_phase(folder, "trials", console, settings.trials)
    except EvsweepError:
        if not (folder.directory / JOURNAL_NAME).exists():
            shutil.rmtree(folder.directory)  # so that the name is free for the next attempt
        raise
    return folder


def run_phase(folder: SweepFolder, phase: Phase, console: Console, trials: int) -> None:
    """Run what is left of a sweep's phase, and show its trials meanwhile.

    Args:
        folder: The sweep.
        phase: Its search, or its confirmation.
        console: Where to show the trials.
        trials: How many trials the phase has when it is done, as far as that is known.
    """
    from sweep.supervisor import run_sweep  # slow: imports Ray

    try:
        with LiveTable(folder, phase, console, trials) as table:
            run_sweep(folder, phase=phase, watch=table.update)
    except (KeyboardInterrupt, SystemExit):
        print_line(console, f"stopped; to go on: {folder.command('resume')}")
        raise


def extend_sweep(folder: SweepFolder, trials: int) -> None:
    """Raise the number of a sweep's trials, as its driver, so that none that runs goes on with the old number.

    Raises:
        ConfigError: If it would not rise.
        SweepError: If another process runs the sweep.
    """
    with driver_lock(folder):
        record = SweepRecord.read(folder)
        before = record.settings.trials
        if trials <= before:
            raise ConfigError(
                f"--trials {trials}: the sweep has {before} trials already, give the new total; to go on with those "
                f"that are unfinished: {folder.command('resume')}"
            )
        settings = record.settings.model_copy(update={"trials": trials})
        record.model_copy(update={"settings": settings}).write(folder)
    logger.info("%s now has %d trials instead of %d", folder.name, trials, before)
