"""Dimensions of numbers: floats, integers, and multiples of another dimension."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from search_spaces.dimension import Dimension, Parameter
from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, compact, is_number

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

_RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Range(Dimension):
    """What the ranges have in common: bounds, scale and steps."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    _kind = "float"

    @property
    def last(self) -> float:
        """The largest number that the steps reach."""
        return self.high if self.step is None else self._at(self._steps())

    def corners(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """The bounds."""
        yield self.low
        yield self.last

    def _steps(self) -> int:
        step = Decimal(str(self.step))
        return int((Decimal(str(self.high)) - Decimal(str(self.low))) / step)

    def _at(self, index: int) -> float:
        return float(Decimal(str(self.low)) + index * Decimal(str(self.step)))

    def _snapped(self, number: float) -> float:
        """The number, or the step it stands for; counted in decimals, so that 0.1 and three steps of 0.1 are 0.4."""
        if self.step is None:
            return number
        return self._at(min(max(round((number - self.low) / self.step), 0), self._steps()))

    def _drawn(self, random: Random) -> float:
        if self.log:
            drawn = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = random.uniform(self.low, self.high)
        return min(max(self._snapped(drawn), self.low), self.high)

    def _suggested(self, trial: "BaseTrial", name: str) -> float:
        return self._snapped(trial.suggest_float(name, self.low, self.last, log=self.log, step=self.step))

    def _grid(self) -> Iterator[float]:
        if self.step is None:
            raise SpaceError([f"`{self.key}`: a grid needs a `step` or `choices`, got {self.expected()}"])
        return (self._at(index) for index in range(self._steps() + 1))

    def _range_in_words(self) -> str:
        steps = "" if self.step is None else f" in steps of {self.step}"
        return f"from {self.low} to {self.high}{steps}"

    def _range_dict(self) -> dict[str, Json | dict[str, Json]]:
        values: dict[str, Json | dict[str, Json]] = {self._kind: [self.low, self.high]}
        if self.log:
            values["log"] = True
        if self.step is not None:
            values["step"] = self.step
        return values

    def _mistakes(self) -> Iterator[str]:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            yield f"`{self._kind}` must have finite bounds, got [{self.low}, {self.high}]"
            return
        if self.low >= self.high:
            advice = "; one value belongs in `fixed`" if self.low == self.high else ""
            yield f"`{self._kind}` must have a lower bound below the upper one, got [{self.low}, {self.high}]{advice}"
        if self.log and self.low <= 0:
            yield f"`log` needs a lower bound above 0, got {self.low}"
        if self.step is None:
            return
        if self.log:
            yield f"`log` and `step` exclude each other, got step {self.step}"
        if not (math.isfinite(self.step) and self.step > 0):
            yield f"`step` must be positive, got {self.step}"
        elif self.low < self.high and self.step > self.high - self.low:
            yield f"`step` must not exceed the range from {self.low} to {self.high}, got {self.step}"


@dataclass(frozen=True, kw_only=True)
class FloatRange(Range):
    """A number from `low` to `high`, both included.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        log: Search on a logarithmic scale.
        step: Distance of neighbouring values from `low` on; `None`: any value.
    """

    def suggest(self, trial: "BaseTrial", values: Mapping[str, Json]) -> Json:
        """Ask Optuna for the number."""
        return self._suggested(trial, self.key)

    def parameter(self, value: Json, values: Mapping[str, Json]) -> Parameter:
        """The number itself."""
        if is_number(value) and self.low <= value <= self.last:
            snapped = self._snapped(value)
            if math.isclose(snapped, value, rel_tol=_RELATIVE_TOLERANCE):
                return snapped
        raise self._outside(value)

    def grid(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """All steps."""
        yield from self._grid()

    def draw(self, random: Random, values: Mapping[str, Json]) -> Json:
        """A number of the range."""
        return self._drawn(random)

    def expected(self) -> str:
        """The range."""
        return f"a number {self._range_in_words()}"

    def to_dict(self) -> dict[str, Json | dict[str, Json]]:
        """The dimension as in a YAML file."""
        return {**self._range_dict(), **self._common()}


@dataclass(frozen=True, kw_only=True)
class IntRange(Range):
    """An integer from `low` to `high`, both included.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        log: Search on a logarithmic scale.
        step: Distance of neighbouring values from `low` on; `None`: 1.
    """

    low: int
    high: int
    step: int | None = None

    _kind = "int"

    @property
    def last(self) -> int:
        """The largest integer that the steps reach."""
        return self.high if self.step is None else self.high - (self.high - self.low) % self.step

    def suggest(self, trial: "BaseTrial", values: Mapping[str, Json]) -> Json:
        """Ask Optuna for the integer."""
        return trial.suggest_int(self.key, self.low, self.last, log=self.log, step=self.step or 1)

    def parameter(self, value: Json, values: Mapping[str, Json]) -> Parameter:
        """The integer itself."""
        if isinstance(value, int) and is_number(value) and value in self._all():
            return value
        raise self._outside(value)

    def grid(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """All integers, or all steps."""
        yield from self._all()

    def draw(self, random: Random, values: Mapping[str, Json]) -> Json:
        """An integer of the range."""
        return round(self._drawn(random)) if self.log else random.choice(self._all())

    def expected(self) -> str:
        """The range."""
        return f"an integer {self._range_in_words()}"

    def to_dict(self) -> dict[str, Json | dict[str, Json]]:
        """The dimension as in a YAML file."""
        return {**self._range_dict(), **self._common()}

    def _all(self) -> range:
        return range(self.low, self.last + 1, self.step or 1)


@dataclass(frozen=True, kw_only=True)
class Ratio(Range):
    """A multiple of another dimension's value, from `low` to `high` times it.

    Optuna searches the ratio. Where the other value is an integer, the product is rounded to an integer whose ratio is
    in the range too; where there is none, and for other numbers, it has 12 significant digits.

    Attributes:
        ratio_of: Key of the other dimension.
        low: Smallest ratio.
        high: Largest ratio.
        log: Search on a logarithmic scale.
        step: Distance of neighbouring ratios from `low` on; `None`: any ratio.
    """

    ratio_of: str

    @property
    def parameter_name(self) -> str:
        """The key, and what it is divided by."""
        return f"{self.key} / {self.ratio_of.rpartition('.')[2]}"

    def suggest(self, trial: "BaseTrial", values: Mapping[str, Json]) -> Json:
        """Ask Optuna for the ratio and multiply."""
        return self._product(self._suggested(trial, self.parameter_name), values)

    def parameter(self, value: Json, values: Mapping[str, Json]) -> Parameter:
        """The ratio."""
        if is_number(value) and math.isfinite(value):
            ratio = value / self._other(values)
            # A product that was rounded may belong to the step beside the nearest one.
            for near in (ratio, ratio - (self.step or 0), ratio + (self.step or 0)):
                possible = min(max(self._snapped(near), self.low), self.last)
                if math.isclose(self._product(possible, values), value, rel_tol=_RELATIVE_TOLERANCE):
                    return possible
        raise self._outside(value)

    def grid(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """The products of all steps, each once."""
        yield from dict.fromkeys(self._product(ratio, values) for ratio in self._grid())

    def corners(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """The products of the bounds."""
        yield from dict.fromkeys(self._product(ratio, values) for ratio in (self.low, self.last))

    def draw(self, random: Random, values: Mapping[str, Json]) -> Json:
        """A product of the range."""
        return self._product(self._drawn(random), values)

    def expected(self) -> str:
        """The range of ratios."""
        return f"`{self.ratio_of}` times a ratio {self._range_in_words()}"

    def to_dict(self) -> dict[str, Json | dict[str, Json]]:
        """The dimension as in a YAML file."""
        return {"ratio_of": self.ratio_of, **self._range_dict(), **self._common()}

    def _other(self, values: Mapping[str, Json]) -> float:
        other = values.get(self.ratio_of)
        if not is_number(other):
            raise SpaceError([f"`{self.key}`: `ratio_of` needs a number, got {self.ratio_of}={compact(other)}"])
        return other

    def _product(self, ratio: float, values: Mapping[str, Json]) -> float:
        other = self._other(values)
        product = float(f"{ratio * other:.12g}")
        if isinstance(other, int):
            least = math.ceil(self.low * other * (1 - _RELATIVE_TOLERANCE))
            most = math.floor(self.high * other * (1 + _RELATIVE_TOLERANCE))
            if least <= most:
                return min(max(round(product), least), most)
        return product

    def _mistakes(self) -> Iterator[str]:
        yield from super()._mistakes()
        if self.low <= 0:
            yield f"a ratio must be above 0, got a lower bound of {self.low}"
