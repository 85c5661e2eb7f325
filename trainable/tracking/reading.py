"""Reading a run's metrics back from its journal."""

from math import nan
from pathlib import Path
from typing import NamedTuple

from trainable.tracking.entries import MetricsEntry, ResumeEntry
from trainable.tracking.journal import JournalReader


class MetricsLine(NamedTuple):
    """Metrics that were journaled together."""

    step: int
    values: dict[str, float]


def read_metrics(directory: Path) -> list[MetricsLine]:
    """The metrics in a run's journal, in the order of their steps.

    Lines of a continuation that a resume abandoned are left out; undefined values are NaN.

    Args:
        directory: the run's folder.

    Raises:
        TrackingError: where the journal cannot be read.
    """
    lines: list[MetricsLine] = []
    for entry in JournalReader(directory).read():
        match entry:
            case MetricsEntry():
                values = {name: nan if value is None else value for name, value in entry.values.items()}
                lines.append(MetricsLine(entry.step, values))
            case ResumeEntry():
                lines = [line for line in lines if line.step <= entry.step]
            case _:
                pass
    return sorted(lines, key=lambda line: line.step)
