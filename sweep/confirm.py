"""Confirming the finalists: the best trials and the baseline, trained again with new seeds at the full budget."""

import logging
import math
from dataclasses import dataclass
from statistics import mean, stdev

from rich.markup import escape
from rich.table import Table

from search_spaces import Json
from sweep.folder import SweepFolder
from sweep.proposals import Proposal, Proposer
from sweep.record import BASELINE, SweepRecord, open_study
from sweep.standings import percent, shown_metrics
from sweep.trial_records import TrialRecord
from trainable.errors import SweepError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finalist:
    """A configuration to be trained with new seeds.

    Attributes:
        label: Its known point and parameters in short.
        parameters: Dotted configuration key to value, without what is fixed for all trials.
        config_hash: Hash of its effective configuration; the same for every seed.
        trial: The trial of the search that it comes from; `None` for a baseline that the search did not complete.
        baseline: Whether it is what the others are compared with.
    """

    label: str
    parameters: dict[str, Json]
    config_hash: str
    trial: int | None
    baseline: bool


@dataclass(frozen=True)
class Confirmed:
    """The results of one configuration over its seeds.

    Attributes:
        finalist: The configuration.
        results: One mapping of metric to value for each seed that ran to the full budget.
        unfinished: Trials of it that have no result.
    """

    finalist: Finalist
    results: tuple[dict[str, float], ...]
    unfinished: int

    def spread(self, metric: str) -> tuple[float, float]:
        """Mean and standard deviation over seeds; NaN where there are too few."""
        values = [result[metric] for result in self.results if not math.isnan(result[metric])]
        return mean(values) if values else math.nan, stdev(values) if len(values) > 1 else math.nan


def finalists(folder: SweepFolder, top: int) -> list[Finalist]:
    """The best trials besides the baseline that ran to the full budget, the best first, and then the baseline.

    Raises:
        SweepError: If no trial ran to the full budget.
    """
    record, study = SweepRecord.read(folder), open_study(folder)
    complete = [trial for trial in study.ranked() if trial.state == "COMPLETE"]
    if not complete:
        raise SweepError(
            f"no trial of {folder.name} has run to the full budget yet; go on with `{folder.command('resume')}`, and "
            "confirm afterwards"
        )
    baseline = _baseline(record)
    by_hash = {trial.config_hash: trial.index for trial in complete}
    rivals = [trial for trial in complete if trial.config_hash != baseline.config_hash]
    return [
        *map(_from_trial, rivals[:top]),
        Finalist(
            label=BASELINE,
            parameters=baseline.parameters,
            config_hash=baseline.config_hash,
            trial=by_hash.get(baseline.config_hash),
            baseline=True,
        ),
    ]


def enqueue_confirmation(folder: SweepFolder, top: int, seeds: int) -> int:
    """Have every finalist trained with new seeds; what was asked for before is not repeated.

    Args:
        folder: The sweep.
        top: How many of the best trials besides the baseline.
        seeds: How many new seeds each.

    Returns:
        How many trials the confirmation consists of.

    Raises:
        SweepError: If no trial ran to the full budget.
    """
    chosen = finalists(folder, top)
    rivals = len(chosen) - 1
    if rivals < top:
        logger.info(
            "only %d trials of %s besides the baseline have run to the full budget, so no more are confirmed",
            rivals,
            folder.name,
        )
    own = SweepRecord.read(folder).config.reproduce.seed_everything or 0
    study = open_study(folder, "confirm")
    study.enqueue([finalist.parameters for finalist in chosen], seeds=range(own + 1, own + 1 + seeds))
    return len(chosen) * seeds


def unfinished_confirmations(folder: SweepFolder) -> int:
    """How many confirming trials were begun and have not ended."""
    return sum(trial.state == "RUNNING" for trial in open_study(folder, "confirm").trials())


def confirmation_tags(folder: SweepFolder, proposal: Proposal) -> dict[str, str]:
    """Tags of a confirming run, from which a report finds what to compare.

    Args:
        folder: The sweep.
        proposal: The trial.
    """
    found = [finalist for finalist in _all_finalists(folder) if finalist.config_hash == proposal.config_hash]
    trial = found[0].trial if found else None
    return {
        "evsweep.phase": "confirm",
        "evsweep.finalist": "" if trial is None else str(trial),
        "evsweep.baseline": str(any(finalist.baseline for finalist in found)).lower(),
        "evsweep.seed": str(proposal.seed),
        "evsweep.config_hash": proposal.config_hash,
    }


def confirmed(folder: SweepFolder) -> list[Confirmed]:
    """The results so far, the configuration with the highest mean of the first objective first."""
    objective = SweepRecord.read(folder).settings.objectives[0]
    trials = open_study(folder, "confirm").trials()
    groups = []
    for finalist in _all_finalists(folder):
        own = [trial for trial in trials if trial.config_hash == finalist.config_hash]
        results = tuple(trial.last for trial in own if trial.state == "COMPLETE")
        if own:
            groups.append(Confirmed(finalist, results, len(own) - len(results)))
    return sorted(groups, key=lambda group: _last_if_nan(group.spread(objective)[0]))


def confirmation_table(folder: SweepFolder) -> Table:
    """Mean and standard deviation over seeds of each configuration, in percent."""
    objectives = SweepRecord.read(folder).settings.objectives
    table = Table(title=f"{folder.name}, percent, mean ± standard deviation over seeds", title_justify="left")
    table.add_column("trial", justify="right")
    table.add_column("seeds", justify="right")
    for name in shown_metrics(objectives):
        table.add_column(name, justify="right", style="bold" if name in objectives else None)
    table.add_column("parameters", overflow="fold")
    for group in confirmed(folder):
        finalist = group.finalist
        seeds = f"{len(group.results)}" + (f" of {len(group.results) + group.unfinished}" if group.unfinished else "")
        spreads = [group.spread(name) for name in shown_metrics(objectives)]
        table.add_row(
            "-" if finalist.trial is None else str(finalist.trial),
            seeds,
            *(f"{percent(middle)} ± {percent(deviation)}" for middle, deviation in spreads),
            escape(finalist.label),
            style="bold" if finalist.baseline else None,
        )
    return table


def _all_finalists(folder: SweepFolder) -> list[Finalist]:
    return finalists(folder, top=len(open_study(folder).trials()))


def _baseline(record: SweepRecord) -> Proposal:
    space = record.confirmation_space()
    proposer = Proposer(space, record.config, record.settings.seed)
    return proposer.propose(0, space.known_points[BASELINE], known_point=BASELINE, seed=None)


def _from_trial(trial: TrialRecord) -> Finalist:
    return Finalist(
        label=trial.name.partition(" ")[2],
        parameters=trial.parameters,
        config_hash=trial.config_hash,
        trial=trial.index,
        baseline=False,
    )


def _last_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else -value
