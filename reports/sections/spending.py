"""Steps and time that a sweep spent and saved."""

from collections.abc import Iterator
from math import isnan

import pandas as pd

from reports.budget import full_budget
from reports.document.blocks import Block, Column, Paragraph, Table
from reports.runs import RunState, Sweep
from reports.search_cost import Cost, hours_unit, search_cost

STATE_NAMES: dict[RunState, str] = {
    "COMPLETE": "trained to the end",
    "PRUNED": "stopped at a rung",
    "STOPPED": "stopped by hand",
    "FAILED": "failed",
    "RUNNING": "running",
}
"""How trials ended, in the words of the tables."""


def spending(sweep: Sweep) -> Iterator[Block]:
    """What the trials took by how they ended, and what stopping some of them saved.

    Args:
        sweep: The sweep.
    """
    end = full_budget(sweep)
    unit = hours_unit(sweep)
    total = search_cost(sweep, sweep.trials, end)
    groups = [(state, [run for run in sweep.trials if run.state == state]) for state in STATE_NAMES]
    rows = [_cost_row(STATE_NAMES[state], search_cost(sweep, runs, end)) for state, runs in groups if runs]
    rows.append(_cost_row("the search", total))
    if sweep.confirmations:
        rows.append(_cost_row("the confirmation", search_cost(sweep, sweep.confirmations, end)))
    yield Paragraph(_cost_in_words(total, end, unit))
    columns = (
        Column("trials", "trials"),
        Column("number", "number", digits=0),
        Column("steps", "steps", digits=0),
        Column("hours", unit, digits=2),
        Column("steps_saved", "steps saved", digits=0),
        Column("hours_saved", f"{unit} saved", digits=2),
    )
    highlighted = (next(place for place, row in enumerate(rows) if row["trials"] == "the search"),)
    yield Table("search_cost", "Steps and time spent and saved", pd.DataFrame(rows), columns, highlighted=highlighted)
    yield Paragraph(
        "Hours are those of training steps at each trial's recorded speed, times the devices that it held; "
        "validations, starting and waiting come on top. Saved is what stopped trials would have taken further, at "
        "their own speed, to train to the end.",
        "note",
    )


def _cost_row(name: str, cost: Cost) -> dict[str, object]:
    return {
        "trials": name,
        "number": cost.trials,
        "steps": cost.steps,
        "hours": cost.hours,
        "steps_saved": cost.steps_saved,
        "hours_saved": cost.hours_saved,
    }


def _cost_in_words(total: Cost, end: int | None, unit: str) -> str:
    hours = "" if isnan(total.hours) else f", {total.hours:.2f} {unit}"
    text = f"The search trained {total.steps:,} steps{hours}."
    if end is None:
        return f"{text} The full budget of a trial is not known, so that nothing can be said about what was saved."
    everything = total.steps + total.steps_saved
    share = total.steps_saved / everything if everything else 0.0
    saved = "" if isnan(total.hours_saved) else f" and {total.hours_saved:.2f} {unit}"
    return (
        f"{text} Stopping trials at rungs saved {total.steps_saved:,} steps{saved}: {100 * share:.0f} % of the steps "
        f"that the search would have taken had it trained these to {end:,} steps, too."
    )
