"""Several comparisons at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Adjust p-values so that all below 0.05 together hold a single wrong one in at most 5 % of cases.

    Args:
        p_values: One a comparison; NaN where there is none, which counts as no comparison.

    Returns:
        Adjusted p-values in the order given, NaN where they were, `(comparisons,)`.

    Source: Holm (1979).
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
    adjusted = np.full(len(values), np.nan)
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
