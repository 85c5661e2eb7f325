"""A comparison as tables for the terminal."""

from collections.abc import Hashable, Mapping
from math import isnan

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.compare import Side, metric_differences, unfinished
from reports.parameter_differences import CANDIDATE, KEY, REFERENCE, parameter_differences
from reports.plain_text import in_one_line
from reports.run_files import Missing
from trainable.command_line import print_line


def show_comparison(reference: Side, candidate: Side, console: Console) -> None:
    """Print the parameters that differ, and the metrics with their differences; 80 columns suffice.

    Args:
        reference: What is compared with, called A.
        candidate: What is compared, called B.
        console: Where to.
    """
    for letter, side in (("A", reference), ("B", candidate)):
        print_line(console, f"{letter}: {in_one_line(side.name)}")
    for sentence in unfinished(reference, candidate):
        print_line(console, in_one_line(sentence))
    differences = parameter_differences(reference.run, candidate.run)
    if len(differences):
        console.print(_parameters(differences))
    else:
        print_line(console, "Both have the same parameters.")
    metrics = metric_differences(reference, candidate)
    if isinstance(metrics, Missing):
        print_line(console, in_one_line(metrics.reason))
    else:
        console.print(_metrics(metrics))


def _parameters(differences: pd.DataFrame) -> Table:
    table = _table("Parameters that differ")
    for heading in ("parameter", "A", "B"):
        table.add_column(heading, overflow="fold")
    for row in differences.to_dict("records"):
        table.add_row(*(_text("-" if row[key] is None else row[key]) for key in (KEY, REFERENCE, CANDIDATE)))
    return table


def _metrics(metrics: pd.DataFrame) -> Table:
    table = _table("Metrics in percent; B - A in points, with 95 % intervals")
    table.add_column("metric", no_wrap=True)
    for heading in ("A", "B", "B - A", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in metrics.to_dict("records"):
        figures = _figure(row, REFERENCE), _figure(row, CANDIDATE), _figure(row, "difference", sign="+")
        ends = [_figure(row, f"difference_{end}", sign="+") for end in ("low", "high")]
        interval = "" if isnan(row["difference_low"]) else " to ".join(ends)
        table.add_row(*map(_text, (row["metric"], *figures, interval, row["verdict"])))
    return table


def _figure(row: Mapping[Hashable, float], name: str, sign: str = "") -> str:
    return "undefined" if isnan(row[name]) else f"{100 * row[name]:{sign}.2f}"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD)


def _text(value: object) -> Text:
    """Somebody else's text as it is: without rich's markup and without what would steer the terminal."""
    return Text(in_one_line(str(value)))
