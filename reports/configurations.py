"""The configurations of a sweep that came to an end: one for all runs that differ in their seed only."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from statistics import mean, stdev

from reports.plain_text import clipped
from reports.runs import BASELINE, Run, Sweep
from search_spaces import Json
from search_spaces.json_values import is_json
from search_spaces.objectives import total_violation

_MAX_LABEL_LENGTH = 160


@dataclass(frozen=True, eq=False)
class Configuration:
    """A configuration with at least one run that trained to the full budget.

    Attributes:
        name: Unique in the sweep and short, such as `baseline` or `trial 3`.
        label: Its parameters in short, whatever the run's name holds besides the index.
        trial: Its complete run of the search.
        confirmations: Its complete confirming runs, one a seed.
        is_baseline: Whether it is what others are compared with.
    """

    name: str
    label: str
    trial: Run | None
    confirmations: tuple[Run, ...]
    is_baseline: bool

    @property
    def is_confirmed(self) -> bool:
        """Whether it was trained again with new seeds."""
        return bool(self.confirmations)

    @property
    def judged(self) -> tuple[Run, ...]:
        """The runs that its figures are computed from.

        The confirming ones where there are any: the search's own run was chosen because it came out well, so that its
        figures are too high on average.
        """
        if self.confirmations or self.trial is None:
            return self.confirmations
        return (self.trial,)

    def mean(self, metric: str) -> float:
        """A metric's mean over the judged runs; NaN where it is undefined in one of them."""
        return mean(run.metrics.get(metric, nan) for run in self.judged)

    def deviation(self, metric: str) -> float:
        """A metric's standard deviation over seeds; NaN for a single one."""
        values = [run.metrics.get(metric, nan) for run in self.judged]
        return nan if len(values) < 2 or any(map(isnan, values)) else stdev(values)


def configurations(sweep: Sweep) -> tuple[Configuration, ...]:
    """Every configuration with a complete run, the best first.

    Confirmed ones come before the others, among each those that keep the constraints first, and then by the mean of
    the first objective over the judged runs, undefined ones last.
    """
    trials: dict[str, Run] = {}
    confirmations: dict[str, dict[str, Run]] = {}
    for run in sweep.trials:
        if run.state == "COMPLETE":
            trials.setdefault(run.config_hash, run)
    for run in sweep.confirmations:
        if run.state == "COMPLETE":
            seed = run.tags.get("evsweep.seed") or run.seed or run.run_id
            confirmations.setdefault(run.config_hash, {}).setdefault(seed, run)
    groups = [
        (trials.get(identity), tuple(confirmations.get(identity, {}).values()))
        for identity in dict.fromkeys([*trials, *confirmations])
    ]
    found = list(_named(groups))
    return tuple(sorted(found, key=lambda configuration: _order(configuration, sweep)))


def parameter_value(text: str) -> Json:
    """What a parameter's text stands for: JSON where it is some, else the text itself."""
    try:
        value: object = json.loads(text)
        return value if is_json(value) else text
    except (ValueError, RecursionError):
        return text


def short_label(name: str) -> str:
    """The parameters in a run's name: without the index and the seed in front."""
    label = re.sub(r"^\d{4,}( |$)", "", name)
    label = re.sub(r"(^|(?<= ))seed=-?\d+( |$)", "", label, count=1).strip()
    return clipped(label, _MAX_LABEL_LENGTH)


def _named(groups: Iterable[tuple[Run | None, tuple[Run, ...]]]) -> Iterator[Configuration]:
    taken: set[str] = set()
    for trial, confirming in groups:
        runs = [*([] if trial is None else [trial]), *confirming]
        is_baseline = any(run.is_baseline for run in runs) and BASELINE not in taken
        wanted = BASELINE if is_baseline else _name(trial, confirming)
        name = next(name for name in _numbered(wanted) if name not in taken)
        taken.add(name)
        label = short_label(runs[0].name)
        yield Configuration(
            name=name,
            label=label.removeprefix(BASELINE).strip() if is_baseline else label,
            trial=trial,
            confirmations=confirming,
            is_baseline=is_baseline,
        )


def _name(trial: Run | None, confirming: Sequence[Run]) -> str:
    """After the trial of the search, which a confirming run's tag names too."""
    index = str(trial.index) if trial is not None and trial.index is not None else ""
    if trial is None:
        index = confirming[0].tags.get("evsweep.finalist", "")
    if re.fullmatch(r"\d{1,9}", index):
        return f"trial {int(index)}"
    return f"run {(trial or confirming[0]).run_id[:8]}"


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} ({number})"
        number += 1


def _order(configuration: Configuration, sweep: Sweep) -> tuple[bool, float, tuple[float, ...], str]:
    means = [configuration.mean(name) for name in sweep.objectives]
    bounded = {bound.metric: configuration.mean(bound.metric) for bound in sweep.constraints}
    return (
        not configuration.is_confirmed,
        total_violation(sweep.constraints, bounded),
        tuple(inf if isnan(value) else -value for value in means),
        f"{configuration.name:0>20}",
    )
