"""Whether an early result tells a late one: rank correlation, and trials that overtook others."""

from dataclasses import dataclass
from math import atanh, nan, sqrt, tanh

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import kendalltau

from reports.uncertainty import CONFIDENCE

LEAST_FOR_INTERVAL = 8
"""Trials below which an interval would say nothing."""


@dataclass(frozen=True)
class RankCorrelation:
    """How much the order of trials early is that of the same trials late.

    Attributes:
        trials: Number of trials with both results.
        tau: Kendall's τ-b, -1 to 1; NaN where all early or all late results are equal.
        low: Lower end of its 95 % interval; NaN below `LEAST_FOR_INTERVAL` trials.
        high: Upper end.
        overtaking: Trials that ended above another one that they were behind early.
        largest_gap: The largest distance between two early results whose order turned round; 0 where none did.
    """

    trials: int
    tau: float
    low: float
    high: float
    overtaking: int
    largest_gap: float

    @property
    def share_overtaking(self) -> float:
        """Of all trials; NaN below two."""
        return self.overtaking / self.trials if self.trials > 1 else nan


def rank_correlation(early: NDArray[np.float64], late: NDArray[np.float64]) -> RankCorrelation:
    """Compare two results of the same trials; trials that lack one are left out.

    Args:
        early: `(trials,)`, NaN where there is none.
        late: `(trials,)` likewise.

    Source: Kendall (1945) for ties; the interval by Fisher's z with the variance 0.437 / (n - 4) of Fieller, Hartley
    and Pearson (1957). Deviation: where no pair, or every pair, changed its order, half a pair is taken to have, so
    that a few trials that kept their order do not make certainty. With 8 to 100 trials of normal results the interval
    held the true τ in 84 to 96 % of simulations, least often for few trials whose order hardly changes.
    """
    both = ~(np.isnan(early) | np.isnan(late))
    early, late = early[both], late[both]
    trials = len(early)
    behind = early[:, None] < early
    overtook = behind & (late[:, None] > late)
    gaps = (early - early[:, None])[overtook]
    tau = low = high = nan
    if trials > 1 and np.ptp(early) > 0 and np.ptp(late) > 0:
        tau = float(kendalltau(early, late).statistic)
    if trials >= LEAST_FOR_INTERVAL and not np.isnan(tau):
        most = 1 - 2 / (trials * (trials - 1))
        middle = atanh(min(max(tau, -most), most))
        half_width = float(ndtri((1 + CONFIDENCE) / 2)) * sqrt(0.437 / (trials - 4))
        low, high = (tanh(middle + side * half_width) for side in (-1, 1))
        low, high = min(low, tau), max(high, tau)
    return RankCorrelation(
        trials=trials,
        tau=tau,
        low=low,
        high=high,
        overtaking=int(overtook.any(axis=1).sum()),
        largest_gap=float(gaps.max(initial=0.0)),
    )
