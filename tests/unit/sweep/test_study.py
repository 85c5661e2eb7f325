import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import optuna
import pytest
from optuna.trial import TrialState

from search_spaces.objectives import parse_constraint, parse_objectives
from search_spaces.space import Space
from sweep.proposals import Proposal
from sweep.settings import SearchName
from sweep.study import SweepStudy
from trainable.config import Config, compose
from trainable.errors import SweepError

MAX_STEPS = 900
HEAD = "model.head."
LOSS, WEIGHT, TYPE = HEAD + "size_aware_loss", HEAD + "size_aware_weight", HEAD + "weight_type"
SMALL, MEDIUM, RATE = HEAD + "small_threshold", HEAD + "medium_threshold", "training.learning_rate"

SPACE = Space.from_dict(
    {
        "name": "tested",
        "description": "Conditions, a ratio and a grid.",
        "fixed": {"training.weight_decay": 0.01},
        "dimensions": {
            LOSS: {"choices": [True, False]},
            WEIGHT: {"float": [1.5, 5.0], "step": 0.5, "when": {LOSS: True}},
            TYPE: {"choices": ["exponential", "step"], "when": {LOSS: True}},
            SMALL: {"float": [500, 2000], "step": 500, "when": {LOSS: True}},
            MEDIUM: {"ratio_of": SMALL, "float": [2.0, 8.0], "step": 3.0, "when": {LOSS: True, TYPE: "step"}},
            RATE: {"float": [1e-4, 2e-3], "step": 1e-4},
        },
        "known_points": {
            "baseline": {LOSS: False, RATE: 2e-4},
            "by hand": {
                LOSS: True,
                WEIGHT: 2.5,
                TYPE: "exponential",
                SMALL: 1000,
                RATE: 2e-4,
                "training.max_steps": 900,
            },
            "baseline again": {LOSS: False, RATE: 2e-4, WEIGHT: 4.0},
        },
    }
)
TINY = Space.from_dict(
    {
        "name": "tiny",
        "description": "Small.",
        "dimensions": {SMALL: {"choices": [500, 1000]}, RATE: {"choices": [1e-4, 2e-4]}},
    }
)

MakeStudy = Callable[..., SweepStudy]


@pytest.fixture(scope="module")
def base() -> Config:
    overrides = ["dataset=gen4", "+experiment/gen4=size_aware", "dataset.path=/data", f"training.max_steps={MAX_STEPS}"]
    return compose(overrides).merged({"reproduce.seed_everything": 7})


@pytest.fixture(autouse=True)
def _swift_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to wait for the disk: these tests are about what the file holds."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def open_study(file: Path, base: Config, **changed: Any) -> SweepStudy:
    objectives = parse_objectives(changed.pop("objectives", ("AP_S", "AP")))
    constraints = tuple(map(parse_constraint, changed.pop("constraints", ())))
    settings = {"name": "search", "space": SPACE, "base": base, "rungs": (100, 300), "seed": 3, **changed}
    return SweepStudy(file, objectives=objectives, constraints=constraints, **settings)


@pytest.fixture
def make(tmp_path: Path, base: Config) -> MakeStudy:
    """Opens the study in the test's folder, as a process that starts anew does."""

    def make_study(**changed: Any) -> SweepStudy:
        settings = {"file": tmp_path / "study.jsonl", "base": base, **changed}
        return open_study(**settings)

    return make_study


def metrics_of(parameters: Mapping[str, Any], step: int = MAX_STEPS) -> dict[str, float]:
    """A result that can be reckoned: more steps are better, and the two objectives disagree about the weight."""
    trained = 1 - math.exp(-step / 300)
    weight, rate = parameters.get(WEIGHT, 1.0), parameters[RATE]
    metrics = dict.fromkeys(("AP50", "AP75", "AP_M", "AP_L", "AR"), 0.5)
    metrics["AP"] = trained * (1 - abs(weight - 2) / 5 - 100 * abs(rate - 1e-3))
    metrics["AP_S"] = trained * (1 - abs(weight - 4) / 5 - 50 * abs(rate - 1e-3))
    return metrics


def flat(value: float) -> dict[str, float]:
    return dict.fromkeys(("AP", "AP_S", "AP50", "AP75", "AP_M", "AP_L", "AR"), value)


def train(study: SweepStudy, proposal: Proposal) -> None:
    """Report three times and obey."""
    for step in (100, 300, MAX_STEPS):
        metrics = metrics_of(proposal.parameters, step)
        if study.report(proposal.index, step, metrics) == "STOP":
            study.prune(proposal.index)
            return
    study.complete(proposal.index, MAX_STEPS, metrics)


def run(study: SweepStudy, trials: int) -> list[Proposal]:
    """Run trials one after the other until so many have ended, as a driver does that may be killed anywhere."""
    study.take_over()
    proposals = []
    while sum(record.state != "RUNNING" for record in study.trials()) < trials:
        proposal = study.ask()
        if proposal is None:
            break
        proposals.append(proposal)
        train(study, proposal)
    return proposals


def told(study_file: Path, name: str = "search") -> list[optuna.trial.FrozenTrial]:
    """What Optuna knows, refused draws left out."""
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(study_file)))
    trials = optuna.load_study(study_name=name, storage=storage).get_trials()
    return [trial for trial in trials if "proposal" in trial.user_attrs]


def every_combination() -> list[dict[str, Any]]:
    """Every search algorithm with and without a scheduler, with one objective and with two."""
    combinations = []
    for search in get_args(SearchName):
        for objectives, scheduler in ((("AP_S",), "asha"), (("AP_S", "AP"), "asha"), (("AP_S", "AP"), "none")):
            combinations.append({"search": search, "objectives": objectives, "scheduler": scheduler})
    # The Gaussian process takes its time, and learns from complete trials only.
    combinations.append({"search": "gp", "objectives": ("AP_S",), "scheduler": "none"})
    return [one for one in combinations if one["search"] != "gp" or one["scheduler"] == "none"]


@pytest.fixture(
    scope="module",
    params=every_combination(),
    ids=lambda one: f"{one['search']}-{one['scheduler']}-{'-'.join(one['objectives'])}",
)
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Search algorithm, objectives and rungs of a study."""
    combination = dict(request.param)
    return {"rungs": (100, 300) if combination.pop("scheduler") == "asha" else (), **combination}


@pytest.fixture(scope="module")
def trials(settings: dict[str, Any]) -> int:
    """So many that the search algorithm comes to choose."""
    return 7 if settings["search"] == "gp" else 16


@pytest.fixture(scope="module")
def straight(
    settings: dict[str, Any], trials: int, base: Config, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Proposal]]:
    """The file and the trials of a sweep without interruption."""
    file = tmp_path_factory.mktemp("study") / "study.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        return file, run(open_study(file, base, **settings), trials)


class TestEverySearchAlgorithmAndScheduler:
    """What holds for all of them."""

    def test_the_same_seed_gives_the_same_trials_across_a_restart(
        self, make: MakeStudy, settings: dict[str, Any], trials: int, straight: tuple[Path, list[Proposal]]
    ) -> None:
        first_part = 6 if settings["search"] == "gp" else 12
        proposals = run(make(**settings), first_part) + run(make(**settings), trials)
        assert [one.parameters for one in proposals] == [one.parameters for one in straight[1]]

    def test_another_seed_gives_other_trials(
        self, make: MakeStudy, settings: dict[str, Any], straight: tuple[Path, list[Proposal]]
    ) -> None:
        proposals = run(make(**{**settings, "seed": 4}), 5)
        assert [one.parameters for one in proposals[2:]] != [one.parameters for one in straight[1][2:5]]

    def test_known_points_come_first_and_no_two_trials_are_alike(
        self, trials: int, straight: tuple[Path, list[Proposal]]
    ) -> None:
        proposals = straight[1]
        assert [proposal.known_point for proposal in proposals[:3]] == ["baseline", "by hand", None]
        assert [proposal.index for proposal in proposals] == list(range(trials))
        assert len({proposal.config_hash for proposal in proposals}) == trials

    def test_conditions_hold_and_every_parameter_reaches_the_configuration(
        self, straight: tuple[Path, list[Proposal]]
    ) -> None:
        for proposal in straight[1]:
            parameters, head = proposal.parameters, proposal.config.model.head
            assert (WEIGHT in parameters) == parameters[LOSS]
            assert (MEDIUM in parameters) == (parameters[LOSS] and parameters[TYPE] == "step")
            assert head.size_aware_loss == parameters[LOSS]
            assert proposal.config.training.learning_rate == parameters[RATE]
            assert proposal.config.training.weight_decay == 0.01
            if WEIGHT in parameters:
                assert (head.size_aware_weight, head.weight_type) == (parameters[WEIGHT], parameters[TYPE])
            if MEDIUM in parameters:
                assert head.medium_threshold >= 2 * head.small_threshold

    def test_optuna_is_told_complete_only_at_the_full_budget(
        self, base: Config, settings: dict[str, Any], straight: tuple[Path, list[Proposal]]
    ) -> None:
        records = open_study(straight[0], base, **settings).trials()
        for record, trial in zip(records, told(straight[0]), strict=True):
            assert record.state in ("COMPLETE", "PRUNED")
            assert trial.state == TrialState[record.state]
            if record.state == "COMPLETE":
                final = metrics_of(record.parameters)
                assert trial.values == [final[name] for name in settings["objectives"]]
                assert record.last_step == MAX_STEPS
            else:
                assert record.last_step in (100, 300)
                assert record.rung_decisions[record.last_step] == "STOP"
            if len(settings["objectives"]) == 1:
                assert trial.intermediate_values == {step: got["AP_S"] for step, got in record.reports.items()}
        states = Counter(record.state for record in records)
        assert states["COMPLETE"] >= 2
        assert states["PRUNED"] >= 2 if settings["rungs"] else states["PRUNED"] == 0

    def test_the_confirmation_of_a_sweep_lies_in_the_same_file(
        self, base: Config, settings: dict[str, Any], straight: tuple[Path, list[Proposal]]
    ) -> None:
        confirm = open_study(straight[0], base, **{**settings, "name": "confirm", "rungs": ()})
        confirm.enqueue([straight[1][-1].parameters], seeds=[99])
        proposal = confirm.ask()
        assert proposal is not None
        assert (proposal.config_hash, proposal.seed) == (straight[1][-1].config_hash, 99)
        assert confirm.ask() is None


@pytest.mark.parametrize("search", ["tpe", "random", "nsga2"])
def test_trials_at_the_same_time_differ_and_nothing_warns_or_prints(
    make: MakeStudy, search: SearchName, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = make(search=search)
        run(study, 13)
        at_once = [study.ask() for _ in range(6)]
    assert len({proposal.config_hash for proposal in at_once if proposal is not None}) == 6
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("objectives", [("AP_S",), ("AP_S", "AP")], ids="-".join)
def test_constraints_are_told_at_the_full_budget(make: MakeStudy, tmp_path: Path, objectives: tuple[str, ...]) -> None:
    settings = {"objectives": objectives, "constraints": ("AP>=0.75",)}
    run(make(rungs=(), **settings), 11)
    run(make(**settings), 14)  # now the search algorithm knows them
    violations = []
    for trial in told(tmp_path / "study.jsonl"):
        if trial.state == TrialState.COMPLETE:
            final = metrics_of(trial.user_attrs["proposal"]["parameters"])
            assert trial.constraints == {"AP>=0.75": 0.75 - final["AP"]}
            violations.append(0.75 - final["AP"])
        else:
            assert trial.constraints == {}
    assert min(violations) < 0 < max(violations)


def test_a_grid_is_walked_once_in_an_order_that_depends_on_the_seed(make: MakeStudy, tmp_path: Path) -> None:
    orders = []
    for seed in (1, 2, 3):
        study = make(file=tmp_path / f"{seed}.jsonl", space=TINY, search="grid", seed=seed)
        orders.append([(one.parameters[SMALL], one.parameters[RATE]) for one in run(study, 100)])
    assert all(sorted(order) == [(500, 1e-4), (500, 2e-4), (1000, 1e-4), (1000, 2e-4)] for order in orders)
    assert len({tuple(order) for order in orders}) > 1


@pytest.mark.parametrize("search", ["tpe", "random"])
def test_a_space_that_is_exhausted_gives_no_more_trials(
    make: MakeStudy, search: SearchName, caplog: pytest.LogCaptureFixture
) -> None:
    study = make(space=TINY, search=search)
    assert len(run(study, 100)) == 4
    assert "the search space is exhausted" in caplog.text
    assert len(study.trials()) == 4


def test_a_known_point_that_equals_an_earlier_one_is_refused_with_its_index(make: MakeStudy, tmp_path: Path) -> None:
    run(make(search="random"), 4)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.jsonl")))
    refused = [
        trial
        for trial in optuna.load_study(study_name="search", storage=storage).get_trials()
        if "refused" in trial.user_attrs
    ]
    assert refused[0].state == TrialState.FAIL
    assert refused[0].user_attrs["point"]["known_point"] == "baseline again"
    assert refused[0].user_attrs["refused"] == "duplicate of trial 0"


def test_a_trial_says_its_parameters_in_its_name(make: MakeStudy) -> None:
    first, second = run(make(), 2)
    assert first.name == "0000 baseline size_aware_loss=false learning_rate=0.0002"
    assert second.name.startswith("0001 by hand size_aware_loss=true size_aware_weight=2.5 weight_type=exponential")
    assert second.parameters == dict(SPACE.known_points["by hand"])


def test_trials_share_the_seed_of_the_base(make: MakeStudy) -> None:
    assert {proposal.seed for proposal in run(make(seed=11), 3)} == {7}


def test_trials_take_the_sweeps_seed_where_the_base_has_none(make: MakeStudy, base: Config) -> None:
    proposal = make(base=base.merged({"reproduce.seed_everything": None}), seed=11).ask()
    assert proposal is not None
    assert proposal.seed == proposal.config.reproduce.seed_everything == 11


def test_reading_a_study_that_does_not_exist_makes_no_file(make: MakeStudy, tmp_path: Path) -> None:
    study = make()
    assert study.trials() == study.ranked() == study.pareto() == []
    assert not (tmp_path / "study.jsonl").exists()


def test_a_study_is_read_while_another_process_writes_it(make: MakeStudy, tmp_path: Path) -> None:
    writer, reader = make(), make()
    first = writer.ask()
    before = (tmp_path / "study.jsonl").read_bytes()
    assert [record.state for record in reader.trials()] == ["RUNNING"]
    assert (tmp_path / "study.jsonl").read_bytes() == before
    writer.report(first.index, 100, metrics_of(first.parameters, 100))
    assert list(reader.trials()[0].reports) == [100]


def test_a_second_report_of_a_step_gets_the_recorded_answer_and_changes_nothing(
    make: MakeStudy, tmp_path: Path
) -> None:
    study = make(objectives=("AP",))
    good, bad = study.ask(), study.ask()
    assert study.report(good.index, 100, flat(0.5)) == "CONTINUE"
    assert study.report(bad.index, 100, flat(0.4)) == "STOP"
    before = (tmp_path / "study.jsonl").read_bytes()
    for opened in (study, make(objectives=("AP",))):
        assert opened.report(good.index, 100, flat(0.0)) == "CONTINUE"
        assert opened.report(bad.index, 100, flat(0.9)) == "STOP"
        assert opened.trials()[good.index].reports == study.trials()[good.index].reports
    assert before in (tmp_path / "study.jsonl").read_bytes()
    assert study.trials()[good.index].reports == {100: flat(0.5)}


def test_a_trial_that_was_stopped_stays_stopped_at_any_step(make: MakeStudy) -> None:
    study = make(objectives=("AP",))
    good, bad = study.ask(), study.ask()
    study.report(good.index, 100, flat(0.5))
    study.report(bad.index, 100, flat(0.4))
    assert study.report(bad.index, 200, flat(0.9)) == "STOP"
    assert list(study.trials()[bad.index].reports) == [100]


def test_a_trial_that_comes_back_is_not_compared_again_at_a_rung(make: MakeStudy) -> None:
    study = make(objectives=("AP",), rungs=(100,))
    first = study.ask()
    study.report(first.index, 100, flat(0.1))
    for _ in range(5):
        study.report(study.ask().index, 100, flat(0.9))
    assert study.report(first.index, 200, flat(0.1)) == "CONTINUE"
    assert study.trials()[first.index].rung_decisions == {100: "CONTINUE"}


def test_reports_are_kept_exactly_with_undefined_ones(make: MakeStudy) -> None:
    study = make(rungs=())
    trial = study.ask()
    metrics = {**flat(1 / 3), "AP_S": math.nan, "count/truths": 5.0}
    study.report(trial.index, 100, metrics)
    kept = make().trials()[0].reports[100]
    assert kept["AP"] == 1 / 3
    assert math.isnan(kept["AP_S"])
    assert "count/truths" not in kept


def test_the_best_so_far_passes_over_undefined_values(make: MakeStudy) -> None:
    study = make(rungs=())
    trial = study.ask()
    for step, value in ((100, math.nan), (200, 0.3), (300, 0.2)):
        study.report(trial.index, step, {**flat(0.1), "AP_S": value})
    assert study.trials()[0].best["AP_S"] == 0.3


def test_an_undefined_objective_ranks_last_at_a_rung(make: MakeStudy) -> None:
    study = make()
    decisions = [study.report(study.ask().index, 100, metrics) for metrics in (flat(0.01), flat(0.02))]
    decisions.append(study.report(study.ask().index, 100, {**flat(0.9), "AP_S": math.nan}))
    assert decisions == ["CONTINUE", "CONTINUE", "STOP"]


@pytest.mark.parametrize("undefined", ["AP_S", "AR"])
def test_an_undefined_result_fails_the_trial_and_says_why(make: MakeStudy, tmp_path: Path, undefined: str) -> None:
    study = make(constraints=("AR>=0.1",))
    trial = study.ask()
    study.complete(trial.index, MAX_STEPS, {**flat(0.5), undefined: math.nan})
    record = study.trials()[0]
    assert record.state == "FAILED"
    assert record.reason.startswith(f"{undefined} is undefined (NaN): the validation split has no label")
    assert told(tmp_path / "study.jsonl")[0].state == TrialState.FAIL


def test_a_trial_that_ends_before_its_budget_fails(make: MakeStudy) -> None:
    study = make()
    study.complete(study.ask().index, 800, flat(0.5))
    assert study.trials()[0].reason == "the training ended after 800 of 900 steps"


def test_how_a_trial_ended_first_stays(make: MakeStudy, tmp_path: Path) -> None:
    study = make()
    failed, halted, complete = study.ask(), study.ask(), study.ask()
    study.fail(failed.index, "the loss became NaN")
    study.halt(halted.index, "stopped by hand")
    study.complete(complete.index, MAX_STEPS, flat(0.5))
    for trial in (failed, halted, complete):
        study.complete(trial.index, MAX_STEPS, flat(0.9))
        study.prune(trial.index)
        study.fail(trial.index, "again")
    records = make().trials()
    assert [(one.state, one.reason) for one in records] == [
        ("FAILED", "the loss became NaN"),
        ("STOPPED", "stopped by hand"),
        ("COMPLETE", ""),
    ]
    assert records[2].last["AP"] == 0.5
    assert all(one.started <= one.ended for one in records)
    assert [one.state for one in told(tmp_path / "study.jsonl")] == [
        TrialState.FAIL,
        TrialState.FAIL,
        TrialState.COMPLETE,
    ]
    assert study.report(failed.index, 100, flat(0.1)) == study.report(halted.index, 100, flat(0.1)) == "STOP"
    assert study.report(complete.index, 100, flat(0.1)) == "CONTINUE"


def test_a_trial_that_failed_is_not_tried_again(make: MakeStudy) -> None:
    study = make(space=TINY, search="grid")
    for _ in range(4):
        study.fail(study.ask().index, "no luck")
    assert make(space=TINY, search="grid").ask() is None


def test_unfinished_trials_are_issued_again_once_with_the_same_identity(make: MakeStudy) -> None:
    first = make()
    proposals = [first.ask() for _ in range(4)]
    first.complete(proposals[1].index, MAX_STEPS, flat(0.5))
    second = make()
    again = [second.ask() for _ in range(4)]
    assert [one.index for one in again] == [0, 2, 3, 4]
    assert [one.reissued for one in again] == [True, True, True, False]
    for before, after in zip([proposals[0], *proposals[2:]], again, strict=False):
        assert (after.parameters, after.config, after.config_hash, after.seed, after.name, after.known_point) == (
            before.parameters,
            before.config,
            before.config_hash,
            before.seed,
            before.name,
            before.known_point,
        )


def test_a_stop_that_was_decided_before_the_process_died_is_told_when_the_study_is_opened(
    make: MakeStudy, tmp_path: Path
) -> None:
    study = make(objectives=("AP",))
    good, bad = study.ask(), study.ask()
    study.report(good.index, 100, flat(0.5))
    study.report(bad.index, 100, flat(0.4))
    again = make(objectives=("AP",))
    again.take_over()
    record = again.trials()[bad.index]
    assert (record.state, record.reason) == ("PRUNED", "stopped at the rung of 100 steps")
    assert told(tmp_path / "study.jsonl")[bad.index].state == TrialState.PRUNED
    assert again.ask().index == good.index


def test_a_result_at_full_budget_is_told_when_the_study_is_opened(make: MakeStudy, tmp_path: Path) -> None:
    study = make()
    whole, undefined = study.ask(), study.ask()
    study.report(whole.index, MAX_STEPS, flat(0.5))
    study.report(undefined.index, 100, flat(0.6))
    study.report(undefined.index, MAX_STEPS, {**flat(0.6), "AP_S": math.nan})
    again = make()
    again.take_over()
    assert [record.state for record in again.trials()] == ["COMPLETE", "FAILED"]
    assert told(tmp_path / "study.jsonl")[0].values == [0.5, 0.5]


@pytest.mark.parametrize("objectives", [("AP_S",), ("AP_S", "AP")], ids="-".join)
@pytest.mark.parametrize("torn", [False, True])
def test_a_process_killed_between_any_two_lines_loses_and_repeats_nothing(
    make: MakeStudy, tmp_path: Path, objectives: tuple[str, ...], torn: bool
) -> None:
    """Every prefix of the file is what some kill leaves behind; each must lead to the same trials."""
    settings = {"objectives": objectives, "search": "random", "constraints": ("AP>=0.5",)}
    straight = make(**settings)
    run(straight, 6)
    lines = (tmp_path / "study.jsonl").read_bytes().splitlines(keepends=True)
    expected = [(one.parameters, one.state, one.reports) for one in straight.trials()]
    for kept in range(1, len(lines), 3 if torn else 2):
        file = tmp_path / f"killed_after_{kept}.jsonl"
        file.write_bytes(b"".join(lines[:kept]) + (lines[kept][: len(lines[kept]) // 2] if torn else b""))
        resumed = make(file=file, **settings)
        run(resumed, 6)
        found = [(one.parameters, one.state, one.reports) for one in resumed.trials()]
        # A draw that was interrupted is drawn anew, so points after the kill may differ; those before it may not.
        proposed = sum(b'"proposal"' in line for line in lines[:kept])
        assert found[:proposed] == expected[:proposed]
        assert [one.index for one in resumed.trials()] == list(range(6))
        assert len({one.config_hash for one in resumed.trials()}) == 6
        assert [one.known_point for one in resumed.trials()].count("by hand") == 1
        assert {one.state for one in told(file)} <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_damaged_line_in_the_middle_is_named(make: MakeStudy, tmp_path: Path) -> None:
    make().ask()
    file = tmp_path / "study.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1][:10] + b"\n", *lines[2:]]))
    with pytest.raises(SweepError, match=r"study\.jsonl is damaged .* restore it from a copy"):
        make().trials()


def test_a_report_of_an_unknown_trial_is_refused(make: MakeStudy) -> None:
    with pytest.raises(SweepError, match=r"there is no trial 3 in .*study\.jsonl, which holds 0"):
        make().report(3, 100, flat(0.5))


def test_a_parameter_that_does_not_reach_the_configuration_is_an_error(make: MakeStudy) -> None:
    space = Space.from_dict(
        {"name": "seeds", "description": "Small.", "dimensions": {"reproduce.seed_everything": {"choices": [1, 2]}}}
    )
    study = make(name="confirm", space=space)
    study.enqueue([{"reproduce.seed_everything": 1}], seeds=[5])
    with pytest.raises(SweepError, match=r"`reproduce\.seed_everything`=1 does not reach the configuration"):
        study.ask()
    assert make(name="confirm", space=space).trials() == []


def test_a_point_that_the_configuration_refuses_is_left_out(
    make: MakeStudy, base: Config, caplog: pytest.LogCaptureFixture
) -> None:
    space = Space.from_dict(
        {"name": "micro", "description": "Small.", "dimensions": {"batch_size.train": {"choices": [4, 5, 6]}}}
    )
    study = make(space=space, base=base.merged({"batch_size.train": 4, "batch_size.micro": 2}), search="grid")
    proposals = [study.ask() for _ in range(3)]
    assert sorted(one.parameters["batch_size.train"] for one in proposals[:2]) == [4, 6]
    assert proposals[2] is None
    assert "micro must divide train=5" in caplog.text


def test_trials_are_ranked_complete_ones_first_then_by_their_last_rung(make: MakeStudy) -> None:
    study = make(objectives=("AP",))
    ends = {"two rungs": 300, "one rung": 100, "none": 50, "worse": 900, "better": 900, "one rung, better": 100}
    values = {"two rungs": 0.9, "one rung": 0.3, "none": 0.99, "worse": 0.91, "better": 0.95, "one rung, better": 0.4}
    index_by_name = {}
    for name, end in ends.items():
        index_by_name[name] = study.ask().index
        for step in sorted({step for step in (50, 100, 300, 900) if step <= end}):
            study._store.report(
                index_by_name[name], step, flat(values[name]), step if step in (100, 300) else None, "CONTINUE"
            )
        if end == 900:
            study.complete(index_by_name[name], end, flat(values[name]))
    names = {index: name for name, index in index_by_name.items()}
    assert [names[one.index] for one in study.ranked()] == [
        "better",
        "worse",
        "two rungs",
        "one rung, better",
        "one rung",
        "none",
    ]


def test_the_pareto_set_holds_complete_trials_that_keep_the_constraints(make: MakeStudy) -> None:
    study = make(rungs=(), constraints=("AR>=0.3",))
    results = [
        {"AP_S": 0.5, "AP": 0.1},
        {"AP_S": 0.1, "AP": 0.5},
        {"AP_S": 0.05, "AP": 0.4},
        {"AP_S": 0.9, "AP": 0.9, "AR": 0.2},
    ]
    for result in results:
        study.complete(study.ask().index, MAX_STEPS, {**flat(0.4), **result})
    study.report(study.ask().index, 100, flat(0.99))
    assert [one.index for one in study.pareto()] == [0, 1]
    assert [one.index for one in study.ranked()] == [0, 1, 2, 3, 4]


def test_a_confirmation_tries_each_point_with_each_seed_once(make: MakeStudy) -> None:
    search = make()
    finalist = run(search, 5)[4]
    points = [finalist.parameters, SPACE.known_points["baseline"]]
    for _ in range(2):
        confirm = make(name="confirm", rungs=())
        confirm.enqueue(points, seeds=(21, 22))
    proposals = [confirm.ask() for _ in range(5)]
    assert proposals[4] is None
    assert [(one.parameters, one.seed) for one in proposals[:4]] == [
        (dict(point), seed) for seed in (21, 22) for point in points
    ]
    assert [one.known_point for one in proposals[:4]] == [None, "baseline", None, "baseline"]
    assert proposals[0].config_hash == proposals[2].config_hash == finalist.config_hash
    assert proposals[0].config.reproduce.seed_everything == 21
    assert proposals[1].name == "0001 baseline seed=21 size_aware_loss=false learning_rate=0.0002"
    assert len(search.trials()) == 5
    assert [one.index for one in make(name="confirm").trials()] == [0, 1, 2, 3]


def test_a_confirmation_whose_process_dies_goes_on_with_what_is_left(make: MakeStudy) -> None:
    confirm = make(name="confirm", rungs=())
    confirm.enqueue([SPACE.known_points["baseline"]], seeds=(1, 2, 3))
    confirm.complete(confirm.ask().index, MAX_STEPS, flat(0.5))
    confirm.ask()
    again = make(name="confirm", rungs=())
    left = [again.ask() for _ in range(3)]
    assert [(one.seed, one.reissued) for one in left[:2]] == [(2, True), (3, False)]
    assert left[2] is None


def test_a_constraint_that_no_trial_keeps_yet_does_not_stop_the_better_objective(make: MakeStudy) -> None:
    study = make(constraints=("AP>=0.33",))
    results = [{"AP_S": 0.02, "AP": 0.12}, {"AP_S": 0.12, "AP": 0.10}, {"AP_S": 0.01, "AP": 0.11}]
    decisions = [study.report(study.ask().index, 100, {**flat(0.1), **result}) for result in results]
    assert decisions == ["CONTINUE", "CONTINUE", "STOP"]
    assert [one.index for one in study.ranked()] == [1, 0, 2]


def test_an_unfinished_point_that_the_configuration_refuses_now_fails_and_the_others_go_on(
    make: MakeStudy, base: Config
) -> None:
    space = Space.from_dict(
        {"name": "micro", "description": "Small.", "dimensions": {"batch_size.train": {"choices": [4, 6]}}}
    )
    older = make(space=space, base=base.merged({"batch_size.micro": 2, "batch_size.train": 4}), search="grid")
    sizes = {one.parameters["batch_size.train"]: one.index for one in (older.ask(), older.ask())}
    newer = make(space=space, base=base.merged({"batch_size.micro": 4, "batch_size.train": 4}), search="grid")
    proposal = newer.ask()
    assert proposal is not None
    assert (proposal.index, proposal.reissued) == (sizes[4], True)
    assert newer.ask() is None
    failed = newer.trials()[sizes[6]]
    assert failed.state == "FAILED"
    assert failed.reason.startswith("its configuration is no longer possible: ")
    assert "micro must divide train=6" in failed.reason
