"""The trials of a running sweep, on a terminal and in a log."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from sweep import live_table
from sweep.folder import SweepFolder
from sweep.live_table import LiveTable

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


@pytest.fixture(autouse=True)
def _always_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_table, "_REFRESH_S", 0.0)


def test_a_log_gets_a_line_for_every_change_and_none_without(make_sweep: MakeSweep, play: Play) -> None:
    folder, log = make_sweep(scheduler="none"), io.StringIO()
    play(folder, [0.5])
    with LiveTable(folder, "trials", Console(file=log, width=60), 6) as table:
        table.update()
        assert log.getvalue() == ""
        play(folder, [0.8], until=100)
        table.update()
        once = log.getvalue()
        table.update()
    assert log.getvalue() == once
    trial, total = once.splitlines()
    assert trial.startswith("trial 1 RUNNING at step 100")
    assert total.startswith("small: 1 of 6 trials done, 1 running, best AP_S 15.00 (trial 0)")


def test_the_end_is_logged_even_where_nothing_looked_again(make_sweep: MakeSweep, play: Play) -> None:
    folder, log = make_sweep(scheduler="none"), io.StringIO()
    with LiveTable(folder, "trials", Console(file=log, width=60), 6):
        play(folder, [0.8])
    assert "trial 0 COMPLETE at step 300, AP 40.00" in log.getvalue()


def test_a_terminal_shows_the_table_with_what_fits(make_sweep: MakeSweep, play: Play) -> None:
    folder, screen = make_sweep(scheduler="none"), io.StringIO()
    play(folder, [0.9, 0.2, 0.3, 0.1, 0.4, 0.8])
    play(folder, [0.5], until=100)
    console = Console(file=screen, force_terminal=True, width=150, height=13, color_system=None)
    with LiveTable(folder, "trials", console, 7) as table:
        table.update()
        shown = screen.getvalue()
    assert "best AP_S" in shown
    assert "6 of 7 trials done" in shown
    rows = [line for line in shown.splitlines() if "COMPLETE" in line or "RUNNING" in line]
    assert len(rows) == 5  # the running one, and the best of the others
    assert sum("RUNNING" in line for line in rows) == 1
    assert not any(" 3.00" in line for line in rows)  # the worst is left out
