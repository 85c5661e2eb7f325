"""Two configurations on the same recordings: how far apart, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.bootstrap import BootstrappedMetrics
from reports.uncertainty import CONFIDENCE, Draws, Estimate, estimate
from trainable.errors import DataError

Verdict = Literal["better", "worse", "not shown"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against a baseline in one metric.

    Attributes:
        difference: The candidate's figure less the baseline's; its `probability_positive` is the probability that the
            candidate is better.
        seeds: Number of runs of the candidate and of the baseline.
        recordings: Number of recordings.
    """

    difference: Estimate
    seeds: tuple[int, int]
    recordings: int

    def verdict(self, p_value: float | None = None) -> Verdict:
        """What may be said; a configuration that was trained with one seed is never better or worse.

        Args:
            p_value: The p-value after adjusting for other comparisons; by default that of this one alone.
        """
        chance = self.difference.p_value if p_value is None else p_value
        if min(self.seeds) < 2 or not chance < 1 - CONFIDENCE:
            return "not shown"
        return "better" if self.difference.value > 0 else "worse"


def compare(
    candidate: Sequence[BootstrappedMetrics], baseline: Sequence[BootstrappedMetrics], metric: str
) -> Comparison:
    """Compare two configurations in one metric.

    Args:
        candidate: Its runs, one a seed.
        baseline: Its runs, one a seed.
        metric: A name of `Metrics.flat`.

    Raises:
        DataError: No run; runs of other recordings or resamples; a metric that a run does not have.
    """
    _check_shared(candidate, baseline)
    arms = draws(candidate, metric), draws(baseline, metric)
    return Comparison(estimate(arms, (1, -1)), (len(candidate), len(baseline)), len(baseline[0].recordings))


def figure(runs: Sequence[BootstrappedMetrics], metric: str) -> Estimate:
    """One metric of one configuration with its interval, which ends at 0 and 1 unless the metric is a count.

    Args:
        runs: The configuration's runs, one a seed.
        metric: A name of `Metrics.flat`.

    Raises:
        DataError: As for `compare`.
    """
    _check_shared(runs)
    found = estimate([draws(runs, metric)], [1])
    if "count/" in metric:
        return found
    return found._replace(low=max(found.low, 0.0), high=min(found.high, 1.0))


def draws(runs: Sequence[BootstrappedMetrics], metric: str) -> Draws:
    """One metric of one configuration's runs.

    Args:
        runs: The configuration's runs, one a seed, at least one.
        metric: A name of `Metrics.flat`.

    Raises:
        DataError: A run without that metric.
    """
    rows = [run.row(metric) for run in runs]
    return Draws(
        point=np.array([run.point[row] for run, row in zip(runs, rows, strict=True)]),
        resampled=np.stack([run.resampled[row] for run, row in zip(runs, rows, strict=True)]),
        effective_recordings=min(float(run.effective_recordings[row]) for run, row in zip(runs, rows, strict=True)),
    )


def _check_shared(*configurations: Sequence[BootstrappedMetrics]) -> None:
    if not all(configurations):
        raise DataError("a configuration needs at least one run, got none; leave it out of the comparison")
    runs = [run for configuration in configurations for run in configuration]
    first = runs[0]
    for run in runs[1:]:
        if run.recordings != first.recordings:
            raise DataError(
                f"runs must be evaluated on the same recordings in the same order, got {list(first.recordings)} and "
                f"{list(run.recordings)}; validate them on one dataset"
            )
        if run.protocol != first.protocol:
            raise DataError(
                "runs must be evaluated with the same classes, size bins, box filter and caps, got "
                f"{first.protocol} and {run.protocol}; validate them with one configuration"
            )
        if not np.array_equal(run.multiplicities, first.multiplicities):
            raise DataError("runs must share their resamples, got different ones; bootstrap all with the same draws")
