"""What holds for every search space."""

import json
import pickle
import warnings
from itertools import islice
from typing import Any

import optuna
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search_spaces import Space
from search_spaces.json_values import same

optuna.logging.set_verbosity(optuna.logging.WARNING)

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from(["step", "q0.33", "linear"]),
    st.floats(-2, 2).map(lambda x: x + 0.25),
)
CHOICES = st.lists(st.one_of(SCALARS, st.lists(st.integers(1, 4), max_size=3)), min_size=1, max_size=4)


def label(choice: Any) -> Any:
    return json.dumps(choice) if isinstance(choice, list) else choice


@st.composite
def ranges(draw: st.DrawFn, *, positive: bool = False, finite: bool = False) -> dict[str, Any]:
    """A range of floats or integers, on a logarithmic scale or in steps."""
    kind = draw(st.sampled_from(["float", "int"]))
    scale = draw(st.sampled_from(["steps"] if finite else ["plain", "log", "steps"]))
    smallest = 1 if positive or scale == "log" else -20
    if kind == "int":
        low = draw(st.integers(smallest, 30))
        high = low + draw(st.integers(1, 12 if finite else 3000))
        steps = {"step": draw(st.integers(1, high - low))}
    else:
        low = draw(st.integers(smallest, 30)) / 8
        high = low + draw(st.integers(1, 8 if finite else 3000)) / 8
        steps = {"step": draw(st.sampled_from([0.1, 0.125]))}
    return {kind: [low, high], **({"log": True} if scale == "log" else steps if scale == "steps" else {})}


@st.composite
def ratios(draw: st.DrawFn, *, finite: bool = False) -> dict[str, Any]:
    low = draw(st.sampled_from([1.01, 1.1, 1.5, 2.0]))
    high = low + draw(st.sampled_from([0.2, 1.0, 7.0]))
    scale = {"step": 0.1} if finite else draw(st.sampled_from([{}, {"log": True}, {"step": 0.1}]))
    return {"float": [low, high], **scale}


@st.composite
def spaces(draw: st.DrawFn, *, finite: bool = False) -> Space:
    """Up to six dimensions, some of them conditional on earlier ones, some of them ratios of earlier ones."""
    dimensions: dict[str, dict[str, Any]] = {}
    for index in range(draw(st.integers(1, 4 if finite else 6))):
        numbers = [key for key, other in dimensions.items() if "choices" not in other and low_of(other) > 0]
        kind = draw(st.sampled_from(["choices", "range", "ratio"]))
        when: dict[str, Any] = {}
        if kind == "choices":
            choices = draw(CHOICES)
            labels = [label(choice) for choice in choices]
            dimension: dict[str, Any] = {"choices": [c for i, c in enumerate(choices) if labels[i] not in labels[:i]]}
        elif kind == "ratio" and numbers:
            other = draw(st.sampled_from(numbers))
            dimension = {"ratio_of": other, **draw(ratios(finite=finite))}
            when = dict(dimensions[other].get("when", {}))
        else:
            dimension = draw(ranges(positive=draw(st.booleans()), finite=finite))
        conditions = [key for key, other in dimensions.items() if "choices" in other and key not in when]
        if conditions and draw(st.booleans()):
            named = draw(st.sampled_from(conditions))
            when[named] = draw(st.lists(st.sampled_from(dimensions[named]["choices"]), min_size=1, max_size=2))
        dimensions[f"section.key{index}"] = dimension | ({"when": when} if when else {})
    return Space.from_dict({"name": "drawn", "description": "Drawn.", "dimensions": dimensions})


def low_of(dimension: dict[str, Any]) -> float:
    return float(dimension.get("float", dimension.get("int"))[0])


def check_point(space: Space, point: dict[str, Any]) -> None:
    """Hold a point to what stands in the space's plain values, independently of how it was made."""
    for key, dimension in space.to_dict()["dimensions"].items():
        active = all(
            named in point and any(same(point[named], value) for value in accepted)
            for named, accepted in dimension.get("when", {}).items()
        )
        assert (key in point) == active
        if not active:
            continue
        value = point[key]
        if "choices" in dimension:
            assert any(same(value, choice) for choice in dimension["choices"])
            continue
        low, high = dimension.get("float", dimension.get("int"))
        if "ratio_of" in dimension:
            other = point[dimension["ratio_of"]]
            assert value > other
            assert low * (1 - 1e-8) <= value / other <= high * (1 + 1e-8)
            continue
        assert low <= value <= high
        assert isinstance(value, int if "int" in dimension else float)
        if "step" in dimension:
            assert abs((value - low) / dimension["step"] - round((value - low) / dimension["step"])) < 1e-6


def new_study(seed: int) -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


@settings(max_examples=50)
@given(spaces(), st.integers(0, 1000))
def test_suggested_points_lie_in_their_ranges_and_honour_conditions(space: Space, seed: int) -> None:
    study = new_study(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            check_point(space, space.suggest(study.ask()))


@settings(max_examples=50)
@given(spaces(), st.integers(0, 1000))
def test_an_enqueued_point_is_suggested_again_whatever_the_space(space: Space, seed: int) -> None:
    study = new_study(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            point = space.suggest(study.ask())
            assert space.extras(point) == {}
            study.enqueue_trial(space.optuna_parameters(point))
            assert json.dumps(space.suggest(study.ask())) == json.dumps(point)


@settings(max_examples=50)
@given(spaces(finite=True))
def test_a_grid_has_no_point_twice_and_each_can_be_enqueued(space: Space) -> None:
    points = list(islice(space.grid(), 200))
    assert len({json.dumps(point) for point in points}) == len(points)
    study = new_study(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for point in points[:: max(1, len(points) // 10)]:
            check_point(space, point)
            study.enqueue_trial(space.optuna_parameters(point))
            assert space.suggest(study.ask()) == point
    assert points == list(islice(Space.from_dict(space.to_dict()).grid(), 200))


@settings(max_examples=30)
@given(spaces(finite=True), st.integers(0, 1000))
def test_what_is_suggested_from_a_finite_space_stands_in_its_grid(space: Space, seed: int) -> None:
    points = list(islice(space.grid(), 2001))
    assume(len(points) <= 2000)
    study = new_study(seed)
    for _ in range(3):
        suggested = space.suggest(study.ask())
        assert any(same(list(suggested.items()), list(point.items())) for point in points)


@settings(max_examples=50)
@given(spaces())
def test_a_space_survives_pickling_and_plain_types_whatever_it_is(space: Space) -> None:
    plain = json.loads(json.dumps(space.to_dict()))
    assert Space.from_dict(plain) == space == pickle.loads(pickle.dumps(space))
