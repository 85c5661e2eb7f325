"""What the size-aware settings of a configuration come to: which of them are read, and whether the thresholds rise."""

from collections.abc import Mapping

from search_spaces.json_values import Json, is_number
from trainable.config.quantiles import parse_quantile
from trainable.losses.size_weights import READS_MEDIUM_THRESHOLD, READS_SMALL_THRESHOLD

SMALL = "model.head.small_threshold"
MEDIUM = "model.head.medium_threshold"
_LOSS = "model.head.size_aware_loss"
_TYPE = "model.head.weight_type"
_EXPONENT = "model.head.size_aware_power_exponent"
_READ_BY_THE_LOSS = (
    _TYPE,
    SMALL,
    MEDIUM,
    _EXPONENT,
    "model.head.size_aware_weight",
    "model.head.size_aware_normalize",
    "model.head.size_aware_terms",
    "model.head.size_aware_area_space",
)
HEAD_KEYS = (_LOSS, *_READ_BY_THE_LOSS)


def unread_because(key: str, head: Mapping[str, Json]) -> str | None:
    """Why nothing reads a size-aware setting.

    Args:
        key: A configuration key.
        head: The values of `HEAD_KEYS`.

    Returns:
        The value that makes it so, such as `model.head.size_aware_loss=false`; `None` if the setting is read.
    """
    if key not in _READ_BY_THE_LOSS:
        return None
    if head[_LOSS] is False:
        return f"{_LOSS}=false"
    readers = {SMALL: READS_SMALL_THRESHOLD, MEDIUM: READS_MEDIUM_THRESHOLD, _EXPONENT: frozenset({"power"})}
    if key in readers and head[_TYPE] not in readers[key]:
        return f"{_TYPE}={head[_TYPE]}"
    return None


def thresholds_cross(point: Mapping[str, Json], head: Mapping[str, Json]) -> bool:
    """Whether the medium threshold is not above the small one, or that cannot be told before training.

    Args:
        point: The values of the active dimensions.
        head: The values of `HEAD_KEYS` under that point.
    """
    small, medium = head[SMALL], head[MEDIUM]
    reads_both = head[_LOSS] is not False and head[_TYPE] == "step"
    if not reads_both and not (SMALL in point and MEDIUM in point):
        return False
    first, second = _magnitude(small), _magnitude(medium)
    if first is None or second is None:
        return False  # no threshold at all, of which the schema speaks
    if isinstance(small, str) != isinstance(medium, str):
        return reads_both
    return first >= second


def _magnitude(threshold: Json) -> float | None:
    if isinstance(threshold, str):
        return parse_quantile(threshold)
    return threshold if is_number(threshold) else None
