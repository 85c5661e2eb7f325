"""Reading what a space consists of from plain values, with every mistake in one message."""

from collections.abc import Iterator, Mapping
from typing import TypedDict, TypeVar

from search_spaces.choices import Choices
from search_spaces.dimension import Dimension
from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, is_json, is_number
from search_spaces.ranges import FloatRange, IntRange, Ratio
from search_spaces.structure import structure_mistakes
from trainable.config.nearest_key import nearest_key

_SPACE_KEYS = ("name", "description", "fixed", "dimensions", "known_points")
_DIMENSION_KEYS = ("float", "int", "choices", "ratio_of", "log", "step", "when", "label")
_EXAMPLE = "{float: [1, 5]}, {int: [128, 4096], log: true} or {choices: [2, 3, 4]}"

_Number = TypeVar("_Number", int, float)


class SpaceParts(TypedDict):
    """The arguments of `Space`."""

    name: str
    description: str
    dimensions: tuple[Dimension, ...]
    fixed: dict[str, Json]
    known_points: dict[str, dict[str, Json]]


def read_parts(values: object, source: str = "") -> SpaceParts:
    """Read what a space consists of from plain values.

    Args:
        values: What stands in the YAML file.
        source: Where they come from, such as a file; named in the message about mistakes.

    Raises:
        SpaceError: If the values are not a space; every mistake in one message.
    """
    heading = f"the search space {source} cannot be used" if source else "the search space cannot be used"
    if not isinstance(values, dict):
        raise SpaceError([f"expected a mapping with the keys {', '.join(_SPACE_KEYS)}, got {values!r}"], heading)
    mistakes = list(_unknown_keys(values, _SPACE_KEYS, "of a search space"))
    name = _text(values.get("name"), "name", mistakes)
    description = _text(values.get("description"), "description", mistakes)
    fixed = _settings(values.get("fixed"), "fixed", mistakes)
    points = {
        point_name: _settings(point, f"known_points.{point_name}", mistakes)
        for point_name, point in _mapping(values.get("known_points"), "known_points", mistakes).items()
    }
    dimensions: list[Dimension] = []
    unread: list[str] = []
    for key, described in _mapping(values.get("dimensions"), "dimensions", mistakes).items():
        try:
            dimensions.append(_read_dimension(key, described))
        except SpaceError as error:
            mistakes.extend(error.mistakes)
            unread.append(key)
    if not values.get("dimensions"):
        mistakes.append(f"`dimensions` must name at least one key, such as model.head.size_aware_weight: {_EXAMPLE}")
    mistakes.extend(structure_mistakes(dimensions, fixed, unread))
    if mistakes:
        raise SpaceError(mistakes, heading)
    return SpaceParts(
        name=name, description=description, dimensions=tuple(dimensions), fixed=fixed, known_points=points
    )


def _text(value: object, name: str, mistakes: list[str]) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    mistakes.append(f"`{name}` must be a text, got {value!r}")
    return ""


def _read_dimension(key: str, values: object) -> Dimension:
    if not isinstance(values, dict):
        raise SpaceError([f"`{key}`: expected a mapping such as {_EXAMPLE}, got {values!r}"])
    mistakes = list(_unknown_keys(values, _DIMENSION_KEYS, "of a dimension"))
    kinds = [kind for kind in ("float", "int", "choices") if kind in values]
    if len(kinds) != 1:
        came = " and ".join(kinds) if kinds else "none of them"
        mistakes.append(f"expected one of float, int and choices, such as {_EXAMPLE}, got {came}")
    common = _Common(key=key, label=_label(values.get("label", ""), mistakes), when=_when(values, mistakes))
    _raise_if_any(key, mistakes)
    match kinds[0]:
        case "choices":
            return _read_choices(common, values)
        case "int":
            return _read_int_range(common, values)
        case _:
            return _read_float_range(common, values)


class _Common(TypedDict):
    """What every dimension has."""

    key: str
    label: str
    when: dict[str, tuple[Json, ...]]


def _label(label: object, mistakes: list[str]) -> str:
    if isinstance(label, str) and not any(character.isspace() or character == "=" for character in label):
        return label
    mistakes.append(f"`label` must be a text without spaces and `=`, got {label!r}")
    return ""


def _when(values: Mapping[str, object], mistakes: list[str]) -> dict[str, tuple[Json, ...]]:
    conditions = _settings(values.get("when"), "when", mistakes)
    return {key: tuple(value) if isinstance(value, list) else (value,) for key, value in conditions.items()}


def _read_choices(common: _Common, values: Mapping[str, object]) -> Choices:
    mistakes = _misplaced(values, ("log", "step", "ratio_of"), "choices")
    choices = values["choices"]
    if not (isinstance(choices, list) and all(is_json(choice) for choice in choices)):
        mistakes.append(f"`choices` must be a list of values such as [2, 3, 4], got {choices!r}")
        choices = []
    _raise_if_any(common["key"], mistakes)
    return Choices(**common, choices=tuple(choices))


def _read_int_range(common: _Common, values: Mapping[str, object]) -> IntRange:
    mistakes = _misplaced(values, ("ratio_of",), "int")
    low, high = _bounds(values["int"], int, mistakes)
    step = _step(values.get("step"), int, mistakes)
    log = _log(values, mistakes)
    _raise_if_any(common["key"], mistakes)
    return IntRange(**common, low=low, high=high, log=log, step=step)


def _read_float_range(common: _Common, values: Mapping[str, object]) -> FloatRange | Ratio:
    mistakes: list[str] = []
    low, high = _bounds(values["float"], float, mistakes)
    step = _step(values.get("step"), float, mistakes)
    log = _log(values, mistakes)
    other = values.get("ratio_of")
    if not (other is None or isinstance(other, str)):
        mistakes.append(f"`ratio_of` must be the key of another dimension, got {other!r}")
    _raise_if_any(common["key"], mistakes)
    if other is None:
        return FloatRange(**common, low=low, high=high, log=log, step=step)
    return Ratio(**common, low=low, high=high, log=log, step=step, ratio_of=str(other))


def _misplaced(values: Mapping[str, object], names: tuple[str, ...], kind: str) -> list[str]:
    return [f"`{name}` does not go with {kind}, got {values[name]!r}" for name in names if name in values]


def _log(values: Mapping[str, object], mistakes: list[str]) -> bool:
    log = values.get("log", False)
    if isinstance(log, bool):
        return log
    mistakes.append(f"`log` must be true or false, got {log!r}")
    return False


def _bounds(bounds: object, number: type[_Number], mistakes: list[str]) -> tuple[_Number, _Number]:
    if isinstance(bounds, list) and len(bounds) == 2 and all(_fits(bound, number) for bound in bounds):
        return number(bounds[0]), number(bounds[1])
    what = "integers" if number is int else "numbers"
    mistakes.append(f"`{number.__name__}` must be two {what}, [lowest, highest], got {bounds!r}")
    return number(0), number(1)


def _step(step: object, number: type[_Number], mistakes: list[str]) -> _Number | None:
    if step is None:
        return None
    if is_number(step) and _fits(step, number):
        return number(step)
    what = "an integer" if number is int else "a number"
    mistakes.append(f"`step` must be {what}, got {step!r}")
    return None


def _fits(value: object, number: type[int] | type[float]) -> bool:
    return is_number(value) and (number is float or isinstance(value, int))


def _raise_if_any(key: str, mistakes: list[str]) -> None:
    if mistakes:
        raise SpaceError([f"`{key}`: {mistake}" for mistake in mistakes])


def _mapping(values: object, name: str, mistakes: list[str]) -> dict[str, object]:
    """The mapping, or an empty one where it is left out or wrong."""
    if values is None:
        return {}
    if isinstance(values, dict) and all(isinstance(key, str) for key in values):
        return values
    mistakes.append(f"`{name}` must be a mapping whose keys are texts, got {values!r}")
    return {}


def _settings(values: object, name: str, mistakes: list[str]) -> dict[str, Json]:
    """Dotted key to value."""
    settings: dict[str, Json] = {}
    for key, value in _mapping(values, name, mistakes).items():
        if is_json(value):
            settings[key] = value
        else:
            mistakes.append(
                f"`{name}.{key}` must be a plain value or a list; write sections as dotted keys, got {value!r}"
            )
    return settings


def _unknown_keys(values: Mapping[object, object], known: tuple[str, ...], what: str) -> Iterator[str]:
    for key in values:
        if key not in known:
            yield f"`{key}` is not a key {what}; did you mean `{nearest_key(str(key), known)}`?"
