"""The sweep's own run, under which its trials are nested on the tracking server."""

import json
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import yaml

from search_spaces.objectives import Constraint, parse_constraint, total_violation
from sweep.folder import Phase, SweepFolder
from sweep.ranked_table import RankedTable
from sweep.trial_records import State, TrialRecord
from trainable.errors import DataError
from trainable.files import written_whole
from trainable.provenance import dataset_tags, provenance
from trainable.tracking import RunStatus, RunTracking, default_uri, journaled_curves
from trainable.tracking.links import public_uri

if TYPE_CHECKING:
    from sweep.record import SweepRecord
    from sweep.study import SweepStudy

FINAL_TIMEOUT_S = 60.0
SPACE_FILE = "space.yaml"
TABLE_NAME: Mapping[Phase, str] = {"trials": "ranked_trials", "confirm": "ranked_confirmations"}

STATES = get_args(State)

logger = logging.getLogger(__name__)


class ParentRun:
    """Journals a sweep in its own folder, and has that journal and those of all its trials published by one process.

    Its metrics are over the optimizer steps that all trials of the phase have reported together: `best/METRIC`, the
    highest value of each objective so far in any validation that keeps the constraints, and how many trials are in each
    state. They follow from the study alone, which forgets nothing, and a point is added only behind the last one in the
    journal: whatever is killed when, the curve goes on where it ended.

    One process has a sweep open at a time: the one that holds its lock.

    Args:
        folder: The sweep.
        record: Its record.
        phase: Which trials are counted; confirmations have curves of their own.

    Raises:
        TrackingError: For a tracking address that cannot be used, or a damaged journal in the folder.
    """

    def __init__(self, folder: SweepFolder, record: "SweepRecord", *, phase: Phase = "trials") -> None:
        self._folder = folder
        self._phase: Phase = phase
        self._objectives = record.settings.objectives
        self._constraints = tuple(map(parse_constraint, record.settings.constraints))
        curves = journaled_curves(folder.directory)
        self._step = max(
            (step for name, curve in curves.items() if name.startswith(f"{phase}/") for step in curve), default=0
        )
        self._ended: frozenset[tuple[int, str]] = frozenset()
        self._counts = ""
        self._best_by_trial: dict[int, tuple[int, dict[str, float]]] = {}
        self._tracking = RunTracking.start(
            folder.directory,
            experiment=record.config.wandb.project_name,
            uri=sweep_tracking_uri(folder, record),
            run_name=folder.name,
            run_id=record.sweep_id,
            tags=_tags(record),
            resume_step=max((step for curve in curves.values() for step in curve), default=0),
            with_runs_below=True,
        )
        self._tracking.parameters(_parameters(record))
        self._write_space(record)

    @property
    def run_id(self) -> str:
        """What the trials' journals name as their parent."""
        return self._tracking.run_id

    def update(self, study: "SweepStudy") -> None:
        """Journal what the study knows now; call it after reports, and once more at the end.

        Args:
            study: The study of this run's phase.
        """
        self._tracking.keep_publishing()
        records = study.trials()
        counts = Counter(record.state for record in records)
        step = sum(record.last_step for record in records)
        if step > self._step:
            values = {f"{self._phase}/{state}": float(counts[state]) for state in STATES}
            if self._phase == "trials":
                values |= self._incumbents(records)
            self._tracking.metrics(values, step)
            self._step = step
        text = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        if text != self._counts:
            self._tracking.tags({f"evsweep.{self._phase}": text})
            self._counts = text
        ended = frozenset((record.index, record.state) for record in records if record.state != "RUNNING")
        if ended != self._ended:
            self._write_table(study)
            self._ended = ended

    def close(self, status: RunStatus, reason: str = "", timeout_s: float = FINAL_TIMEOUT_S) -> None:
        """End the run, and publish what is missing of it and of all trials for a bounded time.

        Args:
            status: FINISHED, FAILED after an error, or KILLED for a sweep stopped on purpose before its end.
            reason: Why, for FAILED and KILLED.
            timeout_s: Longest wait for the server.
        """
        self._tracking.close(status, reason, timeout_s)

    def _incumbents(self, records: Sequence[TrialRecord]) -> dict[str, float]:
        """The best value so far of each objective that was ever defined."""
        for record in records:
            if self._best_by_trial.get(record.index, (-1, {}))[0] != record.last_step:
                best = best_values(record, self._objectives, self._constraints)
                self._best_by_trial[record.index] = (record.last_step, best)
        found = [best for _, best in self._best_by_trial.values()]
        return {
            f"best/{name}": max(best[name] for best in found if name in best)
            for name in self._objectives
            if any(name in best for best in found)
        }

    def _write_table(self, study: "SweepStudy") -> None:
        pareto = frozenset(record.index for record in study.pareto())
        table = RankedTable(study.ranked(), pareto, self._objectives)
        for suffix, text in ((".csv", table.to_csv()), (".md", table.to_markdown())):
            self._write_artifact(self._folder.directory / f"{TABLE_NAME[self._phase]}{suffix}", text)

    def _write_space(self, record: "SweepRecord") -> None:
        text = yaml.safe_dump(record.space, sort_keys=False, allow_unicode=True)
        self._write_artifact(self._folder.directory / SPACE_FILE, text)
        if not record.holds_credentials:
            self._tracking.artifact(self._folder.record_file)

    def _write_artifact(self, path: Path, text: str) -> None:
        try:
            with written_whole(path) as draft:
                draft.write_text(text)
        except OSError as error:
            logger.warning("%s cannot be written (%s); the sweep goes on", path, error.strerror)
            return
        self._tracking.artifact(path)


def best_values(
    record: TrialRecord, metrics: Sequence[str], constraints: Sequence[Constraint] = ()
) -> dict[str, float]:
    """The highest value of each metric in a trial's validations that keep the constraints; without undefined ones."""
    allowed = [values for values in record.reports.values() if total_violation(constraints, values) == 0]
    defined = {name: [values[name] for values in allowed if not math.isnan(values[name])] for name in metrics}
    return {name: max(values) for name, values in defined.items() if values}


def sweep_tracking_uri(folder: SweepFolder, record: "SweepRecord") -> str:
    """Where a sweep is published: the server that its settings name, or an SQLite file beside the sweeps."""
    return record.settings.tracking_uri or default_uri(folder.storage)


def _tags(record: "SweepRecord") -> dict[str, str]:
    settings, config = record.settings, record.config
    tags = {
        **provenance(),
        "evsweep.kind": "sweep",
        "evsweep.space": str(record.space["name"]),
        "evsweep.search": settings.search,
        "evsweep.scheduler": settings.scheduler,
        "evsweep.objectives": ", ".join(settings.objectives),
        "evsweep.constraints": ", ".join(settings.constraints),
    }
    if config.wandb.group_name is not None:
        tags["evsweep.group"] = config.wandb.group_name
    try:
        tags |= dataset_tags(config)
    except DataError as error:
        logger.warning("the dataset cannot be seen from here, so the sweep's run does not name its digest: %s", error)
    return tags


def _parameters(record: "SweepRecord") -> dict[str, object]:
    """The settings, and a parameter for each dimension of the space: its range as in the space's file."""
    settings = record.settings.model_dump(mode="json", exclude={"name", "storage"})
    if record.settings.tracking_uri is not None:
        settings["tracking_uri"] = public_uri(record.settings.tracking_uri)
    dimensions = {f"space.{key}": json.dumps(value) for key, value in record.space["dimensions"].items()}
    rungs = {"rungs": list(record.rungs), "validation_interval": record.validation_interval}
    return {**settings, **rungs, **dimensions}
