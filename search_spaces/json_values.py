"""Values as they stand in a space's YAML file, in a configuration and in a study."""

import json
from typing import TypeAlias, TypeGuard

Json: TypeAlias = bool | int | float | str | list["Json"] | None


def same(first: object, second: object) -> bool:
    """Whether two values are one and the same setting: `2` is `2.0`, but `1` is not `true`."""
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    return isinstance(first, bool) == isinstance(second, bool) and first == second


def compact(value: object) -> str:
    """The value as JSON without spaces: `[1,2,3,4]`."""
    return json.dumps(value, separators=(",", ":"))


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether the value is an integer or a float; a boolean is neither."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_json(value: object) -> TypeGuard[Json]:
    """Whether the value is a plain value or a list of such."""
    if isinstance(value, list):
        return all(is_json(entry) for entry in value)
    return value is None or isinstance(value, (bool, int, float, str))
