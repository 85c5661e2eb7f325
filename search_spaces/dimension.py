"""A dimension of a space: what may be chosen for one configuration key, and how Optuna is asked for it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, compact, same

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Parameter = None | bool | int | float | str
"""What Optuna stores for a dimension."""


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
