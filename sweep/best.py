"""The best trial of a sweep, and what is needed to train it again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from sweep.folder import SweepFolder
from sweep.record import SweepRecord, open_study
from sweep.reproduction import train_command
from sweep.standings import percent, print_table, standings_table
from sweep.trial_records import TrialRecord
from sweep.trial_rows import TrialRows
from trainable.command_line import print_line, write_text
from trainable.config import Config
from trainable.config.nearest_key import nearest_key
from trainable.errors import ConfigError, SweepError


@dataclass(frozen=True)
class BestTrial:
    """The trial that a sweep puts first.

    Attributes:
        trial: Its record.
        metric: What it is the best in.
        complete: Whether it ran to the full budget; without such a trial the best so far is taken.
        config: Its configuration, with its seed.
        command: The command that trains it again.
        candidates: The trials it was chosen from: the Pareto set, or all complete trials.
    """

    trial: TrialRecord
    metric: str
    complete: bool
    config: Config
    command: str
    candidates: tuple[TrialRecord, ...]


def best_trial(folder: SweepFolder, by: str | None = None) -> BestTrial:
    """Choose the best trial.

    Args:
        folder: The sweep.
        by: The metric that decides; by default the first objective, among the complete trials that keep the constraints
            and that no other one beats in every objective.

    Raises:
        ConfigError: If `by` is no metric that trials report.
        SweepError: If no trial has been validated yet.
    """
    from sweep.proposals import Proposer

    record, study = SweepRecord.read(folder), open_study(folder)
    validated = [trial for trial in study.ranked() if trial.reports]
    if not validated:
        raise SweepError(f"no trial of {folder.name} has been validated yet; see `{folder.command('status')}`")
    if by is not None and by not in validated[0].last:
        known = tuple(validated[0].last)
        raise ConfigError(
            f"--by {by}: trials report {', '.join(known)}; did you mean `{nearest_key(by, known)}`? (To have another "
            "metric reported, make it an objective)"
        )
    complete = [trial for trial in validated if trial.state == "COMPLETE"]
    metric = by or record.settings.objectives[0]
    if complete:
        candidates = (study.pareto() if by is None else complete) or complete
        best = _highest(candidates, metric)
    else:
        candidates = validated
        furthest = max(trial.last_step for trial in validated)
        best = _highest([trial for trial in validated if trial.last_step == furthest], metric)
    config = Proposer(record.search_space(), record.config, record.settings.seed).again(best).config
    return BestTrial(
        trial=best,
        metric=metric,
        complete=bool(complete),
        config=config,
        command=train_command(record.settings.overrides, config),
        candidates=tuple(candidates),
    )


def print_best(best: BestTrial, folder: SweepFolder, console: Console) -> None:
    """Print the trial, what it was chosen from, and the command that trains it again."""
    trial = best.trial
    if not best.complete:
        print_line(
            console,
            f"No trial has run to the full budget of {trial.max_steps:,} steps yet. Of those that are furthest this is "
            f"the best SO FAR, after {trial.last_step:,} steps:",
        )
    elif len(best.candidates) > 1:
        rows = TrialRows(folder)
        chosen = {candidate.index for candidate in best.candidates}
        ranked = [row for row in rows.ranked() if row.index in chosen]
        objectives = rows.record.settings.objectives
        print_table(standings_table(ranked, objectives, running=False, title=f"{folder.name}, percent"), console)
    print_line(console, f"Best in {best.metric}: trial {trial.name}, seed {trial.seed}")
    print_line(console, ", ".join(f"{name} {percent(value)}" for name, value in trial.last.items()))
    print_line(
        console,
        "One seed proves nothing: trials differ by half a point and more from the seed alone. To repeat the best with "
        "new seeds beside the baseline: " + folder.command("confirm", "--top", "3", "--seeds", "3"),
    )
    print_line(console, f"To train it again:\n{best.command}")


def write_configuration(best: BestTrial, file: Path) -> None:
    """Write the complete configuration as YAML.

    Raises:
        ConfigError: If the disk refuses.
    """
    write_text(file, yaml.safe_dump(best.config.to_dict(), sort_keys=False))


def _highest(trials: Sequence[TrialRecord], metric: str) -> TrialRecord:
    """The trial with the highest last value; NaN comes last, and of equal ones the first."""

    def value(trial: TrialRecord) -> float:
        last = trial.last[metric]
        return -math.inf if math.isnan(last) else last

    return max(trials, key=value)
