"""Nested mappings as flat ones."""

from collections.abc import Mapping


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
