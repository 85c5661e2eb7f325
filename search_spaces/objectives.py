"""What a sweep maximises, and the bounds that its results must keep."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trainable.errors import ConfigError

HEADLINE_METRICS = ("AP", "AP50", "AP75", "AP_S", "AP_M", "AP_L", "AR")
"""Metrics that a sweep keeps of every validation, besides its objectives and constraints."""

_CONSTRAINT = re.compile(r"\s*(?P<metric>[^<>=\s]+)\s*(?P<operator>>=|<=)\s*(?P<bound>[^<>=\s]+)\s*")


@dataclass(frozen=True)
class Objective:
    """A metric to maximise.

    Attributes:
        metric: Its name in `Metrics.flat()`, such as `AP_S`.
    """

    metric: str

    def __str__(self) -> str:
        return self.metric


@dataclass(frozen=True)
class Constraint:
    """A bound on a metric, which results at the full budget must keep.

    Attributes:
        metric: Its name in `Metrics.flat()`.
        operator: Whether the bound is the least or the largest value allowed.
        bound: In the metric's own unit: an AP of 33 % is 0.33.
    """

    metric: str
    operator: Literal[">=", "<="]
    bound: float

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.bound:g}"

    def violation(self, metrics: Mapping[str, float]) -> float:
        """By how much a result breaks the bound: zero or less where it keeps it, infinite where it is undefined."""
        value = metrics[self.metric]
        if math.isnan(value):
            return math.inf
        return self.bound - value if self.operator == ">=" else value - self.bound


def parse_objectives(names: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives that the metrics' names stand for, in their order.

    Raises:
        ConfigError: If there is none, or one is named twice.
    """
    if not names:
        raise ConfigError("a sweep needs at least one objective; give a metric such as --objective AP_S")
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise ConfigError(f"each objective can be named once, got {', '.join(repeated)} several times")
    return tuple(map(Objective, names))


def parse_constraint(text: str) -> Constraint:
    """The constraint that a text such as `AP>=0.33` stands for.

    Raises:
        ConfigError: If the text is no bound on a metric.
    """
    expected = 'expected a metric, >= or <=, and a number, such as --constraint "AP>=0.33"'
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise ConfigError(f"{expected}; got {text!r}")
    try:
        bound = float(match["bound"])
    except ValueError as error:
        raise ConfigError(f"{expected}; got {text!r}, where {match['bound']!r} is no number") from error
    if not math.isfinite(bound):
        raise ConfigError(f"{expected}; got {text!r}, where {match['bound']!r} is no finite number")
    return Constraint(match["metric"], ">=" if match["operator"] == ">=" else "<=", bound)


def total_violation(constraints: Sequence[Constraint], metrics: Mapping[str, float]) -> float:
    """The sum of what breaks the bounds: 0 where a result keeps all of them."""
    return sum(max(0.0, constraint.violation(metrics)) for constraint in constraints)
