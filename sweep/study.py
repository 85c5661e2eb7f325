"""The study of a sweep: which trials there are, what they reported, and which one comes next."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from search_spaces.objectives import Constraint, Objective
from search_spaces.space import Json, Space
from sweep.goals import Goals
from sweep.proposals import FixedPoint, Proposal, Proposer
from sweep.rung_learning import RungLearning
from sweep.rungs import Decision, Rungs
from sweep.samplers import build_sampler, shuffled
from sweep.settings import LEARN_FROM_RUNGS, SearchName
from sweep.trial_ranking import pareto_trials, ranked_trials
from sweep.trial_records import State, TrialRecord
from sweep.trial_store import TrialStore, fixed_point
from trainable.config import Config
from trainable.errors import ConfigError, EvsweepError, SweepError

logger = logging.getLogger(__name__)

ATTEMPTS = 100
"""Draws in a row that may repeat earlier trials before the space counts as exhausted."""
ALGORITHM_ATTEMPTS = 20
"""Draws in a row of which the search algorithm is asked; after them points are drawn at random."""


class SweepStudy:
    """The trials of a sweep's search, or of its confirmation, in the sweep's study file.

    All that matters is in the file before a method returns, so that nothing is lost when the process is killed, and
    reporting or ending a second time changes nothing. Opening only reads, and may be done while another process writes;
    the first method that changes the study takes it over, which only one process may do at a time.

    Optuna is told COMPLETE with the result at the full budget, PRUNED for trials stopped at a rung, and FAIL for trials
    that failed or were stopped by hand, so that no search algorithm takes an early result for a final one.

    Args:
        file: The study file.
        name: The study in it. A `search` proposes the known points, then what its algorithm chooses; a `confirm` only
            what `enqueue` was given.
        space: What the trials vary.
        base: The configuration that all trials start from.
        objectives: What is maximised, the most important first.
        constraints: Bounds on the results at full budget.
        search: The search algorithm.
        rungs: Rising optimizer steps at which trials may be stopped; empty: none is.
        reduction_factor: One in so many trials goes on from a rung.
        seed: Seed of the search, and of the trials where `base` names none.
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
        reduction_factor: int = 4,
        seed: int = 0,
    ) -> None:
        self._space = space
        self._searches = name == "search"
        self._search: SearchName = search
        self._seed = seed
        self._goals = Goals(tuple(objectives), tuple(constraints))
        self._rungs = Rungs(rungs, reduction_factor)
        self._proposer = Proposer(space, base, seed)
        self._store = TrialStore(file, name, self._goals)
        self._unfinished: list[Proposal] | None = None

    def trials(self) -> list[TrialRecord]:
        """All trials, by index.

        Raises:
            SweepError: If the file is damaged.
        """
        return self._store.records()

    def ranked(self) -> list[TrialRecord]:
        """All trials, the best first: complete ones by rank, then the others by the last rung that they reached."""
        return ranked_trials(self.trials(), self._goals)

    def pareto(self) -> list[TrialRecord]:
        """Complete trials that keep the constraints and that no other such trial dominates, the best first."""
        return pareto_trials(self.trials(), self._goals)

    def take_over(self) -> None:
        """Make the file whole and bring to an end what a killed process had decided; further calls change nothing.

        An unfinished trial that cannot be proposed again, as a newer version refuses its point, fails with the reason.

        Raises:
            SweepError: If the file is damaged.
        """
        if self._unfinished is not None:
            return
        self._unfinished = []
        for record in self._store.take_over():
            if record.stopped_at_a_rung or record.last_step >= record.max_steps:
                self._store.end(record.index, *self._outcome(record))
                continue
            try:
                self._unfinished.append(self._proposer.again(record))
            except EvsweepError as error:
                logger.warning("trial %d cannot go on: %s", record.index, error)
                self._store.end(record.index, "FAILED", f"its configuration is no longer possible: {error}")

    def try_failed_again(self) -> list[int]:
        """Make trials that failed before their full budget unfinished ones, which the next process that asks is given.

        They keep their index, parameters, reports and run folder, and so go on from their last checkpoint. In Optuna's
        study each becomes a further trial, as the failed one cannot be changed.

        Returns:
            Their indices.

        Raises:
            SweepError: If the file is damaged.
        """
        self.take_over()
        failed = [trial for trial in self.trials() if trial.state == "FAILED" and trial.last_step < trial.max_steps]
        for trial in failed:
            self._store.try_again(trial.index)
        return [trial.index for trial in failed]

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
        while self._unfinished:
            again = self._unfinished.pop(0)
            if self._store.record(again.index).state == "RUNNING":
                return again
        index_by_identity = {(record.config_hash, record.seed): record.index for record in self.trials()}
        refused = 0
        while refused < ATTEMPTS:
            point = self._next_fixed_point()
            if point is None and (self._search == "grid" or not self._searches):
                return None
            trial = self._draw(learning=point is None and refused < ALGORITHM_ATTEMPTS)
            proposal = self._propose(trial, point, index_by_identity)
            if proposal is not None:
                return proposal
            refused += point is None
        logger.warning("the search space is exhausted: %d draws in a row repeated earlier trials", ATTEMPTS)
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
        names = {name: dict(point) for name, point in self._space.known_points.items()}
        enqueued = [fixed_point(trial) for trial in self._store.draws]
        for seed in seeds:
            for parameters in map(dict, points):
                known_point = next((name for name, point in names.items() if point == parameters), None)
                point = FixedPoint(parameters, known_point, seed)
                if point not in enqueued:
                    self._enqueue(point)
                    enqueued.append(point)

    def report(self, index: int, step: int, metrics: Mapping[str, float]) -> Decision:
        """Take in the metrics of a validation, and decide whether the trial goes on.

        Args:
            index: The trial.
            step: Optimizer steps so far. A step that was reported before gets the answer that it got then.
            metrics: At least objectives, constraints and headlines; NaN where undefined, which ranks last.

        Raises:
            SweepError: If there is no such trial.
        """
        self.take_over()
        record = self._store.record(index)
        if record.stopped_at_a_rung or record.state in ("FAILED", "STOPPED"):
            return "STOP"
        if record.state == "COMPLETE" or step in record.reports:
            return "CONTINUE"
        kept = self._goals.kept(metrics)
        rung = self._rungs.reached(step, record.last_rung) if step < record.max_steps else None
        decision: Decision = "CONTINUE"
        if rung is not None:
            others = [other.at_rung(rung) for other in self.trials() if rung in other.rung_decisions]
            decision = self._rungs.decide(list(map(self._goals.entry, others)), self._goals.entry(kept))
        self._store.report(index, step, kept, rung, decision)
        return decision

    def complete(self, index: int, step: int, metrics: Mapping[str, float]) -> None:
        """End a trial at its full budget. It fails where it ended before, or its result is undefined.

        Args:
            index: The trial.
            step: Optimizer steps that it trained.
            metrics: The result; where this step was reported before, what was reported then counts.

        Raises:
            SweepError: If there is no such trial.
        """
        self.report(index, step, metrics)
        self._end(index, *self._outcome(self._store.record(index)))

    def prune(self, index: int, reason: str = "") -> None:
        """End a trial that was stopped at a rung."""
        self.take_over()
        self._end(index, "PRUNED", reason or _stopped_reason(self._store.record(index)))

    def fail(self, index: int, reason: str) -> None:
        """End a trial that cannot go on."""
        self._end(index, "FAILED", reason)

    def halt(self, index: int, reason: str) -> None:
        """End a trial that was stopped by hand."""
        self._end(index, "STOPPED", reason)

    def _end(self, index: int, state: State, reason: str) -> None:
        self.take_over()
        self._store.end(index, state, reason)

    def _outcome(self, record: TrialRecord) -> tuple[State, str]:
        """How a trial ends that stopped or reached its full budget."""
        if record.stopped_at_a_rung:
            return "PRUNED", _stopped_reason(record)
        if record.last_step < record.max_steps:
            return "FAILED", f"the training ended after {record.last_step} of {record.max_steps} steps"
        if undefined := self._goals.undefined(record.last):
            return "FAILED", (
                f"{', '.join(undefined)} is undefined (NaN): the validation split has no label to measure it on, such "
                "as no object of that size; choose another objective or constraint, or a larger validation split"
            )
        return "COMPLETE", ""

    def _next_fixed_point(self) -> FixedPoint | None:
        """The point that Optuna gives next, where it is not for the search algorithm to choose: enqueued, if new."""
        draws = self._store.draws
        waiting = next((trial for trial in draws if trial.state == TrialState.WAITING), None)
        if waiting is not None:
            return fixed_point(waiting)
        point = self._next_untried(draws) if self._searches else None
        if point is not None:
            self._enqueue(point)
        return point

    def _next_untried(self, draws: Sequence[FrozenTrial]) -> FixedPoint | None:
        """The first known point, then the first point of the grid, that was not asked yet."""
        tried = [point for trial in draws if (point := fixed_point(trial)) is not None]
        for name, parameters in self._space.known_points.items():
            if all(point.known_point != name for point in tried):
                return FixedPoint(dict(parameters), known_point=name)
        if self._search == "grid":
            place = 1 + max((point.place for point in tried if point.place is not None), default=-1)
            if place < len(self._grid):
                return FixedPoint(self._grid[place], place=place)
        return None

    @cached_property
    def _grid(self) -> list[dict[str, Json]]:
        """Every point of the space, in the order in which they are tried."""
        return shuffled(list(self._space.grid()), self._seed)

    def _enqueue(self, point: FixedPoint) -> None:
        self._store.enqueue(point, self._space.optuna_parameters(point.parameters))

    def _draw(self, *, learning: bool) -> optuna.Trial:
        study, draws = self._store.study, self._store.draws
        study.sampler = build_sampler(self._search if learning else "random", self._seed, len(draws))
        if learning and self._rungs.steps and self._search in LEARN_FROM_RUNGS:
            trials = [(trial, record) for trial in draws if (record := self._store.read(trial)) is not None]
            study.sampler = RungLearning(study.sampler, trials, self._goals, self._rungs.steps)
        return study.ask()

    def _propose(
        self, trial: optuna.Trial, point: FixedPoint | None, index_by_identity: Mapping[tuple[str, int], int]
    ) -> Proposal | None:
        """Make an Optuna trial a trial of the sweep; none where it is refused."""
        index = self._store.count
        try:
            if point is None:
                proposal = self._proposer.propose(index, self._space.suggest(trial), known_point=None, seed=None)
            else:
                self._space.suggest(trial, self._space.extras(point.parameters))
                proposal = self._proposer.propose(
                    index, point.parameters, known_point=point.known_point, seed=point.seed
                )
        except ConfigError as error:
            logger.warning("a point is left out, as the configuration refuses it: %s", error)
            self._store.refuse(trial, str(error))
            return None
        except SweepError as error:
            self._store.refuse(trial, str(error))
            raise
        twin = index_by_identity.get((proposal.config_hash, proposal.seed))
        if twin is not None:
            self._store.refuse(trial, f"duplicate of trial {twin}")
            return None
        self._store.propose(trial, proposal)
        return proposal


def _stopped_reason(record: TrialRecord) -> str:
    return "stopped early" if record.last_rung is None else f"stopped at the rung of {record.last_rung} steps"
