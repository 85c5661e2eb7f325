"""The trials of a sweep as a table, and as the lines that sum it up."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.trial_rows import RowState, TrialRow

_STYLES: dict[RowState, str] = {
    "RUNNING": "cyan",
    "PAUSED": "yellow",
    "COMPLETE": "green",
    "PRUNED": "dim",
    "FAILED": "red",
    "STOPPED": "yellow",
}
_FILE_WIDTH = 240
_SHOWN = ("AP", "AP_S", "AP_M", "AP_L", "AP50")


def shown_metrics(objectives: Sequence[str]) -> tuple[str, ...]:
    """The metrics that have a column: the headlines, and objectives that are none."""
    return tuple(dict.fromkeys((*_SHOWN, *objectives)))


def standings_table(
    rows: Sequence[TrialRow], objectives: Sequence[str], *, running: bool, title: str | None = None
) -> Table:
    """One line a trial, metrics in percent; members of the Pareto set are marked where there are several objectives.

    Args:
        rows: The trials, in the order in which they are shown.
        objectives: What is maximised.
        running: Whether speed, time left and the best value so far are of interest, and each trial gets one line.
        title: What the table shows.
    """
    first = objectives[0]
    table = Table(title=title, title_justify="left")
    heads = ["trial", "state", "step", *(("steps/s", "left", f"best {first}") if running else ())]
    for head in heads:
        table.add_column(head, justify="left" if head == "state" else "right", no_wrap=True)
    for name in shown_metrics(objectives):
        table.add_column(name, justify="right", style="bold" if name in objectives else None, no_wrap=True)
    table.add_column("parameters")
    for row in rows:
        mark = "*" if row.pareto and len(objectives) > 1 else ""
        cells = [f"{row.index}{mark}", _state(row), f"{row.step:,}"]
        if running:
            cells += [number(row.steps_per_second, 2), duration(row.seconds_left), percent(row.best.get(first))]
        cells += [percent(row.metrics.get(name)) for name in shown_metrics(objectives)]
        label = Text(row.label, no_wrap=running, overflow="ellipsis" if running else "fold")
        table.add_row(*cells, label, style=None if row.state in ("RUNNING", "COMPLETE") else "dim")
    if len(objectives) > 1 and any(row.pareto for row in rows):
        table.caption = f"* no complete trial is better in {' and '.join(objectives)} at once"
        table.caption_justify = "left"
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table; where it goes to a file or another program, its lines are not folded to a terminal's width."""
    if not console.is_terminal:
        console = Console(file=console.file, width=max(console.width, _FILE_WIDTH))
    console.print(table)


def summary(rows: Sequence[TrialRow], objectives: Sequence[str], trials: int) -> str:
    """One line: how many trials ended, the best value so far of each objective, and the time left."""
    ended = sum(row.ended for row in rows)
    parts = [f"{ended} of {max(trials, len(rows))} trials done"]
    counts = {state: sum(row.state == state for row in rows) for state in ("RUNNING", "PAUSED", "FAILED")}
    parts += [f"{count} {state.lower()}" for state, count in counts.items() if count]
    for name in objectives:
        scored = [row for row in rows if not math.isnan(row.best.get(name, math.nan))]
        if scored:
            best = max(scored, key=lambda row: row.best[name])
            parts.append(f"best {name} {percent(best.best[name])} (trial {best.index})")
    left = seconds_left(rows, trials)
    if not math.isnan(left):
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts)


def seconds_left(rows: Sequence[TrialRow], trials: int) -> float:
    """Estimate until all trials have ended; NaN while no trial has a speed.

    Trials yet to come are taken to train as long as those that ended, or the full budget where none has.
    """
    running = [row for row in rows if row.state == "RUNNING" and row.steps_per_second > 0]
    if not running:
        return math.nan
    ended = [row.step for row in rows if row.ended and row.state != "FAILED"]
    expected = sum(ended) / len(ended) if ended else running[0].max_steps
    started = sum(max(expected - row.step, 0) for row in rows if not row.ended)
    to_come = max(trials - len(rows), 0) * expected
    return (started + to_come) / sum(row.steps_per_second for row in running)


def percent(value: float | None) -> str:
    """A metric in percent; a hyphen where it is undefined."""
    return number(math.nan if value is None else 100 * value, 2)


def number(value: float, digits: int) -> str:
    """A number; a hyphen for NaN."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """A time such as `2 h 05 min`; a hyphen for NaN."""
    if math.isnan(seconds):
        return "-"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours / 24:.1f} days"


def _state(row: TrialRow) -> str:
    return f"[{_STYLES[row.state]}]{row.state}[/]"
