"""A run's metrics over its steps, as its journal has them."""

from pathlib import Path

from trainable.tracking.backlog import Backlog
from trainable.tracking.journal import JOURNAL_NAME, JournalReader

Curves = dict[str, dict[int, float]]
"""Metric name to optimizer step to value; undefined values are left out."""


class CurveReader:
    """Reads a journal that may still be growing; each read takes in what is new.

    What a resume went back behind is left out, and of a step that was run twice the later value counts.

    Args:
        directory: the run's folder.
    """

    def __init__(self, directory: Path) -> None:
        self._reader = JournalReader(directory)
        self._backlog = Backlog()

    def read(self) -> Curves:
        """All curves so far.

        Raises:
            TrackingError: where the journal cannot be read.
        """
        for entry in self._reader.read():
            self._backlog.absorb(entry)
        return {
            name: {step: by_step[step].value for step in sorted(by_step)}
            for name, by_step in self._backlog.points.items()
            if by_step
        }


def journaled_curves(directory: Path) -> Curves:
    """The curves in a run's journal; none where the folder has no journal.

    Raises:
        TrackingError: where the journal cannot be read.
    """
    return CurveReader(directory).read() if (directory / JOURNAL_NAME).exists() else {}
