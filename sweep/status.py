"""How a sweep stands, read from its folder alone, whether or not it runs."""

from dataclasses import dataclass

from rich.console import Console

from sweep.driver_lock import Driver, living_driver
from sweep.folder import Phase, SweepFolder
from sweep.record import SweepRecord
from sweep.standings import print_table, standings_table, summary
from sweep.trial_rows import TrialRow, TrialRows
from trainable.command_line import print_line


@dataclass(frozen=True)
class SweepStatus:
    """How a sweep stands.

    Attributes:
        folder: The sweep.
        record: What it was started with.
        driver: The process that runs it now; `None` where none does.
        trials: The trials of the search by number.
        confirmations: The trials of the confirmation by number.
        ranking: The numbers of the search's trials, the best first.
    """

    folder: SweepFolder
    record: SweepRecord
    driver: Driver | None
    trials: tuple[TrialRow, ...]
    confirmations: tuple[TrialRow, ...]
    ranking: tuple[int, ...]

    @property
    def unfinished(self) -> int:
        """Trials that were begun, or are still to come."""
        ended = sum(row.ended for row in self.trials)
        return max(self.record.settings.trials, len(self.trials)) - ended

    def to_json(self) -> dict[str, object]:
        """The status as JSON types; undefined numbers are `None`."""
        return {
            "name": self.folder.name,
            "directory": str(self.folder.directory),
            "sweep_id": self.record.sweep_id,
            "running": self.driver is not None,
            "objectives": list(self.record.settings.objectives),
            "trials_wanted": self.record.settings.trials,
            "rungs": list(self.record.rungs),
            "ranking": list(self.ranking),
            "trials": [row.to_json() for row in self.trials],
            "confirm": [row.to_json() for row in self.confirmations],
        }


def read_status(folder: SweepFolder) -> SweepStatus:
    """Read how a sweep stands; the sweep may be running.

    Raises:
        SweepError: If its files cannot be read.
    """
    rows = TrialRows(folder)
    return SweepStatus(
        folder=folder,
        record=rows.record,
        driver=living_driver(folder),
        trials=tuple(rows.read()),
        confirmations=tuple(TrialRows(folder, "confirm").read()),
        ranking=tuple(row.index for row in rows.ranked()),
    )


def print_status(status: SweepStatus, console: Console) -> None:
    """Print how a sweep stands and what can be done."""
    folder, objectives = status.folder, status.record.settings.objectives
    running = status.driver is not None
    print_line(console, f"{folder.name}: {'running, ' + str(status.driver) if running else 'not running'}")
    _print_phase("trials", status.trials, status.record.settings.trials, objectives, running, console)
    if status.confirmations:
        _print_phase("confirm", status.confirmations, len(status.confirmations), objectives, running, console)
    for line in _next_steps(status):
        print_line(console, line)


def _print_phase(
    phase: Phase, rows: tuple[TrialRow, ...], trials: int, objectives: tuple[str, ...], running: bool, console: Console
) -> None:
    title = "search, percent" if phase == "trials" else "confirmation, percent"
    if rows:
        print_table(standings_table(rows, objectives, running=running, title=title), console)
    print_line(console, summary(rows, objectives, trials))
    for row in rows:
        if row.reason and row.state in ("FAILED", "PAUSED", "STOPPED"):
            print_line(console, f"trial {row.index} {row.state}: {row.reason}")


def _next_steps(status: SweepStatus) -> list[str]:
    folder = status.folder
    if status.driver is not None:
        return [f"To stop it (it can be resumed): {folder.command('stop')}"]
    steps = []
    waiting = sum(not row.ended for row in status.confirmations)
    if waiting:
        steps.append(f"To go on with the {waiting} unfinished confirmations: {folder.command('resume')}")
    elif status.unfinished:
        steps.append(f"To go on with the {status.unfinished} unfinished trials: {folder.command('resume')}")
    if any(row.state == "COMPLETE" for row in status.trials):
        steps.append(f"The best configuration: {folder.command('best')}")
    return steps
