"""The dimensions of a space: what may be chosen for one configuration key, and how Optuna is asked for it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, compact, is_number, same

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Parameter = None | bool | int | float | str
"""What Optuna stores for a dimension."""

_RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Dimension(ABC):
    """What may be chosen for one configuration key.

    Attributes:
        key: The dotted configuration key.
        label: Its name in a trial's name; empty: the last part of the key.
        when: Dotted key to the values under one of which this dimension is active; all keys must agree.
    """

    key: str
    label: str = ""
    when: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise SpaceError([f"`{self.key}`: {mistake}" for mistake in mistakes])

    @property
    def short_name(self) -> str:
        """The label, or the last part of the key."""
        return self.label or self.key.rpartition(".")[2]

    @property
    def parameter_name(self) -> str:
        """The name of Optuna's parameter."""
        return self.key

    def is_active(self, values: Mapping[str, Json]) -> bool:
        """Whether the conditions hold under the values decided so far."""
        return all(
            key in values and any(same(values[key], allowed) for allowed in accepted)
            for key, accepted in self.when.items()
        )

    @abstractmethod
    def suggest(self, trial: "BaseTrial", values: Mapping[str, Json]) -> Json:
        """Ask Optuna for the value.

        Args:
            trial: The trial that asks.
            values: What is decided so far, among it what the dimension depends on.
        """

    @abstractmethod
    def parameter(self, value: Json, values: Mapping[str, Json]) -> Parameter:
        """Optuna's parameter for a value, so that `suggest` returns that value.

        Raises:
            SpaceError: If the value does not lie in the dimension.
        """

    def contains(self, value: Json, values: Mapping[str, Json] | None = None) -> bool:
        """Whether a value lies in the dimension; `values` is what is decided before."""
        try:
            self.parameter(value, values or {})
        except SpaceError:
            return False
        return True

    @abstractmethod
    def grid(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """Every value once, in order.

        Raises:
            SpaceError: If there is no end of them.
        """

    @abstractmethod
    def corners(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """The bounds, or all choices."""

    @abstractmethod
    def draw(self, random: Random, values: Mapping[str, Json]) -> Json:
        """A value drawn without Optuna."""

    @abstractmethod
    def expected(self) -> str:
        """The possible values in words, such as `a number from 1.0 to 5.0`."""

    @abstractmethod
    def to_dict(self) -> dict[str, Json | dict[str, Json]]:
        """The dimension as in a YAML file."""

    @abstractmethod
    def _mistakes(self) -> Iterator[str]:
        """What is wrong with the constructor's arguments."""

    def _common(self) -> dict[str, Json | dict[str, Json]]:
        common: dict[str, Json | dict[str, Json]] = {}
        if self.when:
            common["when"] = {key: list(accepted) for key, accepted in self.when.items()}
        if self.label:
            common["label"] = self.label
        return common

    def _outside(self, value: Json) -> SpaceError:
        return SpaceError([f"`{self.key}`: expected {self.expected()}, got {compact(value)}"])


@dataclass(frozen=True, kw_only=True)
class Choices(Dimension):
    """One of some values; a list of numbers counts as one value.

    Attributes:
        choices: The values.
    """

    choices: tuple[Json, ...]

    def suggest(self, trial: "BaseTrial", values: Mapping[str, Json]) -> Json:
        """Ask Optuna for one of the choices; those that are lists are known to it as JSON."""
        chosen = trial.suggest_categorical(self.key, [_choice_parameter(choice) for choice in self.choices])
        return next(choice for choice in self.choices if same(_choice_parameter(choice), chosen))

    def parameter(self, value: Json, values: Mapping[str, Json]) -> Parameter:
        """The choice, or its JSON where it is a list."""
        for choice in self.choices:
            if same(choice, value):
                return _choice_parameter(choice)
        raise self._outside(value)

    def grid(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """All choices."""
        yield from self.choices

    def corners(self, values: Mapping[str, Json]) -> Iterator[Json]:
        """All choices."""
        yield from self.choices

    def draw(self, random: Random, values: Mapping[str, Json]) -> Json:
        """One of the choices."""
        return random.choice(self.choices)

    def expected(self) -> str:
        """The choices."""
        return "one of " + ", ".join(compact(choice) for choice in self.choices)

    def to_dict(self) -> dict[str, Json | dict[str, Json]]:
        """The dimension as in a YAML file."""
        return {"choices": list(self.choices), **self._common()}

    def _mistakes(self) -> Iterator[str]:
        if not self.choices:
            yield "`choices` must name at least one value, got []"
        seen: list[Parameter] = []
        for choice in self.choices:
            parameter = _choice_parameter(choice)
            # Optuna keeps choices apart by ==, so `1`, `1.0` and `true` would be one.
            if parameter in seen:
                yield f"`choices` must differ from each other, got {compact(choice)} beside its equal"
            seen.append(parameter)


def _choice_parameter(choice: Json) -> Parameter:
    return compact(choice) if isinstance(choice, list) else choice


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
