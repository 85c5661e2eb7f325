"""A study in Optuna's file: reads its trials, writes what happens to them, and tells Optuna how they end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from sweep.goals import Goals
from sweep.proposals import FixedPoint, Proposal
from sweep.rungs import Decision
from sweep.samplers import quiet
from sweep.study_file import mend, open_storage
from sweep.trial_records import END, PROPOSAL, State, TrialRecord, read_trial, report_entry
from trainable.errors import SweepError

_POINT = "point"
_REFUSED = "refused"


class TrialStore:
    """The trials of one study. An Optuna trial becomes a trial of the sweep when its proposal is written.

    Every fact is one line of the file, so it is there whole or not at all; Optuna is told afterwards, and `take_over`
    makes up for what a killed process left untold. A trial that is tried again is a further Optuna trial with the same
    index; the last one counts.

    Args:
        file: The study file.
        name: The study in it.
        goals: What results are judged by.
    """

    def __init__(self, file: Path, name: str, goals: Goals) -> None:
        self.file = file
        self._name = name
        self._goals = goals
        self._storage: JournalStorage | None = None
        self._study: optuna.Study | None = None
        self._numbers: dict[int, int] = {}
        self._ended: dict[int, TrialRecord] = {}

    @property
    def study(self) -> optuna.Study:
        """Optuna's study.

        Raises:
            SweepError: Before `take_over`, where the study does not exist yet.
        """
        if self._study is None:
            raise SweepError(f"{self.file} holds no study {self._name} yet; a sweep that runs makes it")
        return self._study

    @property
    def draws(self) -> list[FrozenTrial]:
        """Optuna's trials, those among them that wait or were refused; not to be changed."""
        if self._study is None:
            if not self.file.exists():
                return []
            self._storage = self._storage or open_storage(self.file)
            if self._name not in [study.study_name for study in self._storage.get_all_studies()]:
                return []
            with quiet():
                self._study = optuna.load_study(study_name=self._name, storage=self._storage)
        return self._study.get_trials(deepcopy=False)

    @property
    def count(self) -> int:
        """Number of the sweep's trials, once taken over."""
        return len(self._numbers)

    def records(self) -> list[TrialRecord]:
        """The sweep's trials, by index."""
        return list({record.index: record for record in map(self.read, self.draws) if record is not None}.values())

    def record(self, index: int) -> TrialRecord:
        """One of the sweep's trials.

        Raises:
            SweepError: If there is none of this index.
        """
        record = self.read(self._trial(index))
        if record is None:
            raise SweepError(f"{self.file} is damaged: trial {index} has no proposal; restore it from a copy")
        return record

    def take_over(self) -> list[TrialRecord]:
        """Make the file whole, so that this process writes it from now on, and tell what was left untold.

        Returns:
            Trials that did not end.

        Raises:
            SweepError: If the file is damaged.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        mend(self.file)
        self._storage = self._storage or open_storage(self.file)
        with quiet():
            self._study = optuna.create_study(
                study_name=self._name,
                storage=self._storage,
                directions=["maximize"] * len(self._goals.objectives),
                load_if_exists=True,
            )
        unfinished = []
        for trial in self.draws:
            record = read_trial(trial)
            if record is not None:
                self._numbers[record.index] = trial.number
            if trial.state != TrialState.RUNNING:
                continue
            if record is None:
                self._take_back(trial)
            elif record.state == "RUNNING":
                unfinished.append(record)
            else:
                self._tell(trial, record)
        return unfinished

    def enqueue(self, point: FixedPoint, parameters: dict[str, Any]) -> None:
        """Have a point asked next; a point is asked once, whatever is killed when.

        Args:
            point: The point.
            parameters: Optuna's parameters for it.
        """
        self.study.enqueue_trial(parameters, user_attrs={_POINT: point.to_entry()})

    def propose(self, trial: optuna.Trial, proposal: Proposal) -> None:
        """Make an Optuna trial a trial of the sweep."""
        trial.set_user_attr(PROPOSAL, proposal.to_entry())
        self._numbers[proposal.index] = trial.number

    def refuse(self, trial: optuna.Trial | FrozenTrial, reason: str) -> None:
        """End an Optuna trial that does not become a trial of the sweep."""
        self._handle(trial.number).set_user_attr(_REFUSED, reason)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def report(self, index: int, step: int, metrics: Mapping[str, float], rung: int | None, decision: Decision) -> None:
        """Keep a validation's metrics, and what was decided on them."""
        trial = self._trial(index)
        self._handle(trial.number).set_user_attr(*report_entry(step, metrics, rung, decision))
        self._tell_report(trial, step, metrics)

    def end(self, index: int, state: State, reason: str) -> None:
        """Keep how a trial ended; one that ended before stays as it is."""
        if self.record(index).state == "RUNNING":
            self._handle(self._numbers[index]).set_user_attr(END, {"state": state, "reason": reason})
            self._tell(self._trial(index), self.record(index))

    def try_again(self, index: int) -> None:
        """Make an ended trial one that did not end: as Optuna's stays ended, a copy without the end takes its place."""
        ended = self._trial(index)
        copy = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=ended.params,
            distributions=ended.distributions,
            user_attrs={key: value for key, value in ended.user_attrs.items() if key != END},
            system_attrs=ended.system_attrs,
            intermediate_values=ended.intermediate_values,
        )
        self.study.add_trial(copy)
        self._numbers[index] = self.draws[-1].number

    def _take_back(self, trial: FrozenTrial) -> None:
        """End an Optuna trial whose process died before it was proposed or refused; a point is enqueued anew."""
        point = fixed_point(trial)
        if point is not None and _REFUSED not in trial.user_attrs:
            self.enqueue(point, trial.system_attrs["fixed_params"])
        self.refuse(trial, "the process died while it proposed this trial")

    def _tell(self, trial: FrozenTrial, record: TrialRecord) -> None:
        for step, metrics in record.reports.items():
            self._tell_report(trial, step, metrics)
        match record.state:
            case "COMPLETE":
                handle = self._handle(trial.number)
                for constraint in self._goals.constraints:
                    if str(constraint) not in handle.constraints:
                        handle.set_constraint(str(constraint), constraint.violation(record.last))
                self.study.tell(trial.number, list(self._goals.entry(record.last).values))
            case "PRUNED":
                self.study.tell(trial.number, state=TrialState.PRUNED)
            case _:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _tell_report(self, trial: FrozenTrial, step: int, metrics: Mapping[str, float]) -> None:
        """Keep a value as Optuna does, for whoever opens the study with its tools; it takes none of several."""
        if len(self._goals.objectives) == 1 and step not in trial.intermediate_values:
            self._handle(trial.number).report(metrics[self._goals.objectives[0].metric], step)

    def read(self, trial: FrozenTrial) -> TrialRecord | None:
        """The record of an Optuna trial, none where it is not one of the sweep's; that of an ended one is read once."""
        if trial.number in self._ended:
            return self._ended[trial.number]
        record = read_trial(trial)
        if record is not None and trial.state.is_finished():
            self._ended[trial.number] = record
        return record

    def _trial(self, index: int) -> FrozenTrial:
        if not 0 <= index < self.count:
            raise SweepError(f"there is no trial {index} in {self.file}, which holds {self.count}")
        return self.draws[self._numbers[index]]

    def _handle(self, number: int) -> optuna.Trial:
        """What writes to an Optuna trial, in this process or in one before."""
        study = self.study
        return optuna.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def fixed_point(trial: FrozenTrial) -> FixedPoint | None:
    """The point that was enqueued as this Optuna trial, if it was."""
    entry = trial.user_attrs.get(_POINT)
    return None if entry is None else FixedPoint(**entry)
