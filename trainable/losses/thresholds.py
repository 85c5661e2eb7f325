"""Thresholds given as quantiles of the training boxes' areas."""

import math

import numpy as np
from numpy.typing import NDArray

from trainable.config.quantiles import parse_quantile
from trainable.errors import ConfigError


def is_quantile(value: float | str) -> bool:
    """Tell whether a threshold is a quantile of the training boxes' areas, such as `"q0.33"`."""
    return parse_quantile(value) is not None


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
    quantile = parse_quantile(value)
    if quantile is not None:
        if areas_px2.size == 0:
            raise ConfigError(
                f'the threshold "{value}" is a quantile of the training boxes\' areas, but the training split has '
                "no box; give the threshold as an area in px²"
            )
        area_px2 = float(np.quantile(areas_px2, quantile))
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
