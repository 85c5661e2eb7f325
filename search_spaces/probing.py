"""The points of a space that are tried against a configuration before a sweep starts."""

from collections.abc import Iterator, Mapping
from itertools import islice
from random import Random

from search_spaces.choices import Choices
from search_spaces.dimension import Dimension
from search_spaces.json_values import Json, same
from search_spaces.space import Space

_MOST_CORNERS = 300
_INTERIOR_POINTS = 60


def probes(space: Space) -> Iterator[dict[str, Json]]:
    """Points at the bounds, and some between them.

    All combinations of bounds and choices are tried where there are at most 300; else 300 in which each
    dimension's bounds and choices come up equally often. Between the bounds lie 60 points, the same at each call.
    """
    corners = list(islice(space.walk(lambda dimension, values: dimension.corners(values)), _MOST_CORNERS + 1))
    random = Random(0)
    if len(corners) <= _MOST_CORNERS:
        yield from corners
    else:
        yield from _corners_in_turn(space, random)
    for _ in range(_INTERIOR_POINTS):
        yield from space.walk(lambda dimension, values: [dimension.draw(random, values)])


def always_inactive(space: Space) -> list[Dimension]:
    """Dimensions whose conditions can never hold together."""
    named: dict[str, list[Json]] = {key: [] for dimension in space.dimensions for key in dimension.when}
    for dimension in space.dimensions:
        for key, accepted in dimension.when.items():
            named[key].extend(accepted)

    def decisive_values(dimension: Dimension, values: Mapping[str, Json]) -> list[Json]:
        """The values on which a condition depends, and one on which none does."""
        possible = list(dimension.corners(values))
        if dimension.key not in named:
            return possible[:1]
        if isinstance(dimension, Choices):
            return possible
        return possible[:1] + [value for value in named[dimension.key] if not same(value, possible[0])]

    seen = {key for point in space.walk(decisive_values) for key in point}
    return [dimension for dimension in space.dimensions if dimension.key not in seen]


def _corners_in_turn(space: Space, random: Random) -> Iterator[dict[str, Json]]:
    waiting: dict[str, list[int]] = {}

    def next_corner(dimension: Dimension, values: Mapping[str, Json]) -> list[Json]:
        corners = list(dimension.corners(values))
        turns = waiting.setdefault(dimension.key, [])
        if not turns:
            turns.extend(random.sample(range(len(corners)), len(corners)))
        return [corners[min(turns.pop(), len(corners) - 1)]]

    for _ in range(_MOST_CORNERS):
        yield from space.walk(next_corner)
