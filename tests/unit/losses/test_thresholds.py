"""Thresholds as numbers and as quantiles of the training boxes' areas."""

import math

import numpy as np
import pytest

from trainable.errors import ConfigError
from trainable.losses import is_quantile, resolve_threshold

AREAS_PX2 = np.arange(1.0, 102.0)


@pytest.mark.parametrize(("value", "area"), [(1024, 1024.0), (0.5, 0.5), ("q0.33", 34.0), ("q.5", 51.0), ("q1", 101.0)])
def test_a_number_stays_and_a_quantile_becomes_an_area(value: float | str, area: float) -> None:
    assert resolve_threshold(value, AREAS_PX2) == pytest.approx(area)


def test_a_number_needs_no_boxes() -> None:
    assert resolve_threshold(1024, np.empty(0)) == 1024


@pytest.mark.parametrize("value", ["q0", "q0.33", "q1.0"])
def test_a_quantile_is_recognised(value: str) -> None:
    assert is_quantile(value)


@pytest.mark.parametrize("value", ["0.33", "q", "q1.5", "q-0.1", "Q0.33", "q0.33 ", "small", 0.33])
def test_anything_else_is_no_quantile(value: str | float) -> None:
    assert not is_quantile(value)


@pytest.mark.parametrize("value", ["33%", "q1.5", "1024", True])
def test_bad_strings_are_refused_with_an_example(value: str) -> None:
    with pytest.raises(ConfigError, match=f'such as "q0.33", got {value!r}'):
        resolve_threshold(value, AREAS_PX2)


@pytest.mark.parametrize("value", [0, -3.0, math.nan, math.inf])
def test_an_area_that_is_not_positive_and_finite_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=f"positive, finite area in px², got {value}"):
        resolve_threshold(value, AREAS_PX2)


def test_a_quantile_without_boxes_is_refused() -> None:
    with pytest.raises(ConfigError, match="the training split has no box; give the threshold as an area"):
        resolve_threshold("q0.33", np.empty(0))


def test_a_quantile_of_boxes_without_area_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"got 'q0.33', which is 0.0 px²"):
        resolve_threshold("q0.33", np.zeros(5))
