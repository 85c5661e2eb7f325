"""A report that follows a running sweep."""

import time
from collections.abc import Hashable
from pathlib import Path

from rich.console import Console

from reports.build import report_document, write_report
from reports.plain_text import in_one_line
from reports.runs import Sweep
from reports.tracking_reader import TrackingReader
from reports.wording import capitalised, states_in_words
from trainable.command_line import print_line
from trainable.errors import TrackingError


def watch_sweep(
    uri: str, name: str, out: Path, *, interval_s: float, attach: bool, console: Console, diagnostics: Console
) -> Path:
    """Build the report anew whenever a run of the sweep has come further, until the sweep has ended.

    A server that goes away meanwhile is waited for.

    Args:
        uri: The tracking server's address.
        name: The sweep's name, or its run's id.
        out: The report's folder.
        interval_s: Seconds between two looks.
        attach: Whether to attach each report to the sweep's run.
        console: Where to say what was built.
        diagnostics: Where to say that the server is away, and that it is back.

    Returns:
        The last report's page.

    Raises:
        TrackingError: If there is no such sweep, or the server cannot be reached at first.
        ReportError: If the report cannot be written.
    """
    page: Path | None = None
    built: Hashable = None
    away = False
    while True:
        try:
            with TrackingReader(uri) as reader:
                sweep = reader.sweep(name)
                if progress(sweep) != built:
                    attach_to = uri if attach else None
                    page = write_report(report_document(sweep), sweep, out, pdf=False, attach_to=attach_to)
                    built = progress(sweep)
                    print_line(
                        console, f"{capitalised(states_in_words(sweep.trials) or 'no trial yet')}; report: {page}"
                    )
            if away:
                print_line(diagnostics, "The sweep can be read again.")
            away = False
            if sweep.own.state != "RUNNING" and page is not None:
                return page
        except TrackingError as error:
            if page is None:
                raise
            if not away:
                reason = in_one_line(str(error))
                print_line(diagnostics, f"The sweep cannot be read now, and the report stays as it is: {reason}")
            away = True
        time.sleep(interval_s)


def progress(sweep: Sweep) -> Hashable:
    """How far a sweep is: two that are equal give the same report.

    Args:
        sweep: The sweep.
    """
    runs = (*sweep.trials, *sweep.confirmations)
    return sweep.own.state, tuple((run.run_id, run.state, run.last_step, len(run.metrics)) for run in runs)
