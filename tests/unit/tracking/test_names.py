import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name

from trainable.tracking.names import flattened, mlflow_name, shortened

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=300)


@given(TEXT | st.text(alphabet="a./ []:-_é", max_size=12))
@example("..0")
@example(".../a")
def test_every_name_becomes_one_that_mlflow_accepts(name: str) -> None:
    _validate_metric_name(mlflow_name(name))


@pytest.mark.parametrize("name", ["train/loss", "val/AP_S", "small objects: AP", "a.b-c", "vélo/AP"])
def test_a_name_within_the_rules_stays_as_it_is(name: str) -> None:
    assert mlflow_name(name) == name


def test_names_that_would_look_the_same_stay_apart() -> None:
    assert len({mlflow_name(name) for name in ("a[0]", "a(0)", "a_0_", "a//b", "a/b", "/a/b")}) == 6


@given(TEXT, TEXT)
def test_an_accepted_name_is_a_fixed_point(first: str, second: str) -> None:
    assert mlflow_name(mlflow_name(first)) == mlflow_name(first)
    assert first == second or mlflow_name(first) != mlflow_name(second)


def test_nested_parameters_become_dotted_names_with_json_values() -> None:
    parameters = {
        "model": {"fpn": {"in_stages": [2, 3, 4]}, "name": "tiny"},
        "compile": True,
        "gpus": None,
        "empty": {},
    }
    assert flattened(parameters) == {
        "model.fpn.in_stages": "[2, 3, 4]",
        "model.name": "tiny",
        "compile": "true",
        "gpus": "null",
        "empty": "{}",
    }


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_value_as_a_parameter(value: float) -> None:
    assert json.loads(flattened({"lr": value})["lr"]) == value


def test_a_long_value_is_cut_with_a_mark() -> None:
    assert shortened("x" * 10, 10) == "x" * 10
    assert shortened("x" * 11, 10) == "x" * 9 + "…"
