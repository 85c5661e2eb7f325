"""How sure a figure is: the two-level bootstrap over recordings and seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
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


@dataclass(frozen=True, slots=True)
class Variance:
    """How far a sum of metrics would be from the truth, by where that comes from.

    Attributes:
        by_recordings: Of the mean over the seeds at hand, with other recordings.
        by_seeds: With other seeds; 0 where every configuration has one.
        shared: What both of them hold: that seeds differ from recording to recording.
        degrees_of_recordings: Degrees of freedom of the first.
        degrees_of_seeds: Of the second.
    """

    by_recordings: float
    by_seeds: float
    shared: float
    degrees_of_recordings: float
    degrees_of_seeds: int

    @property
    def total(self) -> float:
        """Of the sum, with other recordings and other seeds."""
        return self.by_recordings + max(0.0, self.by_seeds - self.shared)

    @property
    def degrees(self) -> float:
        """Satterthwaite's degrees of freedom of the total, never below the smaller of the two shares' own."""
        if not self.degrees_of_seeds:
            return self.degrees_of_recordings
        spread = self.by_recordings**2 / self.degrees_of_recordings + self.by_seeds**2 / self.degrees_of_seeds
        return max(self.total**2 / spread, min(self.degrees_of_recordings, self.degrees_of_seeds))

    def p_value(self, value: float) -> float:
        """How often a value at least that far from 0 comes about where the truth is 0; for a total above 0."""
        return 2 * float(stdtr(self.degrees, -abs(value) / sqrt(self.total)))


def estimate(arms: Sequence[Draws], signs: Sequence[int]) -> Estimate:
    """Estimate a sum of metrics, such as a difference of two configurations.

    The interval is Student's, with the variance and the degrees of freedom of `variance`.

    Args:
        arms: The configurations, on the same resamples.
        signs: +1 or -1 for each.
    """
    value = float(sum(sign * arm.point.mean() for arm, sign in zip(arms, signs, strict=True)))
    covers_seeds = any(len(arm.point) > 1 for arm in arms)
    unsaid = Estimate(value, nan, nan, nan, nan, covers_seeds)
    spread = None if isnan(value) else variance(arms, signs)
    if spread is None:
        return unsaid
    if spread.total == 0:
        return Estimate(0.0, 0.0, 0.0, 0.5, 1.0, covers_seeds) if value == 0 else unsaid
    error = sqrt(spread.total)
    half_width = error * float(stdtrit(spread.degrees, (1 + CONFIDENCE) / 2))
    return Estimate(
        value,
        value - half_width,
        value + half_width,
        probability_positive=float(stdtr(spread.degrees, value / error)),
        p_value=spread.p_value(value),
        covers_seeds=covers_seeds,
    )


def variance(arms: Sequence[Draws], signs: Sequence[int]) -> Variance | None:
    """The variance of a sum of metrics; none where recordings are too few or too often without the metric.

    The recordings' share is that of the paired bootstrap of the mean over seeds. The seeds' share is computed and not
    drawn, for resampling two or three seeds gives the same variance too small by a third or a half: the variance among
    seeds, pooled over the arms, less the part that other recordings explain (seeds that differ on some recordings
    only), which the first share holds already.

    Args:
        arms: The configurations, on the same resamples.
        signs: +1 or -1 for each.

    Source: variances of a crossed design with two random factors, as in Owen and Eckles (2012) on bootstrapping them;
    Satterthwaite (1946). Deviation: recordings of unequal weight count as their effective number, both in the
    bootstrap's small-sample factor n / (n - 1) and in the degrees of freedom (Carter, Schnepel and Steigerwald 2017).
    """
    resampled = np.concatenate([arm.resampled for arm in arms])
    defined = ~np.isnan(resampled).any(axis=0)
    degrees_of_recordings = min(arm.effective_recordings for arm in arms) - 1
    if not degrees_of_recordings > 1e-9 or 2 * defined.sum() < max(len(defined), 4):
        return None
    small_sample = 1 + 1 / degrees_of_recordings
    total = sum(sign * arm.resampled[:, defined].mean(axis=0) for arm, sign in zip(arms, signs, strict=True))
    by_recordings = small_sample * float(np.var(total, ddof=1))

    by_seeds = shared = 0.0
    degrees_of_seeds = sum(len(arm.point) - 1 for arm in arms)
    if degrees_of_seeds:
        per_run = sum(1 / len(arm.point) for arm in arms) / degrees_of_seeds
        by_seeds = per_run * sum(float(((arm.point - arm.point.mean()) ** 2).sum()) for arm in arms)
        shared = per_run * small_sample * sum(_variance_of_deviations(arm.resampled[:, defined]) for arm in arms)
    return Variance(by_recordings, by_seeds, shared, degrees_of_recordings, degrees_of_seeds)


def _variance_of_deviations(resampled: NDArray[np.float64]) -> float:
    """Over resamples, of each seed's deviation from the mean over seeds, added up."""
    return float(np.var(resampled - resampled.mean(axis=0), axis=1, ddof=1).sum())
