"""Points of a space: suggested, enqueued, walked through, named."""

import pickle
import warnings
from collections.abc import Callable
from itertools import islice

import optuna
import pytest

from search_spaces import Space, SpaceError

MakeSpace = Callable[..., Space]
RATIO = {
    "head.small": {"int": [3, 50], "log": True},
    "head.medium": {"ratio_of": "head.small", "float": [1.1, 4.0]},
}
CONDITIONAL = {
    "head.type": {"choices": ["step", "power"], "when": {"head.on": True}},
    "head.exponent": {"float": [0.25, 1.0], "when": {"head.on": True, "head.type": "power"}},
    "head.small": {"int": [1, 9], "when": {"head.on": True}},
}


def test_every_kind_of_dimension_is_suggested_with_its_own_type(make_space: MakeSpace, study: optuna.Study) -> None:
    space = make_space(
        {
            "a.float": {"float": [1, 5]},
            "a.int": {"int": [2, 9], "step": 2},
            "a.stages": {"choices": [[2, 3, 4], [1, 2, 3, 4]]},
            "a.threshold": {"choices": [1024, "q0.33"]},
        }
    )
    for _ in range(30):
        point = space.suggest(study.ask())
        assert isinstance(point["a.float"], float)
        assert point["a.int"] in (2, 4, 6, 8)
        assert point["a.stages"] in ([2, 3, 4], [1, 2, 3, 4])
        assert point["a.threshold"] in (1024, "q0.33")


def test_a_ratio_is_searched_as_a_ratio_and_suggested_as_a_product(make_space: MakeSpace, study: optuna.Study) -> None:
    space = make_space(RATIO)
    for _ in range(50):
        trial = study.ask()
        point = space.suggest(trial)
        small, medium = point["head.small"], point["head.medium"]
        assert isinstance(medium, int)
        assert 1.1 * small <= medium <= 4.0 * small
        assert abs(trial.params["head.medium / small"] * small - medium) < 1


def test_a_product_stays_a_fraction_where_no_integer_has_a_ratio_of_the_range(
    make_space: MakeSpace, study: optuna.Study
) -> None:
    space = make_space({"small": {"int": [1, 2]}, "medium": {"ratio_of": "small", "float": [1.1, 1.4]}})
    for _ in range(10):
        point = space.suggest(study.ask())
        assert 1.1 <= point["medium"] / point["small"] <= 1.4


def test_conditions_hold_for_what_is_fixed_and_for_what_was_suggested(
    make_space: MakeSpace, study: optuna.Study
) -> None:
    space = make_space(CONDITIONAL, fixed={"head.on": True})
    seen = set()
    for _ in range(30):
        point = space.suggest(study.ask())
        assert ("head.exponent" in point) == (point["head.type"] == "power")
        seen.add(point["head.type"])
    assert seen == {"step", "power"}


def test_extras_of_a_known_point_count_over_what_is_fixed(make_space: MakeSpace, study: optuna.Study) -> None:
    space = make_space(CONDITIONAL, fixed={"head.on": True})
    point = {"head.on": False}
    assert space.optuna_parameters(point) == {}
    assert space.extras(point) == point
    assert space.suggest(study.ask(), space.extras(point)) == {}
    assert space.overrides(point) == {"head.on": False}


def test_a_condition_tells_one_from_true(make_space: MakeSpace) -> None:
    space = make_space({"a": {"choices": [1, 2]}, "b": {"choices": [3, 4], "when": {"on": True}}}, fixed={"on": True})
    assert space.active_keys({"a": 1}) == {"a", "b"}
    assert space.active_keys({"a": 1, "on": 1}) == {"a"}


def test_an_enqueued_point_is_suggested_as_it_is(make_space: MakeSpace, study: optuna.Study) -> None:
    space = make_space(
        {
            **RATIO,
            "a.step": {"float": [0.0, 1.0], "step": 0.1},
            "a.stages": {"choices": [[2, 3, 4], [1, 2, 3, 4]]},
            "a.rate": {"float": [1e-5, 1e-2], "log": True},
        }
    )
    point = {
        "head.small": 7,
        "head.medium": 23,
        "a.step": 0.3,
        "a.stages": [1, 2, 3, 4],
        "a.rate": 0.000346,
    }
    parameters = space.optuna_parameters(point)
    assert parameters["a.stages"] == "[1,2,3,4]"
    assert parameters["head.medium / small"] == pytest.approx(23 / 7)
    study.enqueue_trial(parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert space.suggest(study.ask()) == point


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"head.small": 51, "head.medium": 100}, "`head.small`: expected an integer from 3 to 50, got 51"),
        ({"head.small": 3.0, "head.medium": 6}, "`head.small`: expected an integer from 3 to 50, got 3.0"),
        (
            {"head.small": 10, "head.medium": 41},
            "`head.medium`: expected `head.small` times a ratio from 1.1 to 4.0, got 41",
        ),
        ({"head.small": 10}, "`head.medium`: expected `head.small` times a ratio from 1.1 to 4.0, but the point gives"),
        ({"head.medium": 10}, "`head.small`: expected an integer from 3 to 50, but the point gives no value"),
    ],
)
def test_a_point_outside_the_space_is_refused(make_space: MakeSpace, point: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError) as raised:
        make_space(RATIO).optuna_parameters(point)
    assert message in str(raised.value)


@pytest.mark.parametrize("value", [0.9999, 5.0001, True, "2", None, [2], float("nan")])
def test_a_number_just_outside_and_what_is_no_number_are_refused(make_space: MakeSpace, value: object) -> None:
    with pytest.raises(SpaceError, match=r"`weight`: expected a number from 1.0 to 5.0, got "):
        make_space({"weight": {"float": [1, 5]}}).optuna_parameters({"weight": value})


@pytest.mark.parametrize("value", [1.2, 5.0, 6.0])
def test_a_number_between_the_steps_is_refused(make_space: MakeSpace, value: float) -> None:
    with pytest.raises(SpaceError, match=r"expected a number from 1.0 to 5.0 in steps of 1.5, got"):
        make_space({"weight": {"float": [1, 5], "step": 1.5}}).optuna_parameters({"weight": value})


def test_all_mistakes_in_a_point_are_named_at_once(make_space: MakeSpace) -> None:
    with pytest.raises(SpaceError) as raised:
        make_space(RATIO).optuna_parameters({"head.small": 1, "head.medium": "q0.5"})
    assert len(raised.value.mistakes) == 2


def test_a_grid_holds_every_combination_once_and_honours_conditions(make_space: MakeSpace) -> None:
    space = make_space(
        {
            "type": {"choices": ["step", "power"]},
            "exponent": {"float": [0.25, 1.0], "step": 0.25, "when": {"type": "power"}},
            "small": {"int": [1, 3], "step": 2},
        }
    )
    assert list(space.grid()) == [
        {"type": "step", "small": 1},
        {"type": "step", "small": 3},
        *({"type": "power", "exponent": e, "small": s} for e in (0.25, 0.5, 0.75, 1.0) for s in (1, 3)),
    ]


def test_products_that_round_to_the_same_integer_stand_in_a_grid_once(make_space: MakeSpace) -> None:
    space = make_space({"small": {"int": [3, 4]}, "medium": {"ratio_of": "small", "float": [1.5, 2.0], "step": 0.1}})
    points = [(point["small"], point["medium"]) for point in space.grid()]
    assert points == [(3, 5), (3, 6), (4, 6), (4, 7), (4, 8)]


def test_a_grid_of_floats_without_steps_is_refused(make_space: MakeSpace) -> None:
    space = make_space({"weight": {"float": [1, 5]}})
    with pytest.raises(SpaceError, match=r"`weight`: a grid needs a `step` or `choices`, got a number from 1.0 to 5.0"):
        next(space.grid())


def test_a_large_grid_is_never_built_as_a_whole(make_space: MakeSpace) -> None:
    space = make_space({f"key{index}": {"int": [1, 1000]} for index in range(6)})
    assert len(list(islice(space.grid(), 5))) == 5


def test_a_step_that_does_not_divide_the_range_ends_below_its_upper_bound(
    make_space: MakeSpace, study: optuna.Study
) -> None:
    space = make_space({"a": {"float": [0.0, 1.0], "step": 0.3}, "b": {"int": [1, 10], "step": 4}})
    assert {(point["a"], point["b"]) for point in space.grid()} == {
        (a, b) for a in (0.0, 0.3, 0.6, 0.9) for b in (1, 5, 9)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = [space.suggest(study.ask()) for _ in range(40)]
    assert {point["a"] for point in drawn} == {0.0, 0.3, 0.6, 0.9}


def test_a_point_is_named_by_labels_and_few_digits(make_space: MakeSpace) -> None:
    space = make_space(
        {
            "head.size_aware_weight": {"float": [1, 5], "label": "weight"},
            "head.small": {"int": [1, 90000]},
            "rate": {"float": [1e-5, 1], "log": True},
            "stages": {"choices": [[2, 3, 4]]},
            "terms": {"choices": [["iou", "obj"]]},
        }
    )
    point = {
        "loss.on": False,
        "terms": ["iou", "obj"],
        "rate": 0.00034629,
        "head.small": 12345,
        "head.size_aware_weight": 2.314159,
        "stages": [2, 3, 4],
    }
    assert space.describe(point) == ("weight=2.314 small=12345 rate=0.0003463 stages=[2,3,4] terms=[iou,obj] on=false")


def test_large_fractions_are_named_without_an_exponent(make_space: MakeSpace) -> None:
    assert make_space({"area": {"float": [1, 1e5]}}).describe({"area": 12345.678}) == "area=12346"


def test_a_space_survives_pickling_and_plain_types(make_space: MakeSpace) -> None:
    space = make_space(
        {**RATIO, **CONDITIONAL | {"head.small": {"int": [3, 50], "label": "s", "step": 2, "when": {"head.on": True}}}}
        | {"head.medium": {"ratio_of": "head.small", "float": [1.1, 4.0], "when": {"head.on": True}}},
        fixed={"head.on": True},
        known_points={"baseline": {"head.on": False}},
    )
    assert Space.from_dict(space.to_dict()) == space
    assert pickle.loads(pickle.dumps(space)) == space
    assert hash(Space.from_dict(space.to_dict())) == hash(space)


def test_an_error_survives_pickling() -> None:
    error = SpaceError(["one", "two"], "the space cannot be used")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.mistakes) == (str(error), ("one", "two"))
