"""How far a run is, read from its folder while another process writes there."""

from dataclasses import dataclass, field
from pathlib import Path

from sweep.folder import PAUSED_NAME
from trainable.errors import TrackingError
from trainable.tracking.entries import MetricsEntry, ResumeEntry
from trainable.tracking.journal import JOURNAL_NAME, JournalReader


@dataclass
class RunProgress:
    """Follows a run's journal; each `refresh` reads only what is new.

    Attributes:
        directory: The run's folder, which may not exist yet.
        step: Optimizer steps done, as far as they are journaled.
        steps_per_second: Of the newest journal line that tells it; NaN before.
        metrics: The newest validation.
        resumed: How often the run was continued from a checkpoint.
        paused: Why the run waits; empty while it does not.
    """

    directory: Path
    step: int = 0
    steps_per_second: float = float("nan")
    metrics: dict[str, float] = field(default_factory=dict)
    resumed: int = 0
    paused: str = ""

    def __post_init__(self) -> None:
        self._reader = JournalReader(self.directory)

    def refresh(self) -> None:
        """Read what has been written since the last time."""
        if not (self.directory / JOURNAL_NAME).exists():
            return
        try:
            entries = self._reader.read()
        except TrackingError:  # removed this moment; it is looked for again the next time
            return
        for entry in entries:
            match entry:
                case MetricsEntry():
                    self._absorb(entry)
                case ResumeEntry():
                    self.step = entry.step
                    self.resumed += 1
        try:
            self.paused = (self.directory / PAUSED_NAME).read_text().strip() or "paused"
        except OSError:
            self.paused = ""

    def _absorb(self, entry: MetricsEntry) -> None:
        self.step = max(self.step, entry.step)
        self.steps_per_second = entry.values.get("speed/steps_per_second") or self.steps_per_second
        if "AP" in entry.values:
            self.metrics = {name: float("nan") if value is None else value for name, value in entry.values.items()}
