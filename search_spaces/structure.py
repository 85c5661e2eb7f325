"""What must hold between the dimensions of a space, whatever configuration it is for."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from search_spaces.choices import Choices
from search_spaces.dimension import Dimension
from search_spaces.json_values import Json, compact, is_number, same
from search_spaces.ranges import IntRange, Range, Ratio


def structure_mistakes(
    dimensions: Sequence[Dimension], fixed: Mapping[str, Json], unread: Collection[str] = ()
) -> Iterator[str]:
    """Find conditions, ratios and labels that cannot work.

    Args:
        dimensions: The dimensions in the order in which they are decided.
        fixed: The space's fixed values.
        unread: Keys of dimensions that could not be read, about which nothing more is said.
    """
    before: dict[str, Dimension] = {}
    for dimension in dimensions:
        if dimension.key in fixed:
            yield f"`{dimension.key}`: a dimension cannot be fixed too, got {compact(fixed[dimension.key])} in `fixed`"
        if dimension.key in before:
            yield f"`{dimension.key}`: expected one dimension a key, got another one"
        for key, accepted in dimension.when.items():
            if key not in unread:
                yield from _condition_mistakes(dimension.key, key, accepted, before, fixed)
        if isinstance(dimension, Ratio) and dimension.ratio_of not in unread:
            yield from _ratio_mistakes(dimension, before)
        before[dimension.key] = dimension
    names = Counter(dimension.short_name for dimension in before.values())
    for dimension in before.values():
        if names[dimension.short_name] > 1:
            yield (
                f"`{dimension.key}`: expected a name of its own in trial names, got `{dimension.short_name}` for "
                "several dimensions; give it a `label`"
            )


def _condition_mistakes(
    key: str, named: str, accepted: tuple[Json, ...], before: Mapping[str, Dimension], fixed: Mapping[str, Json]
) -> Iterator[str]:
    if named in fixed:
        if not any(same(value, fixed[named]) for value in accepted):
            expected = " or ".join(compact(value) for value in accepted)
            yield f"`{key}`: `when` {named}={expected} never happens, since `fixed` says {compact(fixed[named])}"
        return
    if named not in before:
        yield (f"`{key}`: `when` must name a dimension further up or a key of `fixed`, got `{named}`")
        return
    other = before[named]
    if not isinstance(other, (Choices, IntRange)):
        yield f"`{key}`: `when` must name a dimension of choices or integers, got `{named}`, {other.expected()}"
        return
    for value in accepted:
        if not other.contains(value):
            hint = "; a value that is a list stands in a list of its own: [[1, 2, 3, 4]]" if _holds_lists(other) else ""
            yield f"`{key}`: `when` {named}={compact(value)} never happens, expected {other.expected()}{hint}"


def _holds_lists(dimension: Dimension) -> bool:
    return isinstance(dimension, Choices) and any(isinstance(choice, list) for choice in dimension.choices)


def _ratio_mistakes(dimension: Ratio, before: Mapping[str, Dimension]) -> Iterator[str]:
    other = before.get(dimension.ratio_of)
    if other is None:
        yield f"`{dimension.key}`: `ratio_of` must name a dimension further up, got `{dimension.ratio_of}`"
        return
    if not _is_positive(other):
        yield f"`{dimension.key}`: `ratio_of` needs positive numbers, got `{other.key}`, {other.expected()}"
    for key, accepted in other.when.items():
        narrower = dimension.when.get(key, ())
        if not narrower or not all(any(same(value, allowed) for allowed in accepted) for value in narrower):
            values = compact(list(accepted))
            yield (
                f"`{dimension.key}`: `ratio_of` names `{other.key}`, which is active only when {key} is one of "
                f"{values}; give both the same condition"
            )


def _is_positive(dimension: Dimension) -> bool:
    if isinstance(dimension, Choices):
        return all(is_number(choice) and choice > 0 for choice in dimension.choices)
    return isinstance(dimension, Range) and dimension.low > 0
