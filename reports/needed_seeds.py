"""How many seeds it would take to show a difference that is as large as it seems."""

from collections.abc import Sequence
from dataclasses import replace

from reports.bootstrap import BootstrappedMetrics
from reports.comparison import draws
from reports.uncertainty import CONFIDENCE, Variance, variance

MOST_SEEDS = 20


def needed_seeds(
    candidate: Sequence[BootstrappedMetrics],
    baseline: Sequence[BootstrappedMetrics],
    metric: str,
    *,
    comparisons: int = 1,
) -> int | None:
    """The least number of seeds of each configuration with which the difference would just be shown.

    A rough figure: it takes the difference and the variances found so far for the true ones.

    Args:
        candidate: Its runs, one a seed.
        baseline: Its runs, one a seed, on the same recordings; one of the two has at least two.
        metric: A name of `Metrics.flat`.
        comparisons: How many comparisons the p-value is adjusted for; taken as if this one were the clearest.

    Returns:
        The number, above those at hand; none where more than `MOST_SEEDS` would be needed or the spread among seeds is
        not known, so that other recordings must help.
    """
    arms = draws(candidate, metric), draws(baseline, metric)
    found = variance(arms, (1, -1))
    if found is None or not found.degrees_of_seeds:
        return None
    difference = float(arms[0].point.mean() - arms[1].point.mean())
    per_seed = sum(1 / len(arm.point) for arm in arms)
    for seeds in range(max(len(arm.point) for arm in arms) + 1, MOST_SEEDS + 1):
        spread = with_seeds(found, 2 / seeds / per_seed, degrees=2 * (seeds - 1))
        if spread.total > 0 and spread.p_value(difference) * comparisons < 1 - CONFIDENCE:
            return seeds
    return None


def with_seeds(found: Variance, share: float, *, degrees: int) -> Variance:
    """The variance to be expected with more seeds: what comes from them shrinks, what comes from recordings stays.

    Args:
        found: The variance with the seeds at hand.
        share: What is left of a mean over seeds' variance.
        degrees: The new degrees of freedom of seeds.
    """
    lasting = max(0.0, found.by_recordings - found.shared)
    return replace(
        found,
        by_recordings=lasting + share * (found.by_recordings - lasting),
        by_seeds=share * found.by_seeds,
        shared=share * found.shared,
        degrees_of_seeds=degrees,
    )
