import math

import pytest

from search_spaces.objectives import Constraint, Objective, parse_constraint, parse_objectives, total_violation
from trainable.errors import ConfigError


def test_objectives_keep_their_order() -> None:
    assert parse_objectives(["AP_S", "AP"]) == (Objective("AP_S"), Objective("AP"))


def test_a_sweep_without_objective_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs at least one objective; give a metric such as --objective AP_S"):
        parse_objectives([])


def test_an_objective_named_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="once, got AP several times"):
        parse_objectives(["AP", "AP_S", "AP"])


@pytest.mark.parametrize("text", ["AP>=0.33", " AP >= 0.33 ", "AP>=.33"])
def test_a_lower_bound_is_read(text: str) -> None:
    assert parse_constraint(text) == Constraint("AP", ">=", 0.33)


def test_an_upper_bound_and_a_metric_with_slashes_are_read() -> None:
    constraint = parse_constraint("prophesee/AP_class/tram<=1e-2")
    assert constraint == Constraint("prophesee/AP_class/tram", "<=", 0.01)
    assert str(constraint) == "prophesee/AP_class/tram<=0.01"


@pytest.mark.parametrize("text", ["AP", "AP>0.3", "AP=0.3", ">=0.3", "AP>=", "0.3<=AP<=0.5", "AP>=many", "AP>=nan", ""])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r'such as --constraint "AP>=0\.33"; got '):
        parse_constraint(text)


def test_a_violation_is_the_distance_to_the_bound() -> None:
    assert parse_constraint("AP>=0.33").violation({"AP": 0.3}) == pytest.approx(0.03)
    assert parse_constraint("AP>=0.33").violation({"AP": 0.33}) == 0
    assert parse_constraint("AR<=0.5").violation({"AR": 0.6}) == pytest.approx(0.1)
    assert parse_constraint("AR<=0.5").violation({"AR": 0.2}) < 0


def test_an_undefined_metric_keeps_no_bound() -> None:
    assert parse_constraint("AP>=0.33").violation({"AP": math.nan}) == math.inf


def test_a_bound_kept_with_room_to_spare_does_not_make_up_for_a_broken_one() -> None:
    constraints = [parse_constraint("AP>=0.3"), parse_constraint("AR>=0.3")]
    assert total_violation(constraints, {"AP": 0.9, "AR": 0.2}) == pytest.approx(0.1)
