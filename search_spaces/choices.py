"""A dimension of a few named values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from search_spaces.dimension import Dimension, Parameter
from search_spaces.json_values import Json, compact, same

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


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
