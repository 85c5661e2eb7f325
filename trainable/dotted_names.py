"""Nested mappings under dotted names."""

from collections.abc import Mapping
from typing import Any


def flat(values: Mapping[str, object]) -> dict[str, object]:
    """Nested mappings with dotted names, such as `batch_size.train`; an empty mapping is kept as a value.

    Args:
        values: Names to values or further mappings.

    Returns:
        Dotted name to value, in the order given.
    """
    leaves: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            leaves.update({f"{name}.{inner}": leaf for inner, leaf in flat(value).items()})
        else:
            leaves[str(name)] = value
    return leaves


def value_at(values: object, name: str) -> Any:
    """The value under a dotted name of nested mappings; `None` where there is none."""
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values
