"""The study of a sweep: which trials there are, what they reported, and which one comes next."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import optuna
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from search_spaces.space import Json, Space
from sweep.objectives import HEADLINE_METRICS, Constraint, Objective, total_violation
from sweep.proposals import FixedPoint, Proposal, Proposer
from sweep.ranking import pareto_front, ranks
from sweep.rungs import Decision, RungEntry, Rungs
from sweep.samplers import build_sampler, quiet, shuffled
from sweep.settings import SearchName
from sweep.study_file import mend, open_storage
from sweep.trial_records import END, PROPOSAL, State, TrialRecord, read_trial, report_entry
from trainable.config import Config
from trainable.errors import ConfigError, SweepError

logger = logging.getLogger(__name__)

ATTEMPTS = 100
"""Draws in a row that may repeat earlier trials before the space counts as exhausted."""
ALGORITHM_ATTEMPTS = 20
"""Draws in a row of which the search algorithm is asked; after them points are drawn at random."""

_POINT = "point"
_REFUSED = "refused"


class SweepStudy:
    """The trials of a sweep's search, or of its confirmation, in the sweep's study file.

    All that matters is in the file before a method returns, so that nothing is lost when the process is killed, and
    asking, reporting or ending a second time changes nothing. Opening only reads, and may be done while another process
    writes; the first method that changes the study takes it over, which only one process may do at a time.

    Optuna is told COMPLETE with the result at the full budget, PRUNED for trials stopped at a rung, and FAIL for trials
    that failed or were stopped by hand, so that no search algorithm takes an early result for a final one.

    Args:
        file: The study file.
        name: The study in it. A `search` proposes the known points, then what its algorithm chooses; a `confirm` only
            what `enqueue` was given.
        space: What the trials vary.
        base: The configuration that all trials start from.
        objectives: What is maximised.
        constraints: Bounds on the results at full budget.
        search: The search algorithm.
        rungs: Rising optimizer steps at which trials may be stopped; empty: none is.
        reduction_factor: One in so many trials goes on from a rung.
        seed: Seed of the search, and of the trials where `base` names none.

    Raises:
        SweepError: If the file is damaged.
    """

    def __init__(
        self,
        file: Path,
        *,
        name: Literal["search", "confirm"],
        space: Space,
        base: Config,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        search: SearchName = "tpe",
        rungs: tuple[int, ...] = (),
        reduction_factor: int = 3,
        seed: int = 0,
    ) -> None:
        self._file = file
        self._name = name
        self._space = space
        self._proposer = Proposer(space, base, seed)
        self._objectives = tuple(objectives)
        self._constraints = tuple(constraints)
        self._search: SearchName = search
        self._rungs = Rungs(rungs, reduction_factor)
        self._seed = seed
        judged = [goal.metric for goal in self._objectives] + [bound.metric for bound in self._constraints]
        self._judged_metrics = tuple(dict.fromkeys(judged))
        self._kept_metrics = tuple(dict.fromkeys((*judged, *HEADLINE_METRICS)))
        self._study: optuna.Study | None = None
        self._storage: JournalStorage | None = None
        self._taken_over = False
        self._issued: set[int] = set()
        self._numbers: list[int] = []
        self._ended: dict[int, TrialRecord] = {}

    def trials(self) -> list[TrialRecord]:
        """All trials, by index."""
        return [record for record in map(self._read, self._optuna_trials()) if record is not None]

    def ranked(self) -> list[TrialRecord]:
        """All trials, the best first: complete ones by rank, then the others by the last rung that they reached."""

        def place(record: TrialRecord) -> int:
            return -1 if record.last_rung is None else record.last_rung

        groups: dict[tuple[bool, int], list[TrialRecord]] = {}
        for record in self.trials():
            complete = record.state == "COMPLETE"
            groups.setdefault((complete, 0 if complete else place(record)), []).append(record)
        return [
            record
            for (complete, rung), group in sorted(groups.items(), key=lambda item: item[0], reverse=True)
            for record in self._by_rank(group, None if complete else rung)
        ]

    def pareto(self) -> list[TrialRecord]:
        """Complete trials that keep the constraints and that no other such trial dominates, by rank."""
        complete = [record for record in self.ranked() if record.state == "COMPLETE"]
        entries = [self._entry(record.last) for record in complete]
        front = pareto_front([entry.values for entry in entries], [entry.violation for entry in entries])
        return [complete[index] for index in front]

    def take_over(self) -> None:
        """Make the file whole and bring to an end what a killed process had decided; further calls change nothing.

        Raises:
            SweepError: If the file is damaged.
        """
        if self._taken_over:
            return
        mend(self._file)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._storage = self._storage or open_storage(self._file)
        with quiet():
            self._study = optuna.create_study(
                study_name=self._name,
                storage=self._storage,
                directions=["maximize"] * len(self._objectives),
                load_if_exists=True,
            )
        self._taken_over = True
        for trial in self._optuna_trials():
            record = read_trial(trial)
            if record is not None:
                self._numbers.append(trial.number)
            if trial.state == TrialState.RUNNING:
                self._settle(trial, record)

    def ask(self) -> Proposal | None:
        """The next trial: one of an earlier process that did not end, a known point, or what the algorithm chooses.

        A point whose effective configuration and seed equal those of an earlier trial is refused, and another one is
        drawn.

        Returns:
            The trial; none where nothing new is left to try.

        Raises:
            SweepError: If the file is damaged, or a parameter does not reach the configuration.
        """
        self.take_over()
        records = self.trials()
        for record in records:
            if record.state == "RUNNING" and record.index not in self._issued:
                self._issued.add(record.index)
                return self._proposer.again(record)
        known = {(record.config_hash, record.seed): record.index for record in records}
        refused = 0
        while refused < ATTEMPTS:
            drawn = self._draw(refused)
            if drawn is None:
                return None
            trial, point = drawn
            proposal = self._propose(trial, point, known)
            if proposal is not None:
                return proposal
            refused += point is None
        logger.warning("%d draws in a row repeated earlier trials: the search space is exhausted", ATTEMPTS)
        return None

    def enqueue(self, points: Sequence[Mapping[str, Json]], *, seeds: Sequence[int]) -> None:
        """Have every point tried with every seed, seed by seed; what was enqueued before is not enqueued again.

        Args:
            points: Dotted configuration key to value, such as the parameters of a trial or a known point.
            seeds: The trials' random seeds.

        Raises:
            SpaceError: If a point does not lie in the search space.
        """
        self.take_over()
        enqueued = [point for trial in self._optuna_trials() if (point := _fixed_point(trial)) is not None]
        for seed in seeds:
            for parameters in points:
                point = FixedPoint(dict(parameters), self._name_of(parameters), seed)
                if point not in enqueued:
                    self._enqueue(point)
                    enqueued.append(point)

    def report(self, index: int, step: int, metrics: Mapping[str, float]) -> Decision:
        """Take in the metrics of a validation, and decide whether the trial goes on.

        Args:
            index: The trial.
            step: Optimizer steps so far. A step that was reported before gets the answer that it got then.
            metrics: At least objectives, constraints and headlines; NaN where undefined, which ranks last.
        """
        self.take_over()
        trial = self._live(index)
        record = self._record(trial)
        if record.state != "RUNNING":
            return "CONTINUE" if record.state == "COMPLETE" else "STOP"
        if record.stopped_at_a_rung:
            return "STOP"
        if step in record.reports:
            return "CONTINUE"
        kept = {name: metrics[name] for name in self._kept_metrics}
        rung = self._rungs.reached(step, record.last_rung)
        decision: Decision = "CONTINUE"
        if rung is not None:
            decision = self._rungs.decide(list(self._entries(rung)), self._entry(kept))
        self._handle(trial).set_user_attr(*report_entry(step, kept, rung, decision))
        self._tell_intermediate(trial, step, kept)
        return decision

    def complete(self, index: int, step: int, metrics: Mapping[str, float]) -> None:
        """End a trial at its full budget; it fails where it ended before, or an objective is undefined.

        Args:
            index: The trial.
            step: Optimizer steps that it trained.
            metrics: The result; where this step was reported before, what was reported then counts.
        """
        self.report(index, step, metrics)
        record = self._record(self._live(index))
        if record.state == "RUNNING":
            self._end(index, *self._outcome(record))

    def prune(self, index: int, reason: str = "") -> None:
        """End a trial that was stopped at a rung."""
        self.take_over()
        self._end(index, "PRUNED", reason or _stop_reason(self._record(self._live(index))))

    def fail(self, index: int, reason: str) -> None:
        """End a trial that cannot go on."""
        self._end(index, "FAILED", reason)

    def halt(self, index: int, reason: str) -> None:
        """End a trial that was stopped by hand."""
        self._end(index, "STOPPED", reason)

    # What follows changes the study, or helps to.

    def _draw(self, refused: int) -> tuple[optuna.Trial, FixedPoint | None] | None:
        """An Optuna trial for the next point, and the point where it is a fixed one; none where none is left."""
        study, draws = self._own_study(), self._optuna_trials()
        waiting = next((trial for trial in draws if trial.state == TrialState.WAITING), None)
        point = _fixed_point(waiting) if waiting is not None else self._next_fixed(draws)
        if point is None and (self._search == "grid" or self._name == "confirm"):
            return None
        if point is not None and waiting is None:
            self._enqueue(point)
        algorithm = self._search if point is None and refused < ALGORITHM_ATTEMPTS else "random"
        study.sampler = build_sampler(algorithm, self._seed, len(draws))
        return study.ask(), point

    def _next_fixed(self, draws: Sequence[FrozenTrial]) -> FixedPoint | None:
        """The first known point, then the first point of the grid, that was not tried yet."""
        if self._name == "confirm":
            return None
        tried = [point for trial in draws if (point := _fixed_point(trial)) is not None]
        names = {point.known_point for point in tried}
        for name, parameters in self._space.known_points.items():
            if name not in names:
                return FixedPoint(dict(parameters), known_point=name)
        if self._search == "grid":
            place = sum(point.place is not None for point in tried)
            grid = shuffled(list(self._space.grid()), self._seed)
            if place < len(grid):
                return FixedPoint(grid[place], place=place)
        return None

    def _propose(
        self, trial: optuna.Trial, point: FixedPoint | None, known: Mapping[tuple[str, int], int]
    ) -> Proposal | None:
        """Make an Optuna trial a trial of the sweep; none where it is refused."""
        try:
            if point is None:
                parameters, known_point, seed = self._space.suggest(trial), None, None
            else:
                parameters, known_point, seed = point.parameters, point.known_point, point.seed
                self._space.suggest(trial, self._space.extras(parameters))
            proposal = self._proposer.propose(len(self._numbers), parameters, known_point=known_point, seed=seed)
        except ConfigError as error:
            logger.warning("a point is left out, as the configuration refuses it: %s", error)
            self._refuse(trial, str(error))
            return None
        except SweepError as error:
            self._refuse(trial, str(error))
            raise
        twin = known.get((proposal.config_hash, proposal.seed))
        if twin is not None:
            self._refuse(trial, f"duplicate of trial {twin}")
            return None
        trial.set_user_attr(PROPOSAL, proposal.to_entry())
        self._numbers.append(trial.number)
        self._issued.add(proposal.index)
        return proposal

    def _refuse(self, trial: optuna.Trial, reason: str) -> None:
        trial.set_user_attr(_REFUSED, reason)
        self._own_study().tell(trial, state=TrialState.FAIL)

    def _enqueue(self, point: FixedPoint) -> None:
        parameters = self._space.optuna_parameters(point.parameters)
        self._own_study().enqueue_trial(parameters, user_attrs={_POINT: point.to_entry()})

    def _settle(self, trial: FrozenTrial, record: TrialRecord | None) -> None:
        """Bring to an end what a killed process had begun."""
        if record is None:
            handle, point = self._handle(trial), _fixed_point(trial)
            if point is not None:
                self._enqueue(point)
            self._refuse(handle, "the process died while it proposed this trial")
        elif record.state != "RUNNING":
            self._tell(trial, record)
        elif record.stopped_at_a_rung:
            self._end(record.index, "PRUNED", _stop_reason(record))
        elif record.last_step >= record.max_steps:
            self._end(record.index, *self._outcome(record))

    def _end(self, index: int, state: State, reason: str) -> None:
        """Record how a trial ended, then tell Optuna; a trial that ended before stays as it is."""
        self.take_over()
        trial = self._live(index)
        if self._record(trial).state == "RUNNING":
            self._handle(trial).set_user_attr(END, {"state": state, "reason": reason})
            trial = self._live(index)
            self._tell(trial, self._record(trial))

    def _tell(self, trial: FrozenTrial, record: TrialRecord) -> None:
        handle, study = self._handle(trial), self._own_study()
        for step, metrics in record.reports.items():
            self._tell_intermediate(trial, step, metrics)
        if record.state == "COMPLETE":
            for constraint in self._constraints:
                if str(constraint) not in handle.constraints:
                    handle.set_constraint(str(constraint), constraint.violation(record.last))
            study.tell(trial.number, list(self._entry(record.last).values))
        else:
            study.tell(trial.number, state=TrialState.PRUNED if record.state == "PRUNED" else TrialState.FAIL)

    def _tell_intermediate(self, trial: FrozenTrial, step: int, metrics: Mapping[str, float]) -> None:
        """With one objective, TPE learns from stopped trials by these; Optuna takes none for several."""
        if len(self._objectives) == 1 and step not in trial.intermediate_values:
            self._handle(trial).report(metrics[self._objectives[0].metric], step)

    def _outcome(self, record: TrialRecord) -> tuple[State, str]:
        """How a trial ended that was not stopped."""
        if record.stopped_at_a_rung:
            return "PRUNED", _stop_reason(record)
        if record.last_step < record.max_steps:
            return "FAILED", f"the training ended after {record.last_step} of {record.max_steps} steps"
        undefined = [metric for metric in self._judged_metrics if math.isnan(record.last[metric])]
        if undefined:
            return "FAILED", (
                f"{', '.join(undefined)} is undefined (NaN): the validation split has no label to measure it on, such as "
                "no object of that size; choose another objective or constraint, or a larger validation split"
            )
        return "COMPLETE", ""

    # What follows only reads.

    def _optuna_trials(self) -> list[FrozenTrial]:
        if self._study is None:
            if not self._file.exists():
                return []
            self._storage = self._storage or open_storage(self._file)
            if self._name not in (study.study_name for study in self._storage.get_all_studies()):
                return []
            with quiet():
                self._study = optuna.load_study(study_name=self._name, storage=self._storage)
        return self._study.get_trials(deepcopy=False)

    def _own_study(self) -> optuna.Study:
        assert self._study is not None
        return self._study

    def _handle(self, trial: FrozenTrial) -> optuna.Trial:
        return optuna.Trial(self._own_study(), trial._trial_id)

    def _live(self, index: int) -> FrozenTrial:
        if not 0 <= index < len(self._numbers):
            raise SweepError(f"there is no trial {index} in {self._file}, which holds {len(self._numbers)}")
        return self._optuna_trials()[self._numbers[index]]

    def _read(self, trial: FrozenTrial) -> TrialRecord | None:
        """The record of a trial; that of an ended one is read once."""
        if trial.number in self._ended:
            return self._ended[trial.number]
        record = read_trial(trial)
        if record is not None and trial.state.is_finished():
            self._ended[trial.number] = record
        return record

    def _record(self, trial: FrozenTrial) -> TrialRecord:
        record = self._read(trial)
        assert record is not None
        return record

    def _entry(self, metrics: Mapping[str, float]) -> RungEntry:
        if not metrics:
            return RungEntry((math.nan,) * len(self._objectives), math.inf)
        values = tuple(metrics[objective.metric] for objective in self._objectives)
        return RungEntry(values, total_violation(self._constraints, metrics))

    def _entries(self, rung: int) -> Iterator[RungEntry]:
        """The results of all trials that were compared at a rung."""
        for record in self.trials():
            if rung in record.rung_decisions:
                yield self._entry(record.reports[min(step for step in record.reports if step >= rung)])

    def _by_rank(self, records: Sequence[TrialRecord], rung: int | None) -> list[TrialRecord]:
        """Trials by their results at a rung, or by their last ones."""

        def result(record: TrialRecord) -> Mapping[str, float]:
            at_rung = [step for step in record.reports if rung is not None and step >= max(rung, 0)]
            return record.reports[min(at_rung)] if at_rung else record.last

        entries = [self._entry(result(record)) for record in records]
        order = ranks([entry.values for entry in entries], [entry.violation for entry in entries])
        return [records[number] for _, number in sorted(zip(order, range(len(records)), strict=True))]

    def _name_of(self, parameters: Mapping[str, Json]) -> str | None:
        return next((name for name, point in self._space.known_points.items() if point == parameters), None)


def _fixed_point(trial: FrozenTrial) -> FixedPoint | None:
    entry = trial.user_attrs.get(_POINT)
    return None if entry is None else FixedPoint(**entry)


def _stop_reason(record: TrialRecord) -> str:
    return f"stopped at the rung of {record.last_rung} steps" if record.rung_decisions else "stopped early"
