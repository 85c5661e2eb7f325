"""Thresholds given as quantiles of the training boxes' areas."""

import math
import re

import numpy as np
from numpy.typing import NDArray

from trainable.errors import ConfigError

_QUANTILE = re.compile(r"q(0|1|0?\.\d+|[01]\.0*)")


def is_quantile(value: float | str) -> bool:
    """Tell whether a threshold is a quantile of the training boxes' areas, such as `"q0.33"`."""
    return isinstance(value, str) and _QUANTILE.fullmatch(value) is not None


def resolve_threshold(value: float | str, areas_px2: NDArray[np.floating]) -> float:
    """Turn a threshold into an area: a number stays, `"q0.33"` becomes that quantile of the training boxes' areas.

    Args:
        value: An area in px², or `q` and a fraction from 0 to 1.
        areas_px2: The areas of all boxes of the training split, any shape, in the pixels that the threshold is meant
            in. Read only for a quantile.

    Returns:
        The area in px² of the pixels of `areas_px2`.

    Raises:
        ConfigError: The value is neither, there is no box, or the area that results is not positive and finite.
    """
    if is_quantile(value):
        if areas_px2.size == 0:
            raise ConfigError(
                f'the threshold "{value}" is a quantile of the training boxes\' areas, but the training split has '
                "no box; give the threshold as an area in px²"
            )
        area_px2 = float(np.quantile(areas_px2, float(str(value)[1:])))
    elif isinstance(value, (str, bool)):
        raise ConfigError(
            f'a threshold must be an area in px² or a quantile of the training boxes\' areas such as "q0.33", '
            f"got {value!r}"
        )
    else:
        area_px2 = float(value)
    if not (math.isfinite(area_px2) and area_px2 > 0):
        raise ConfigError(f"a threshold must be a positive, finite area in px², got {value!r}, which is {area_px2} px²")
    return area_px2
