"""A sweep's trials as Optuna knows them."""

from collections.abc import Callable
from random import Random

import optuna
import pytest
from optuna.trial import TrialState

from reports.runs import Run, Sweep
from reports.search_study import INDEX, LEFT_OUT, complete_trials, renamed, search_study, short_names
from search_spaces import load_space, shipped_spaces

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]

STEP = {
    "model.head.size_aware_loss": True,
    "model.head.weight_type": "step",
    "model.head.size_aware_weight": 2.5,
    "model.head.small_threshold": 300.0,
    "model.head.medium_threshold": 1200.0,
}
EXPONENTIAL = STEP | {"model.head.weight_type": "exponential", "model.head.medium_threshold": 9216.0}
BASELINE = EXPONENTIAL | {"model.head.size_aware_loss": False}
RATIO = "model.head.medium_threshold / small_threshold"


def test_a_trial_has_the_parameters_that_are_active_in_it(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [
        bare_run(index, {"AP_S": {400: 0.1}}, parameters=point)
        for index, point in enumerate((STEP, EXPONENTIAL, BASELINE))
    ]
    study = search_study(bare_sweep(runs, space=load_space("size_aware")))
    step, exponential, baseline = (trial.params for trial in study.trials)
    assert step == {
        "model.head.weight_type": "step",
        "model.head.size_aware_weight": 2.5,
        "model.head.small_threshold": 300,
        RATIO: 4.0,
    }
    assert RATIO not in exponential
    assert len(exponential) == 3
    assert baseline == {}


@pytest.mark.parametrize("name", sorted(shipped_spaces()))
def test_every_point_of_a_shipped_space_finds_its_way_back(name: str, bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    space, random = load_space(name), Random(5)
    points = []
    for _ in range(40):
        values = dict(space.fixed)
        for dimension in space.dimensions:
            if dimension.is_active(values):
                values[dimension.key] = dimension.draw(random, values)
        points.append(values)
    points += [{**space.fixed, **point} for point in space.known_points.values()]
    # A configuration holds thresholds as floats.
    logged = [
        {
            key: float(value) if key.endswith("threshold") and isinstance(value, int) else value
            for key, value in one.items()
        }
        for one in points
    ]
    runs = [bare_run(index, {"AP_S": {400: 0.1}}, parameters=point) for index, point in enumerate(logged)]
    study = search_study(bare_sweep(runs, space=space))
    assert study.user_attrs[LEFT_OUT] == []
    for point, trial in zip(points, study.trials, strict=True):
        assert trial.params == pytest.approx(space.optuna_parameters(point))


def test_states_and_values_tell_early_results_from_final_ones(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    curve = {"AP_S": {100: 0.1, 200: 0.2}, "AP": {100: 0.3, 200: 0.4}}
    states = ("COMPLETE", "PRUNED", "FAILED", "STOPPED", "RUNNING")
    runs = [bare_run(index, curve, state=state) for index, state in enumerate(states)]
    study = search_study(bare_sweep(runs, objectives=("AP_S", "AP")))
    assert [trial.state for trial in study.trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.FAIL,
        TrialState.RUNNING,
    ]
    assert study.trials[0].values == [0.2, 0.4]
    assert study.trials[1].values is None
    assert study.trials[1].intermediate_values == {100: 0.1, 200: 0.2}
    assert [trial.user_attrs[INDEX] for trial in study.trials] == [0, 1, 2, 3, 4]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE"]


def test_a_result_that_is_undefined_at_the_end_is_none(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    run = bare_run(0, {"AP_S": {100: 0.1}, "AP": {100: 0.1, 400: 0.2}})
    assert search_study(bare_sweep([run], objectives=("AP_S", "AP"))).trials[0].state == TrialState.FAIL


def test_at_a_step_every_trial_that_came_there_is_compared_at_equal_training(
    bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    runs = [
        bare_run(0, {"AP_S": {100: 0.1, 400: 0.4}}),
        bare_run(1, {"AP_S": {100: 0.2}}, state="PRUNED"),
        bare_run(2, {"AP_S": {50: 0.3}}, state="FAILED"),
    ]
    study = search_study(bare_sweep(runs), at_step=100)
    assert [trial.values for trial in study.trials] == [[0.1], [0.2]]


def test_constraints_decide_the_pareto_front(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    runs = [
        bare_run(index, {"AP_S": {400: small}, "AP": {400: every}})
        for index, (small, every) in enumerate(((0.5, 0.1), (0.3, 0.4), (0.2, 0.5), (0.1, 0.3)))
    ]
    study = search_study(bare_sweep(runs, objectives=("AP_S", "AP"), tags={"evsweep.constraints": "AP>=0.2, nonsense"}))
    assert [trial.number for trial in study.best_trials] == [1, 2]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({key: value for key, value in STEP.items() if key != "model.head.size_aware_weight"}, "was not recorded"),
        (STEP | {"model.head.size_aware_weight": 99}, "from 1.1 to 6.0"),
        (STEP | {"model.head.small_threshold": "[" * 5000}, "an integer"),
    ],
)
def test_a_trial_outside_the_space_is_left_out_with_the_reason(
    parameters: dict[str, object], said: str, bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    runs = [
        bare_run(0, {"AP_S": {400: 0.1}}, parameters=parameters),
        bare_run(1, {"AP_S": {400: 0.1}}, parameters=STEP),
    ]
    study = search_study(bare_sweep(runs, space=load_space("size_aware")))
    assert len(study.trials) == 1
    (reason,) = study.user_attrs[LEFT_OUT]
    assert said in reason


def test_renaming_keeps_complete_trials_and_shortens_their_parameters(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    space = load_space("size_aware")
    runs = [
        bare_run(0, {"AP_S": {400: 0.1}}, parameters=STEP),
        bare_run(1, {"AP_S": {100: 0.1}}, state="PRUNED", parameters=STEP),
    ]
    short = renamed(search_study(bare_sweep(runs, space=space)), short_names(space))
    assert [set(trial.params) for trial in complete_trials(short)] == [{"type", "weight", "small", "medium / small"}]


def test_making_a_study_leaves_the_log_level_alone(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    before = optuna.logging.get_verbosity()
    search_study(bare_sweep([bare_run(0, {"AP_S": {400: 0.1}})]))
    assert optuna.logging.get_verbosity() == before
