"""How sure a figure is: the two-level bootstrap over recordings and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95
"""How often an interval is to hold the true value."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """One metric of one configuration, trained with one or more seeds.

    Attributes:
        point: Over all recordings once, `(seeds,)`.
        resampled: In each resample of the recordings, the same resamples for all seeds and for all that it is compared
            with, `(seeds, resamples)`; NaN where undefined.
        effective_recordings: How many recordings of equal weight would tell as much.
    """

    point: NDArray[np.float64]
    resampled: NDArray[np.float64]
    effective_recordings: float


class Estimate(NamedTuple):
    """A figure and how sure it is; everything but `value` and the counts is NaN where nothing can be said."""

    value: float
    """The figure itself: over all recordings, the mean over seeds."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""
    probability_positive: float
    """How sure it is that the true value lies above 0."""
    p_value: float
    """Two-sided, for a true value of 0; below 0.05 just where the interval leaves out 0."""
    covers_seeds: bool
    """Whether the interval is about all seeds; otherwise only about these very weights on other recordings."""


def estimate(arms: Sequence[Draws], signs: Sequence[int]) -> Estimate:
    """Estimate a sum of metrics, such as a difference of two configurations.

    The recordings' share of the variance is that of the paired bootstrap of the mean over seeds. The seeds' share is
    computed and not drawn, for resampling two or three seeds gives the same variance too small by a third or a half:
    the variance among seeds, pooled over the arms, less the part that other recordings explain (seeds that differ on
    some recordings only), which the first share holds already. The interval is Student's, with Satterthwaite's degrees
    of freedom, never below the smaller of the two shares' own.

    Args:
        arms: The configurations, on the same resamples.
        signs: +1 or -1 for each.

    Source: variances of a crossed design with two random factors, as in Owen and Eckles (2012) on bootstrapping them;
    Satterthwaite (1946). Deviation: recordings of unequal weight count as their effective number, both in the
    bootstrap's small-sample factor n / (n - 1) and in the degrees of freedom (Carter, Schnepel and Steigerwald 2017).
    """
    value = float(sum(sign * arm.point.mean() for arm, sign in zip(arms, signs, strict=True)))
    degrees_of_seeds = sum(len(arm.point) - 1 for arm in arms)
    unsaid = Estimate(value, nan, nan, nan, nan, degrees_of_seeds > 0)

    resampled = np.concatenate([arm.resampled for arm in arms])
    defined = ~np.isnan(resampled).any(axis=0)
    degrees_of_recordings = min(arm.effective_recordings for arm in arms) - 1
    if not degrees_of_recordings > 1e-9 or np.isnan(value) or 2 * defined.sum() < max(len(defined), 4):
        return unsaid
    small_sample = 1 + 1 / degrees_of_recordings
    total = sum(sign * arm.resampled[:, defined].mean(axis=0) for arm, sign in zip(arms, signs, strict=True))
    by_recordings = small_sample * float(np.var(total, ddof=1))

    by_seeds = shared = 0.0
    if degrees_of_seeds:
        per_run = sum(1 / len(arm.point) for arm in arms) / degrees_of_seeds
        by_seeds = per_run * sum(float(((arm.point - arm.point.mean()) ** 2).sum()) for arm in arms)
        shared = per_run * small_sample * sum(_variance_of_deviations(arm.resampled[:, defined]) for arm in arms)
    variance = by_recordings + max(0.0, by_seeds - shared)
    if variance == 0:
        return Estimate(0.0, 0.0, 0.0, 0.5, 1.0, degrees_of_seeds > 0) if value == 0 else unsaid
    degrees = degrees_of_recordings
    if degrees_of_seeds:
        spread = by_recordings**2 / degrees_of_recordings + by_seeds**2 / degrees_of_seeds
        degrees = max(variance**2 / spread, min(degrees_of_recordings, degrees_of_seeds))
    error = sqrt(variance)
    half_width = error * float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    return Estimate(
        value,
        value - half_width,
        value + half_width,
        probability_positive=float(stdtr(degrees, value / error)),
        p_value=2 * float(stdtr(degrees, -abs(value) / error)),
        covers_seeds=degrees_of_seeds > 0,
    )


def _variance_of_deviations(resampled: NDArray[np.float64]) -> float:
    """Over resamples, of each seed's deviation from the mean over seeds, added up."""
    return float(np.var(resampled - resampled.mean(axis=0), axis=1, ddof=1).sum())
