"""A sweep as it runs: a table that is kept up to date on a terminal, a line for every change elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sweep.folder import Phase, SweepFolder
from sweep.standings import percent, shown_metrics, standings_table, summary
from sweep.trial_rows import TrialRow, TrialRows
from trainable.command_line import print_line

_REFRESH_S = 1.0
_LINES_AROUND = 8


class LiveTable:
    """Shows the trials of a sweep's phase; a context manager.

    Args:
        folder: The sweep.
        phase: Which trials.
        console: Where to show them.
        trials: How many trials there are to be.
    """

    def __init__(self, folder: SweepFolder, phase: Phase, console: Console, trials: int) -> None:
        self._rows = TrialRows(folder, phase)
        self._objectives = self._rows.record.settings.objectives
        self._name = folder.name
        self._console = console
        self._trials = trials
        self._live: Live | None = None
        self._looked_s = 0.0
        self._shown: dict[int, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        else:
            self._shown = {row.index: _gist(row) for row in self._rows.read()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        elif kind is None:
            self._print_changes()

    def update(self) -> None:
        """Show what has changed; looks at most once a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _REFRESH_S:
            return
        if self._live is None:
            self._print_changes()
        else:
            rows = self._rows.read()
            self._live.update(
                Group(
                    standings_table(self._fitting(rows), self._objectives, running=True, title=self._name),
                    Text(summary(rows, self._objectives, self._trials), no_wrap=True, overflow="ellipsis"),
                ),
                refresh=True,
            )
        self._looked_s = time.monotonic()

    def _fitting(self, rows: list[TrialRow]) -> list[TrialRow]:
        """The running trials and the best of the others: as many as the terminal has lines for, by number."""
        lines = max(self._console.height - _LINES_AROUND, 4)
        first = self._objectives[0]
        wanted = sorted(rows, key=lambda row: (row.ended, -row.best.get(first, -1.0)))[:lines]
        return sorted(wanted, key=lambda row: row.index)

    def _print_changes(self) -> None:
        rows = self._rows.read()
        changed = [row for row in rows if self._shown.get(row.index) != _gist(row)]
        if not changed:
            return
        for row in changed:
            self._shown[row.index] = _gist(row)
            print_line(self._console, _line(row, self._objectives))
        print_line(self._console, f"{self._name}: {summary(rows, self._objectives, self._trials)}")


def _gist(row: TrialRow) -> tuple[str, ...]:
    """What is worth a line when it changes."""
    return (row.state, row.reason, *(f"{name}={value}" for name, value in row.metrics.items()))


def _line(row: TrialRow, objectives: tuple[str, ...]) -> str:
    known = [f"{name} {percent(row.metrics[name])}" for name in shown_metrics(objectives) if name in row.metrics]
    parts = [f"trial {row.index} {row.state} at step {row.step:,}", *known]
    return ", ".join(parts) + (f" ({row.reason})" if row.reason else f" ({row.label})")
