"""Stable orders of many rows by small whole numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def narrow(values: NDArray[np.int64]) -> NDArray[Any]:
    """The same whole numbers ≥ 0 in the smallest type that holds them, for fast (radix) sorting and small files."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def rank_within(*keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier rows have the same keys.

    Args:
        keys: Whole numbers ≥ 0, each `(n,)`.

    Returns:
        `(n,)` int64.
    """
    order = np.lexsort([narrow(key) for key in keys])
    is_first = np.zeros(len(order), dtype=np.bool_)
    is_first[:1] = True
    for key in keys:
        ordered = key[order]
        is_first[1:] |= ordered[1:] != ordered[:-1]
    first = np.flatnonzero(is_first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    return rank
