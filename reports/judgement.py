"""What may be said of every finalist against the baseline, all comparisons taken together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

from reports.comparison import Comparison, Verdict
from reports.configurations import Configuration
from reports.multiple import holm
from reports.run_files import Missing


@dataclass(frozen=True, slots=True)
class Judgement:
    """A finalist against the baseline in one metric.

    Attributes:
        candidate: The finalist.
        metric: The metric.
        comparison: The difference; or why there is none.
        adjusted_p: Its p-value, adjusted for all comparisons of the sweep; NaN where there is none.
    """

    candidate: Configuration
    metric: str
    comparison: Comparison | Missing
    adjusted_p: float

    @property
    def verdict(self) -> Verdict:
        """What may be said."""
        if isinstance(self.comparison, Missing):
            return "not shown"
        return self.comparison.verdict(self.adjusted_p)


def judge(
    candidates: Sequence[Configuration],
    metrics: Sequence[str],
    compared: Callable[[Configuration, str], Comparison | Missing],
) -> tuple[Judgement, ...]:
    """Compare every candidate in every metric, and adjust the p-values of all of them by Holm's method.

    Args:
        candidates: The finalists without the baseline.
        metrics: What they are judged by.
        compared: Compares a candidate with the baseline in a metric.

    Returns:
        The judgements, those of one candidate after the other.
    """
    pairs = [(candidate, metric) for candidate in candidates for metric in metrics]
    comparisons = [compared(candidate, metric) for candidate, metric in pairs]
    values = [nan if isinstance(one, Missing) else one.difference.p_value for one in comparisons]
    return tuple(
        Judgement(candidate, metric, comparison, float(adjusted))
        for (candidate, metric), comparison, adjusted in zip(pairs, comparisons, holm(values), strict=True)
    )
