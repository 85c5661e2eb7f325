"""Resamples of the recordings, shared by all that is compared."""

import numpy as np
from numpy.typing import NDArray


def draw_resamples(num_recordings: int, *, resamples: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    """Draw recordings with replacement, as many as there are.

    Args:
        num_recordings: Number of recordings, at least 1.
        resamples: Number of resamples.
        seed: Of the draws; the same seed gives the same resamples.

    Returns:
        How often each recording was drawn, `(resamples, recordings)`; every row adds up to `num_recordings`.

    Raises:
        ValueError: Fewer than one recording or resample.
    """
    if min(num_recordings, resamples) < 1:
        raise ValueError(f"resamples need at least one recording and one draw, got {num_recordings=}, {resamples=}")
    chances = np.full(num_recordings, 1 / num_recordings)
    return np.random.default_rng(seed).multinomial(num_recordings, chances, size=resamples)
