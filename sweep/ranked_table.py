"""The trials of a sweep by rank, as CSV for programs and as Markdown for people."""

import csv
import io
import json
import math
from collections.abc import Sequence

from search_spaces.objectives import HEADLINE_METRICS
from sweep.trial_records import TrialRecord


class RankedTable:
    """A row a trial: its place, what became of it, its result and its parameters.

    The result is the last validation's, which only for complete trials is one at the full budget.

    Args:
        ranked: The trials, the best first.
        pareto: Indices of the trials that no other one beats in every objective.
        objectives: What is maximised; these metrics come first.
    """

    def __init__(self, ranked: Sequence[TrialRecord], pareto: frozenset[int], objectives: Sequence[str]) -> None:
        self._ranked = ranked
        self._pareto = pareto
        self._metrics = tuple(dict.fromkeys((*objectives, *HEADLINE_METRICS)))
        self._keys = tuple(dict.fromkeys(key for record in ranked for key in record.parameters))

    def to_csv(self) -> str:
        """All columns; undefined metrics and parameters that a trial does not have are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        bookkeeping = ("place", "trial", "state", "pareto", "step", "max_steps", "seed", "known_point", "config_hash")
        writer.writerow((*bookkeeping, *self._metrics, *self._keys, "reason"))
        for place, record in enumerate(self._ranked, start=1):
            writer.writerow(
                (
                    place,
                    record.index,
                    record.state,
                    record.index in self._pareto,
                    record.last_step,
                    record.max_steps,
                    record.seed,
                    record.known_point or "",
                    record.config_hash,
                    *(_number(record.last.get(name, math.nan)) for name in self._metrics),
                    *(json.dumps(record.parameters[key]) if key in record.parameters else "" for key in self._keys),
                    record.reason,
                )
            )
        return text.getvalue()

    def to_markdown(self) -> str:
        """The same without what only programs need, metrics in percent."""
        lines = [
            _line("place", "trial", "state", "step", *(f"{name}, %" for name in self._metrics), "parameters"),
            _line("---:", "---:", ":---", "---:", *("---:" for _ in self._metrics), ":---"),
        ]
        for place, record in enumerate(self._ranked, start=1):
            lines.append(
                _line(
                    str(place),
                    f"{record.index}{'*' if record.index in self._pareto else ''}",
                    record.state,
                    f"{record.last_step:,}",
                    *(_percent(record.last.get(name, math.nan)) for name in self._metrics),
                    record.name.partition(" ")[2],
                )
            )
        return "\n".join([*lines, "", "\\* no complete trial is better in every objective", ""])


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.2f}"
