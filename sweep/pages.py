"""Where a sweep can be seen on its tracking server."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.folder import Phase, SweepFolder
from trainable.tracking import TrackingPages, read_progress

if TYPE_CHECKING:
    from sweep.study import SweepStudy

COMPARED = 16
"""Trials on the pages that show several: more make an address too long for some terminals, and a page too full."""


@dataclass(frozen=True)
class SweepPages:
    """Addresses of a sweep's pages.

    Attributes:
        command: What starts a server at which they can be seen; `None` where the sweep is published to a server.
        parent: The sweep's own run.
        compare: The best trials side by side; `None` before two are published.
        metric: The first objective of the best trials over their steps; `None` before one is published.
    """

    command: str | None
    parent: str
    compare: str | None
    metric: str | None

    def lines(self) -> tuple[str, ...]:
        """The same for people."""
        lines = [] if self.command is None else [f"To look at the sweep, start: {self.command}", "and open:"]
        lines.append(f"the sweep: {self.parent}")
        if self.compare is not None:
            lines.append(f"its best trials side by side: {self.compare}")
        if self.metric is not None:
            lines.append(f"their curves: {self.metric}")
        return tuple(lines)


def sweep_pages(folder: SweepFolder, study: "SweepStudy", metric: str, phase: Phase = "trials") -> SweepPages | None:
    """The pages of a sweep as far as it is published.

    Args:
        folder: The sweep.
        study: The study of the phase, for the trials' ranks.
        metric: What the curves show, such as the first objective.
        phase: Whose trials are shown.

    Returns:
        The addresses; `None` where nothing has been published yet.
    """
    parent = read_progress(folder.directory)
    if parent is None:
        return None
    pages = TrackingPages(parent.uri, parent.experiment_id)
    published = (read_progress(folder.run_directory(phase, record.index)) for record in study.ranked())
    runs = [progress.mlflow_run_id for progress in published if progress is not None][:COMPARED]
    return SweepPages(
        command=pages.command,
        parent=pages.run(parent.mlflow_run_id),
        compare=pages.compare(runs) if len(runs) > 1 else None,
        metric=pages.metric(runs, metric) if runs else None,
    )
