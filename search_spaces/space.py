"""A search space: which configuration keys are varied, in which range, under which conditions."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.dimension import Dimension, Parameter
from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, compact
from search_spaces.reading import read_parts
from search_spaces.structure import structure_mistakes

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["Json", "Space", "SpaceError"]


@dataclass(frozen=True, kw_only=True)
class Space:
    """Which configuration keys a sweep varies. It can be pickled, hashed and stored as plain JSON types.

    A dimension is decided after those above it. It is active where its conditions hold under the fixed values, what a
    known point sets besides, and the dimensions decided before it.

    Attributes:
        name: The space's name.
        description: What it is for.
        dimensions: The varied keys, in the order in which they are decided.
        fixed: Dotted key to its value under every trial.
        known_points: Name to a point that is tried first: dotted key to value. A point gives a value to each dimension
            that is active there, and may set other keys, over `fixed` too.
        source: Where the space comes from, such as a file; named in messages, neither stored nor compared.
    """

    name: str
    description: str
    dimensions: tuple[Dimension, ...]
    fixed: Mapping[str, Json] = field(default_factory=dict)
    known_points: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if mistakes := list(structure_mistakes(self.dimensions, self.fixed)):
            raise SpaceError(mistakes, f"the search space {self.name} cannot be used")

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict()))

    def suggest(self, trial: "BaseTrial", extras: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Ask Optuna for a point, dimension by dimension.

        Args:
            trial: The trial that asks.
            extras: What a known point sets besides dimensions, see `extras`.

        Returns:
            Dotted key to value, for the active dimensions in order.
        """
        return _decide(self.dimensions, {**self.fixed, **(extras or {})}, lambda one, known: one.suggest(trial, known))

    def optuna_parameters(self, point: Mapping[str, Json]) -> dict[str, Parameter]:
        """What `study.enqueue_trial` needs so that `suggest`, given the point's extras, returns the point.

        Raises:
            SpaceError: If an active dimension has no value in the point, or one outside its range; all in one message.
        """
        parameters: dict[str, Parameter] = {}
        mistakes: list[str] = []
        values = {**self.fixed, **self._without_dimensions(point)}
        for dimension in self.dimensions:
            if not dimension.is_active(values):
                continue
            if dimension.key not in point:
                mistakes.append(f"`{dimension.key}`: expected {dimension.expected()}, but the point gives no value")
                continue
            values[dimension.key] = point[dimension.key]
            try:
                parameters[dimension.parameter_name] = dimension.parameter(point[dimension.key], values)
            except SpaceError as error:
                mistakes.extend(error.mistakes)
        if mistakes:
            raise SpaceError(mistakes, f"the point {compact(dict(point))} does not lie in the search space {self.name}")
        return parameters

    def extras(self, point: Mapping[str, Json]) -> dict[str, Json]:
        """What a point sets besides the dimensions that are active there."""
        active = self.active_keys(point)
        return {key: value for key, value in point.items() if key not in active}

    def active_keys(self, point: Mapping[str, Json]) -> frozenset[str]:
        """The dimensions that are active in a point, whether or not it gives them a value."""
        values = {**self.fixed, **self._without_dimensions(point)}
        active: set[str] = set()
        for dimension in self.dimensions:
            if dimension.is_active(values):
                active.add(dimension.key)
                if dimension.key in point:
                    values[dimension.key] = point[dimension.key]
        return frozenset(active)

    def overrides(self, parameters: Mapping[str, Json]) -> dict[str, Json]:
        """All that is merged into the base configuration: the fixed values, and the parameters over them."""
        return {**self.fixed, **parameters}

    def grid(self) -> Iterator[dict[str, Json]]:
        """Every point of a finite space once, in a fixed order: the last dimension moves fastest.

        Raises:
            SpaceError: If a range of floats has no step, all of them in one message.
        """
        return self.walk(lambda dimension, values: dimension.grid(values))

    def walk(self, values_of: Callable[[Dimension, Mapping[str, Json]], Iterable[Json]]) -> Iterator[dict[str, Json]]:
        """Every combination of some values of each dimension, conditions honoured.

        Args:
            values_of: Gives the values of an active dimension, from what is decided before it.
        """
        yield from _walk(self.dimensions, dict(self.fixed), {}, values_of)

    def describe(self, parameters: Mapping[str, Json]) -> str:
        """Name a point by its values: `weight=2.31 small=812 type=exponential`."""
        names = {dimension.key: dimension.short_name for dimension in self.dimensions}
        ordered = [key for key in names if key in parameters] + [key for key in parameters if key not in names]
        return " ".join(f"{names.get(key, key.rpartition('.')[2])}={_shown(parameters[key])}" for key in ordered)

    def to_dict(self) -> dict[str, Any]:
        """The space as in a YAML file, in plain JSON types."""
        return {
            "name": self.name,
            "description": self.description,
            "fixed": dict(self.fixed),
            "dimensions": {dimension.key: dimension.to_dict() for dimension in self.dimensions},
            "known_points": {name: dict(point) for name, point in self.known_points.items()},
        }

    @classmethod
    def from_dict(cls, values: object, source: str = "") -> "Space":
        """Restore a space from `to_dict`, or build it from what stands in a YAML file.

        Args:
            values: The plain values.
            source: Where they come from, such as a file; named in the message about mistakes.

        Raises:
            SpaceError: If the values are not a space; every mistake in one message.
        """
        return cls(**read_parts(values, source), source=source)

    def _without_dimensions(self, point: Mapping[str, Json]) -> dict[str, Json]:
        keys = {dimension.key for dimension in self.dimensions}
        return {key: value for key, value in point.items() if key not in keys}


def _decide(
    dimensions: Iterable[Dimension],
    values: dict[str, Json],
    choose: Callable[[Dimension, Mapping[str, Json]], Json],
) -> dict[str, Json]:
    """Decide the active dimensions one after the other; `values` is what is decided before."""
    decided: dict[str, Json] = {}
    for dimension in dimensions:
        if dimension.is_active(values):
            decided[dimension.key] = values[dimension.key] = choose(dimension, values)
    return decided


def _walk(
    dimensions: tuple[Dimension, ...],
    values: dict[str, Json],
    point: dict[str, Json],
    values_of: Callable[[Dimension, Mapping[str, Json]], Iterable[Json]],
) -> Iterator[dict[str, Json]]:
    if not dimensions:
        yield point
        return
    first, rest = dimensions[0], dimensions[1:]
    if not first.is_active(values):
        yield from _walk(rest, values, point, values_of)
        return
    for value in values_of(first, values):
        yield from _walk(rest, {**values, first.key: value}, {**point, first.key: value}, values_of)


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{','.join(_shown(entry) for entry in value)}]"
    if isinstance(value, float):
        return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"
    return compact(value)
