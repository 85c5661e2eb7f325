"""Thresholds written as quantiles of the training boxes' areas."""

import re

_QUANTILE = re.compile(r"q([0-9]+\.?[0-9]*|\.[0-9]+)")


def parse_quantile(threshold: float | str) -> float | None:
    """Read a threshold such as `"q0.33"`.

    Args:
        threshold: An area in px², or `q` and a plain decimal number.

    Returns:
        The fraction from 0 to 1; `None` if the threshold is not written as a quantile.
    """
    match = _QUANTILE.fullmatch(threshold) if isinstance(threshold, str) else None
    fraction = None if match is None else float(match[1])
    return fraction if fraction is not None and fraction <= 1 else None
