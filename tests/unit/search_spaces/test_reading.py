"""Everything that can be wrong with the structure of a space."""

from collections.abc import Callable
from typing import Any

import pytest

from search_spaces import Space, SpaceError

MakeSpace = Callable[..., Space]


def message_of(make: Callable[[], object]) -> str:
    with pytest.raises(SpaceError) as raised:
        make()
    return str(raised.value)


@pytest.mark.parametrize(
    ("dimension", "message"),
    [
        ({"float": [5, 1]}, "`float` must have a lower bound below the upper one, got [5.0, 1.0]"),
        ({"int": [3, 3]}, "got [3, 3]; one value belongs in `fixed`"),
        ({"float": [1]}, "`float` must be two numbers, [lowest, highest], got [1]"),
        ({"int": [1, 2.5]}, "`int` must be two integers, [lowest, highest], got [1, 2.5]"),
        ({"float": [True, 2]}, "`float` must be two numbers, [lowest, highest], got [True, 2]"),
        ({"float": ["a", 2]}, "`float` must be two numbers, [lowest, highest], got ['a', 2]"),
        ({"float": [1, float("inf")]}, "`float` must have finite bounds, got [1.0, inf]"),
        ({"float": [0, 1], "log": True}, "`log` needs a lower bound above 0, got 0.0"),
        ({"int": [0, 9], "log": True}, "`log` needs a lower bound above 0, got 0"),
        ({"float": [0, 1], "log": "yes"}, "`log` must be true or false, got 'yes'"),
        ({"float": [0, 1], "step": 1.5}, "`step` must not exceed the range from 0.0 to 1.0, got 1.5"),
        ({"float": [0, 1], "step": 0}, "`step` must be positive, got 0.0"),
        ({"float": [0, 1], "step": "x"}, "`step` must be a number, got 'x'"),
        ({"int": [1, 9], "step": 0.5}, "`step` must be an integer, got 0.5"),
        ({"int": [1, 9], "step": -2}, "`step` must be positive, got -2"),
        ({"int": [1, 9], "log": True, "step": 2}, "`log` and `step` exclude each other, got step 2"),
        ({"choices": []}, "`choices` must name at least one value, got []"),
        ({"choices": "step"}, "`choices` must be a list of values such as [2, 3, 4], got 'step'"),
        ({"choices": [{"a": 1}]}, "`choices` must be a list of values"),
        ({"choices": [1, 2, 1]}, "`choices` must differ from each other, got 1 beside its equal"),
        ({"choices": [1, True]}, "`choices` must differ from each other, got true beside its equal"),
        ({"choices": [[1], "[1]"]}, "`choices` must differ from each other"),
        ({"choices": [1, 2], "log": True}, "`log` does not go with choices, got True"),
        ({"choices": [1, 2], "ratio_of": "b"}, "`ratio_of` does not go with choices, got 'b'"),
        ({"int": [1, 2], "ratio_of": "b"}, "`ratio_of` does not go with int, got 'b'"),
        ({"float": [1, 2], "ratio_of": 3}, "`ratio_of` must be the key of another dimension, got 3"),
        ({"float": [1, 2], "int": [1, 2]}, "expected one of float, int and choices"),
        ({"log": True}, "expected one of float, int and choices, such as"),
        ({"flaot": [1, 2]}, "`flaot` is not a key of a dimension; did you mean `float`?"),
        ([1, 2], "expected a mapping such as {float: [1, 5]}"),
        ({"float": [1, 2], "label": "a b"}, "`label` must be a text without spaces and `=`, got 'a b'"),
        ({"float": [1, 2], "when": [1]}, "`when` must be a mapping whose keys are texts, got [1]"),
        ({"float": [1, 2], "when": {"b": {"c": 1}}}, "`when.b` must be a plain value or a list"),
        ({"float": [1, 2], "when": {"b": 1}}, "`when` must name a dimension further up or a key of `fixed`, got `b`"),
        ({"float": [1, 2], "ratio_of": "b"}, "`ratio_of` must name a dimension further up, got `b`"),
        ({"float": [0, 2], "ratio_of": "c"}, "a ratio must be above 0, got a lower bound of 0.0"),
    ],
)
def test_a_wrong_dimension_is_named_with_what_was_expected_and_what_came(
    make_space: MakeSpace, dimension: Any, message: str
) -> None:
    text = message_of(lambda: make_space({"head.a": dimension}))
    assert message in text
    assert "`head.a`: " in text


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"choices": ["q0.1", 2]}, "`ratio_of` needs positive numbers, got `b`, one of"),
        ({"choices": [True, 2]}, "`ratio_of` needs positive numbers"),
        ({"int": [0, 4]}, "`ratio_of` needs positive numbers, got `b`, an integer from 0 to 4"),
        (
            {"int": [1, 4], "when": {"on": [True, False]}},
            "`ratio_of` names `b`, which is active only when on is one of [true,false]; give both the same condition",
        ),
    ],
)
def test_a_ratio_needs_a_positive_number_wherever_it_is_active(
    make_space: MakeSpace, other: dict[str, Any], message: str
) -> None:
    dimensions = {"b": other, "a": {"ratio_of": "b", "float": [2, 3]}}
    assert f"`a`: {message}" in message_of(lambda: make_space(dimensions, fixed={"on": True}))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"type": "linear"}, '`when` type="linear" never happens, expected one of "step", "power"'),
        ({"stages": [2, 3, 4]}, "`when` stages=2 never happens, expected one of [2,3,4], [1,2,3,4]; a value that is a"),
        ({"count": 7}, "`when` count=7 never happens, expected an integer from 1 to 5"),
        ({"weight": 2.0}, "`when` must name a dimension of choices or integers, got `weight`, a number from"),
        ({"on": False}, "`when` on=false never happens, since `fixed` says true"),
        ({"later": 1}, "`when` must name a dimension further up or a key of `fixed`, got `later`"),
        ({"last": 1}, "`when` must name a dimension further up or a key of `fixed`, got `last`"),
    ],
)
def test_a_condition_that_can_never_hold_is_a_mistake(
    make_space: MakeSpace, condition: dict[str, Any], message: str
) -> None:
    dimensions = {
        "type": {"choices": ["step", "power"]},
        "stages": {"choices": [[2, 3, 4], [1, 2, 3, 4]]},
        "count": {"int": [1, 5]},
        "weight": {"float": [1, 5]},
        "last": {"int": [1, 2], "when": condition},
        "later": {"int": [1, 2]},
    }
    assert f"`last`: {message}" in message_of(lambda: make_space(dimensions, fixed={"on": True}))


def test_conditions_on_lists_integers_and_several_values_are_read(make_space: MakeSpace) -> None:
    space = make_space(
        {
            "stages": {"choices": [[2, 3, 4], [1, 2, 3, 4]]},
            "count": {"int": [1, 3], "when": {"stages": [[1, 2, 3, 4]]}},
            "a": {"choices": [0], "when": {"count": [1, 3]}},
        }
    )
    assert [set(point) for point in space.grid()] == [
        {"stages"},
        {"stages", "count", "a"},
        {"stages", "count"},
        {"stages", "count", "a"},
    ]


def test_a_dimension_cannot_be_fixed_too(make_space: MakeSpace) -> None:
    text = message_of(lambda: make_space({"a": {"int": [1, 2]}}, fixed={"a": 1}))
    assert "`a`: a dimension cannot be fixed too, got 1 in `fixed`" in text


def test_dimensions_need_names_that_differ(make_space: MakeSpace) -> None:
    dimensions = {"random.prob": {"int": [1, 2]}, "stream.prob": {"int": [1, 2]}}
    text = message_of(lambda: make_space(dimensions))
    assert "`random.prob`: expected a name of its own in trial names, got `prob` for several dimensions" in text
    dimensions["stream.prob"]["label"] = "stream"
    assert make_space(dimensions).describe({"random.prob": 1, "stream.prob": 2}) == "prob=1 stream=2"


def test_all_mistakes_stand_in_one_message_without_consequences_of_each_other() -> None:
    values = {
        "name": "",
        "descripton": "x",
        "dimensions": {
            "a": {"int": [2, 1]},
            "b": {"int": [1, 2], "when": {"a": 1}},
            "c": {"ratio_of": "a", "float": [3, 2]},
            "d": {"chioces": [1]},
        },
        "fixed": {"model": {"head": 1}},
        "known_points": [1],
    }
    with pytest.raises(SpaceError) as raised:
        Space.from_dict(values, "my.yaml")
    assert str(raised.value).splitlines()[0] == "the search space my.yaml cannot be used:"
    text = "\n".join(raised.value.mistakes)
    for part in ("`descripton`", "`name`", "`description` must", "`a`: ", "`c`: ", "`d`: `chioces`", "`fixed.model`"):
        assert part in text
    assert "`known_points` must be a mapping" in text
    assert "`b`" not in text


@pytest.mark.parametrize("values", [None, [1], "size_aware"])
def test_what_is_no_mapping_is_no_space(values: object) -> None:
    assert "expected a mapping with the keys name, description" in message_of(lambda: Space.from_dict(values))


def test_a_space_needs_a_dimension(make_space: MakeSpace) -> None:
    assert "`dimensions` must name at least one key" in message_of(lambda: make_space({}))
