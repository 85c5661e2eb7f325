"""Checking a space against the configuration that its trials start from, before anything runs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from search_spaces.errors import SpaceError
from search_spaces.json_values import Json, compact
from search_spaces.probing import always_inactive, probes
from search_spaces.size_aware_head import HEAD_KEYS, MEDIUM, SMALL, thresholds_cross, unread_because
from search_spaces.space import Space
from trainable.config import Config, configuration_keys
from trainable.config.nearest_key import nearest_key
from trainable.dotted_names import value_at
from trainable.errors import ConfigError

_METRIC_BINS = "dataset.evaluation."
_SET_BY_THE_SWEEP = ("output_dir", "run_dir", "resume", "result_json", "tracking.")


def check_space(space: Space, base: Config) -> None:
    """Check that every point of a space makes a configuration that can be trained.

    Bounds, choices, their combinations and some points between them are merged into the base configuration.

    Args:
        space: The space.
        base: The configuration that the trials start from.

    Raises:
        SpaceError: With every mistake: unknown keys, values that the configuration refuses, thresholds that can cross,
            dimensions that are never active or never read, known points outside the space.
    """
    unknown = {key: reason for key in _all_keys(space) if (reason := _unknown_because(key, base)) is not None}
    mistakes = [*_key_mistakes(space, unknown), *_overlaps(space)]
    for dimension in always_inactive(space):
        conditions = ", ".join(f"{key}: {compact(list(accepted))}" for key, accepted in dimension.when.items())
        mistakes.append(f"`{dimension.key}`: `when` {conditions} never happens together")
    mistakes += _range_mistakes(space, base, unknown)
    mistakes += _known_point_mistakes(space, base, unknown)
    if mistakes:
        of = f" ({space.source})" if space.source else ""
        raise SpaceError(mistakes, f"the search space {space.name}{of} does not fit the configuration")


def _all_keys(space: Space) -> frozenset[str]:
    dimensions = (dimension.key for dimension in space.dimensions)
    return frozenset(chain(space.fixed, dimensions, *space.known_points.values()))


def _key_mistakes(space: Space, unknown: Mapping[str, str]) -> Iterator[str]:
    """Mistakes in the keys of dimensions, fixed values and known points."""
    varied = {dimension.key: f"`{dimension.key}`" for dimension in space.dimensions}
    for name, point in space.known_points.items():
        for key in point:
            varied.setdefault(key, f"known point {name}: `{key}`")
    named = dict(varied)
    for key in space.fixed:
        named.setdefault(key, f"fixed: `{key}`")
    for key, where in named.items():
        if key in unknown:
            yield f"{where} {unknown[key]}"
        elif key.startswith(_SET_BY_THE_SWEEP):
            yield f"{where} is set by the sweep itself; leave it out"
        elif key.startswith(_METRIC_BINS) and key in varied:
            yield (
                f"{where} belongs to the metric, which must be the same for all trials that are compared; vary "
                f"`{SMALL}` of the loss instead, or give it in `fixed`"
            )


def _overlaps(space: Space) -> Iterator[str]:
    """Keys inside what another key sets as a whole."""
    keys = sorted(_all_keys(space))
    for key in keys:
        for inner in keys:
            if inner.startswith(f"{key}."):
                yield f"`{inner}` lies inside `{key}`, which the space sets too; leave one of them out"


def _unknown_because(key: str, base: Config) -> str | None:
    """What is wrong with a key that holds no value; `None` for a key that does."""
    keys = tuple(configuration_keys())
    if key in keys:
        return None
    if below := [other for other in keys if other.startswith(f"{key}.")]:
        return f"is a section; name its keys one by one, such as `{below[0]}`"
    for other in keys:
        if key.startswith(f"{other}.") and isinstance(value_at(base.to_dict(), other), dict):
            return None  # a key of a free mapping, such as model.backbone.compile.args.mode
    return f"is not a key of the configuration; did you mean `{nearest_key(key, keys)}`?"


def _range_mistakes(space: Space, base: Config, unknown: Collection[str]) -> Iterator[str]:
    """What the configuration refuses, and what has no effect, in the probed points."""
    plain = base.to_dict()
    refused = _Refused()
    crossing: dict[str, Json] | None = None
    read: set[str] = set()
    unread: dict[str, str] = {}
    for point in probes(space):
        overrides = _without(unknown, space.overrides(point))
        head = {key: overrides.get(key, value_at(plain, key)) for key in HEAD_KEYS}
        for key in point:
            if (reason := unread_because(key, head)) is None:
                read.add(key)
            else:
                unread.setdefault(key, reason)
        if thresholds_cross(point, head):
            crossing = crossing or head
        else:
            refused.try_merging(base, overrides)
    yield from refused.mistakes()
    if crossing is not None:
        yield (
            f"`{MEDIUM}` must always be above `{SMALL}`, but the space holds {compact(crossing[SMALL])} for the small "
            f"and {compact(crossing[MEDIUM])} for the medium one; give it as a multiple: `ratio_of: {SMALL}` with "
            "float: [2, 16], or give both as quantiles that cannot meet"
        )
    for key in sorted(unread.keys() - read):
        yield f"`{key}` is never read, because of {unread[key]}: change that in `fixed` or leave the dimension out"


def _known_point_mistakes(space: Space, base: Config, unknown: Collection[str]) -> Iterator[str]:
    seen: dict[str, str] = {}
    dimensions = {dimension.key: dimension for dimension in space.dimensions}
    for name, point in space.known_points.items():
        where = f"known point {name}"
        for key in space.extras(point).keys() & dimensions.keys():
            conditions = ", ".join(
                f"{named}={' or '.join(compact(value) for value in accepted)}"
                for named, accepted in dimensions[key].when.items()
            )
            yield f"{where}: `{key}` is not searched there, only with {conditions}; leave it out"
        try:
            space.optuna_parameters(point)
        except SpaceError as error:
            yield from (f"{where}: {mistake}" for mistake in error.mistakes)
        refused = _Refused()
        refused.try_merging(base, _without(unknown, space.overrides(point)))
        yield from (f"{where}: {mistake}" for mistake in refused.mistakes())
        twin = seen.setdefault(compact(sorted(point.items())), name)
        if twin != name:
            yield f"{where}: expected a point of its own, got the same values as known point {twin}"


class _Refused:
    """What the configuration refuses, each reason once with some of the values that it was given for."""

    _SHOWN = 3

    def __init__(self) -> None:
        self._values_by_reason: dict[str, list[str]] = {}

    def try_merging(self, base: Config, overrides: Mapping[str, Json]) -> None:
        """Merge overrides into the base configuration and keep the reasons if that is refused."""
        try:
            base.merged(overrides)
        except ConfigError as error:
            lines = str(error).splitlines()
            for line in lines[1:] or lines:
                reason, _, value = line.removeprefix("  - ").rpartition(", got ")
                shown = self._values_by_reason.setdefault(reason or value, [])
                if reason and value not in shown:
                    shown.append(value)

    def mistakes(self) -> Iterator[str]:
        """The reasons."""
        for reason, values in self._values_by_reason.items():
            yield f"{reason}, got {_shortened(values, self._SHOWN)}" if values else reason


def _shortened(values: Sequence[str], most: int) -> str:
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more


def _without(unknown: Collection[str], overrides: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in overrides.items() if key not in unknown}
