"""A sweep's report: its sections in order, written to a folder and attached to the sweep's run."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from reports.compare import comparison_blocks, side_of_sweep
from reports.document.blocks import Column, Document, Paragraph, Section, Table
from reports.document.writing import write_document, written_files
from reports.evidence import Evidence
from reports.run_files import Missing
from reports.runs import Sweep
from reports.sections import (
    answer,
    importance,
    leaderboard,
    pictures,
    repeating,
    search_history,
    sizes_and_classes,
    trade_offs,
)
from reports.wording import counted, utc_time
from trainable.errors import EvsweepError, TrackingError
from trainable.tracking.attach import attach_files

ATTACHED_AS = "report"
"""Folder of the report among the files of the sweep's run."""

_SECTIONS: tuple[tuple[str, str, Callable[[Evidence], Section]], ...] = (
    ("answer", "The answer", answer.section),
    ("leaderboard", "Leaderboard", leaderboard.section),
    ("trade-offs", "Trade-offs", trade_offs.section),
    ("what-matters", "What matters", importance.section),
    ("sizes-and-classes", "By size and class", sizes_and_classes.section),
    ("search-history", "How the search went", search_history.section),
    ("pictures", "Pictures", pictures.section),
    ("repeating", "How to repeat it", repeating.section),
)

logger = logging.getLogger(__name__)


def report_document(sweep: Sweep, *, other: Sweep | None = None) -> Document:
    """Everything that is to be said of a sweep; what is missing is said at the end.

    Args:
        sweep: The sweep.
        other: A sweep whose best configuration is compared with this one's.
    """
    evidence = Evidence(sweep)
    sections = [_section(evidence, *entry) for entry in _SECTIONS]
    if other is not None:
        sections.append(_comparison(evidence, other))
    if evidence.problems:
        sections.append(_missing(evidence.problems))
    return Document(f"Sweep {sweep.name}", _subtitle(sweep), sections)


def write_report(document: Document, sweep: Sweep, out: Path, *, pdf: bool, attach_to: str | None) -> Path:
    """Write a report, and attach it to its sweep's run.

    Args:
        document: The report.
        sweep: What it is about.
        out: The folder to write to.
        pdf: Whether to print it too.
        attach_to: The tracking server's address; none to leave it out there. A server that refuses is a warning.

    Returns:
        The page.

    Raises:
        ReportError: If it cannot be written.
    """
    page = write_document(document, out, pdf=pdf)
    if attach_to is not None:
        try:
            attach_report(out, attach_to, sweep.own.run_id)
        except TrackingError as error:
            logger.warning("The report is written, but could not be attached to the sweep's run: %s", error)
    return page


def attach_report(out: Path, uri: str, run_id: str) -> None:
    """Attach the files of a report, and no others that lie in its folder.

    Args:
        out: The report's folder.
        uri: The tracking server's address.
        run_id: The run on that server.

    Raises:
        TrackingError: If the server refuses.
    """
    with TemporaryDirectory(prefix="evsweep-report-") as folder:
        for name in written_files(out):
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(out / name, copy)
        attach_files(uri, run_id, Path(folder), ATTACHED_AS)


def _section(evidence: Evidence, name: str, title: str, make: Callable[[Evidence], Section]) -> Section:
    try:
        return make(evidence)
    except Exception as error:
        return _excuse(name, title, error)


def _comparison(evidence: Evidence, other: Sweep) -> Section:
    name, title = "comparison", f"Compared with {other.name}"
    try:
        sides = side_of_sweep(Evidence(other)), side_of_sweep(evidence)
        missing = [side for side in sides if isinstance(side, Missing)]
        if missing:
            return Section(name, title, [Paragraph(one.reason, "warning") for one in missing])
        reference, candidate = (side for side in sides if not isinstance(side, Missing))
        return Section(name, title, list(comparison_blocks(reference, candidate, prefix="comparison_")))
    except Exception as error:
        return _excuse(name, title, error)


def _excuse(name: str, title: str, error: Exception) -> Section:
    """What stands in for a section that could not be made: runs of others may hold anything."""
    known = isinstance(error, EvsweepError)
    reason = str(error) if known else f"{type(error).__name__}: {error}"
    logger.warning("the section %r is missing: %s", title, reason, exc_info=None if known else error)
    return Section(name, title, [Paragraph(f"This part is missing: {reason}", "warning")])


def _missing(problems: list[str]) -> Section:
    table = Table(
        "problems", "What could not be read", pd.DataFrame({"problem": problems}), (Column("problem", "What"),)
    )
    text = "Everything above was made without what is listed here; figures that need it are marked as missing."
    return Section("missing", "What is missing", [Paragraph(text), table])


def _subtitle(sweep: Sweep) -> str:
    return "; ".join(_told(sweep))


def _told(sweep: Sweep) -> Iterator[str]:
    yield counted(len(sweep.trials), "trial")
    if sweep.confirmations:
        yield counted(len(sweep.confirmations), "confirming run")
    yield f"begun {utc_time(sweep.own.started_ms)}"
    if sweep.own.ended_ms is None:
        yield "still running when this was read"
    else:
        yield f"ended {utc_time(sweep.own.ended_ms)}"
    yield f"read from {sweep.tracking_uri}"
