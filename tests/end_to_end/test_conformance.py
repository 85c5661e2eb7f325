"""What every search algorithm and scheduler must do, on a training of milliseconds that runs through Ray itself."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search_spaces.objectives import parse_constraint, total_violation
from search_spaces.ranking import ranks
from sweep.assigning import assigner
from sweep.cluster import cluster
from sweep.folder import SweepFolder
from sweep.record import SweepRecord, create_sweep, open_study
from sweep.resources import TrialResources
from sweep.session import Session
from sweep.settings import settings_from
from sweep.trial_records import TrialRecord

BUDGET, INTERVAL = 270, 30
RUNGS = (30, 90)
REDUCTION = 3
FIRST, TRIALS = 6, 12
HELD_FROM = 2
"""From this trial on, the first one that passes its first rung is interrupted."""

SPACE = """
name: small
description: A finite space with conditions.
fixed: {model.head.size_aware_loss: true}
dimensions:
  training.learning_rate: {float: [0.002, 0.018], step: 0.002}
  model.head.weight_type:
    choices: [exponential, linear]
    when: {model.head.size_aware_loss: true}
  model.head.size_aware_weight:
    float: [1.5, 4.5]
    step: 0.5
    when: {model.head.size_aware_loss: true}
  model.head.small_threshold:
    int: [64, 256]
    step: 64
    when: {model.head.size_aware_loss: true}
  model.head.medium_threshold:
    ratio_of: model.head.small_threshold
    float: [2.0, 4.0]
    step: 1.0
    when: {model.head.size_aware_loss: true, model.head.weight_type: linear}
known_points:
  baseline: {model.head.size_aware_loss: false, training.learning_rate: 0.008}
  middle:
    training.learning_rate: 0.006
    model.head.weight_type: exponential
    model.head.size_aware_weight: 3.0
    model.head.small_threshold: 128
"""

Curve = Callable[[dict[str, Any], int], dict[str, float]]


def fake_training() -> tuple[Callable[[dict[str, Any]], None], Curve]:
    """What a trial runs, and the metrics that it reports after a number of steps.

    Both are defined in here, so that Ray sends them by value: a worker cannot import a test.
    """
    budget, interval, held_from, last = BUDGET, INTERVAL, HELD_FROM, FIRST - 1

    def curve(config: dict[str, Any], step: int) -> dict[str, float]:
        import math

        head = config["model"]["head"]
        rate = 1 - abs(math.log10(config["training"]["learning_rate"] / 0.006))
        weight = head["size_aware_weight"] if head["size_aware_loss"] else 1.0
        threshold = head["small_threshold"] / 1000 if head["size_aware_loss"] else 0.0
        overall = (0.5 - 0.05 * weight + 0.1 * threshold) * rate * step / budget
        small = (0.1 + 0.08 * weight - 0.1 * threshold) * rate * step / budget
        flat = {"AP50": 1.5, "AP75": 0.8, "AP_M": 1.0, "AP_L": 1.1, "AR": 1.2}
        return {"AP": overall, "AP_S": small, **{name: factor * overall for name, factor in flat.items()}}

    def train(assignment: dict[str, Any]) -> None:
        import time
        from pathlib import Path

        from ray import tune

        folder = Path(assignment["directory"])
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "starts").open("a") as file:
            file.write(f"{assignment['run_id']} {assignment['config']['training']['learning_rate']}\n")
        hold, held = folder.parent / "hold", folder.parent / "held"
        for step in range(interval, budget + 1, interval):
            if (
                (assignment["index"] >= held_from and step > interval) or assignment["index"] == last
            ) and hold.exists():
                held.touch()
                while hold.exists():
                    time.sleep(0.02)
            bookkeeping = {"training_step": step, "index": assignment["index"], "failure": "", "stopped": ""}
            tune.report({**curve(assignment["config"], step), **bookkeeping})

    return train, curve


@dataclass(frozen=True)
class Outcome:
    """What a sweep that was interrupted, gone on with and extended has become.

    Attributes:
        folder: The sweep.
        before: Its trials when it was interrupted.
        after: Its trials at the end.
        expected: The trials of the same sweep without Ray and without an interruption.
    """

    folder: SweepFolder
    before: list[TrialRecord]
    after: list[TrialRecord]
    expected: list[TrialRecord]

    @property
    def record(self) -> SweepRecord:
        return SweepRecord.read(self.folder)


@pytest.fixture(scope="module", autouse=True)
def ray_instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(None):
            yield


SINGLE = [
    pytest.param((search, scheduler, ("AP",), ()), id=f"{search}-{scheduler}")
    for search in ("tpe", "random", "grid", "nsga2", "gp")
    for scheduler in ("asha", "none")
]
SEVERAL = [
    pytest.param((search, "asha", ("AP_S", "AP"), ("AP>=0.2",)), id=f"{search}-asha-two objectives, a constraint")
    for search in ("tpe", "nsga2")
]


@pytest.fixture(scope="class", params=[*SINGLE, *SEVERAL])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    search, scheduler, objectives, constraints = request.param
    storage = tmp_path_factory.mktemp("conformance")
    train, curve = fake_training()

    def make(name: str) -> SweepFolder:
        (storage / "space.yaml").write_text(SPACE)
        values = {
            "name": name,
            "storage": str(storage),
            "space": str(storage / "space.yaml"),
            "trials": TRIALS,
            "objectives": objectives,
            "constraints": constraints,
            "search": search,
            "scheduler": scheduler,
            "grace_steps": RUNGS[0],
            "reduction_factor": REDUCTION,
            "seed": 4,
            "overrides": [
                "dataset=demo",
                f"dataset.path={storage}",
                "+experiment=demo",
                f"training.max_steps={BUDGET}",
                f"validation.val_check_interval={INTERVAL}",
            ],
        }
        return create_sweep(settings_from(values, "the test's settings"))

    folder = make("through_ray")
    runs = folder.runs_directory("trials")
    runs.mkdir()
    hold, held = runs / "hold", runs / "held"
    hold.touch()

    def interrupted() -> bool:
        is_held = held.exists()
        if is_held:
            hold.unlink(missing_ok=True)
        return is_held

    asked = TrialResources(cpus=1, gpus=0)
    assign = assigner(folder, SweepRecord.read(folder), "trials", asked)
    session = Session(train, assign, asked, slots=lambda: 1, max_failures=0, directory=folder.ray_directory)
    session.run(open_study(folder), FIRST, should_stop=interrupted)
    before = open_study(folder).trials()
    unfinished = sum(trial.state == "RUNNING" for trial in before)
    session.run(open_study(folder), TRIALS - len(before) + unfinished)
    return Outcome(folder, before, open_study(folder).trials(), played(make("without_ray"), curve))


def played(folder: SweepFolder, curve: Curve) -> list[TrialRecord]:
    """The trials of a sweep that are played one after the other, without Ray."""
    study = open_study(folder)
    for _ in range(TRIALS):
        proposal = study.ask()
        assert proposal is not None
        config = proposal.config.to_dict()
        for step in range(INTERVAL, BUDGET + 1, INTERVAL):
            if study.report(proposal.index, step, curve(config, step)) == "STOP":
                study.prune(proposal.index)
                break
        else:
            study.complete(proposal.index, BUDGET, curve(config, BUDGET))
    return study.trials()


class TestEverySearchAndScheduler:
    def test_the_same_seed_gives_the_same_trials_with_the_same_results(self, outcome: Outcome) -> None:
        assert len(outcome.after) == TRIALS
        for trial, expected in zip(outcome.after, outcome.expected, strict=True):
            assert trial.parameters == expected.parameters
            assert trial.config_hash == expected.config_hash
            assert trial.reports == expected.reports
            assert (trial.state, trial.reason) == (expected.state, expected.reason)

    def test_exactly_the_trials_that_the_rule_stops_are_pruned(self, outcome: Outcome) -> None:
        settings = outcome.record.settings
        constraints = tuple(map(parse_constraint, settings.constraints))
        seen: dict[int, list[dict[str, float]]] = {rung: [] for rung in RUNGS}
        for trial in outcome.after:
            stopped_at = None
            for rung in RUNGS if settings.scheduler == "asha" else ():
                seen[rung].append(trial.reports[rung])
                values = [[result[name] for name in settings.objectives] for result in seen[rung]]
                broken = [float(total_violation(constraints, result) > 0) for result in seen[rung]]
                if ranks(values, broken)[-1] >= math.ceil(len(values) / REDUCTION):
                    stopped_at = rung
                    break
            assert trial.state == ("COMPLETE" if stopped_at is None else "PRUNED")
            assert trial.last_step == (stopped_at or BUDGET)
        states = {trial.state for trial in outcome.after}
        assert states == ({"COMPLETE"} if settings.scheduler == "none" else {"COMPLETE", "PRUNED"})

    def test_the_search_algorithm_is_told_the_same(self, outcome: Outcome) -> None:
        storage = JournalStorage(JournalFileBackend(str(outcome.folder.study_file)))
        told = optuna.load_study(study_name="search", storage=storage).trials
        several = len(outcome.record.settings.objectives) > 1
        kept = [trial for trial in told if trial.state.name != "FAIL"]
        for trial, optunas in zip(outcome.after, kept, strict=True):
            assert optunas.state.name == trial.state
            if trial.state == "COMPLETE":
                assert optunas.values == [trial.last[name] for name in outcome.record.settings.objectives]
            elif not several:
                assert max(optunas.intermediate_values) == trial.last_step

    def test_known_points_come_first(self, outcome: Outcome) -> None:
        assert [trial.known_point for trial in outcome.after] == ["baseline", "middle"] + [None] * (TRIALS - 2)

    def test_conditions_hold(self, outcome: Outcome) -> None:
        for trial in outcome.after[1:]:
            parameters = trial.parameters
            linear = parameters["model.head.weight_type"] == "linear"
            assert ("model.head.medium_threshold" in parameters) == linear
            assert {"model.head.size_aware_weight", "model.head.small_threshold"} <= parameters.keys()
        assert "model.head.weight_type" not in outcome.after[0].parameters

    def test_no_trial_is_repeated_after_going_on_and_extending(self, outcome: Outcome) -> None:
        assert len({trial.config_hash for trial in outcome.after}) == TRIALS
        assert [trial.index for trial in outcome.after] == list(range(TRIALS))

    def test_an_unfinished_trial_starts_again_as_it_was(self, outcome: Outcome) -> None:
        unfinished = [trial for trial in outcome.before if trial.state == "RUNNING"]
        assert len(unfinished) == 1
        (trial,) = unfinished
        assert trial.last_step < BUDGET
        again = outcome.after[trial.index]
        assert (again.name, again.parameters, again.config_hash) == (trial.name, trial.parameters, trial.config_hash)
        starts = [_starts(outcome.folder, other.index) for other in outcome.after]
        assert len(starts[trial.index]) == 2
        assert len(set(starts[trial.index])) == 1
        assert all(len(other) == 1 for index, other in enumerate(starts) if index != trial.index)


def _starts(folder: SweepFolder, index: int) -> list[str]:
    return Path(folder.run_directory("trials", index), "starts").read_text().splitlines()
