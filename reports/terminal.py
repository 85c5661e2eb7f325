"""A comparison as tables for the terminal."""

from collections.abc import Hashable, Mapping
from math import isnan

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.compare import Side, metric_differences, unfinished
from reports.parameter_differences import CANDIDATE, KEY, REFERENCE, parameter_differences
from reports.plain_text import in_one_line
from reports.run_files import Missing
from trainable.command_line import print_line


def show_comparison(reference: Side, candidate: Side, console: Console) -> None:
    """Print the parameters that differ, and the metrics with their differences.

    Args:
        reference: What is compared with.
        candidate: What is compared.
        console: Where to.
    """
    for sentence in unfinished(reference, candidate):
        print_line(console, in_one_line(sentence))
    names = reference.name, candidate.name
    differences = parameter_differences(reference.run, candidate.run)
    if len(differences):
        console.print(_parameters(names, differences))
    else:
        print_line(console, "Both have the same parameters.")
    metrics = metric_differences(reference, candidate)
    if isinstance(metrics, Missing):
        print_line(console, in_one_line(metrics.reason))
    else:
        console.print(_metrics(names, metrics))


def _parameters(names: tuple[str, str], differences: pd.DataFrame) -> Table:
    table = _table("Parameters that differ", ["parameter", *names], right_aligned=0)
    for row in differences.to_dict("records"):
        table.add_row(*(_text("-" if row[key] is None else row[key]) for key in (KEY, REFERENCE, CANDIDATE)))
    return table


def _metrics(names: tuple[str, str], metrics: pd.DataFrame) -> Table:
    title = "Percent, with 95 % intervals; the difference in points, positive where the second is better"
    headings = ["metric", *names, "difference", "better with", "verdict"]
    table = _table(title, headings, right_aligned=4)
    for row in metrics.to_dict("records"):
        figures = (_figure(row, name, signed=name == "difference") for name in ("reference", "candidate", "difference"))
        chance = row["probability_better"]
        better = "" if isnan(chance) else f"{100 * chance:.1f} %"
        table.add_row(*map(_text, (row["metric"], *figures, better, row["verdict"])))
    return table


def _figure(row: Mapping[Hashable, float], name: str, *, signed: bool) -> str:
    value, low, high = (100 * row[key] for key in (name, f"{name}_low", f"{name}_high"))
    if isnan(value):
        return "undefined"
    sign = "+" if signed else ""
    return f"{value:{sign}.2f}" + ("" if isnan(low) else f" ({low:{sign}.2f} to {high:{sign}.2f})")


def _table(title: str, headings: list[str], *, right_aligned: int) -> Table:
    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(_text(heading), justify="right" if 1 <= place <= right_aligned else "left", overflow="fold")
    return table


def _text(value: object) -> Text:
    """Somebody else's text as it is: without rich's markup and without what would steer the terminal."""
    return Text(in_one_line(str(value)))
