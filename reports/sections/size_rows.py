"""What the tables by size have in common: the bins, and the figures of the baseline and the best in them."""

from collections.abc import Sequence
from math import nan

from reports.evidence import Evidence
from reports.precision import ConfigurationPrecision
from reports.run_files import Missing
from reports.uncertainty import Estimate
from trainable.evaluation import AREA_SUFFIXES, EvaluationProtocol

_UNDEFINED = Estimate(nan, nan, nan, nan, nan, False)


def bins(protocol: EvaluationProtocol) -> list[tuple[str, str]]:
    """Each bin's name and its part of a metric's name, in the order of the records' bins."""
    dataset = zip(AREA_SUFFIXES, protocol.area_bins, strict=True)
    return [
        ("all", ""),
        *((f"{suffix}: {_range(one.lower_px2, one.upper_px2)} input px²", f"_{suffix}") for suffix, one in dataset),
        *((f"{one.name} sensor px²", f"_sensor/{one.name}") for one in protocol.sensor_area_bins),
    ]


def _range(lower: float, upper: float) -> str:
    return f"over {lower:g}" if upper >= 1e9 else f"{lower:g} to {upper:g}"


def first_fine(protocol: EvaluationProtocol) -> int:
    """Number of the first of the fine bins, which are in sensor px²."""
    return 1 + len(protocol.area_bins)


def keys(found: Sequence[ConfigurationPrecision]) -> Sequence[str]:
    """What the columns of each configuration are called in the data."""
    if len(found) == 2:
        return ("baseline", "best")
    return ("baseline" if found[0].configuration.is_baseline else "best",)


def estimate(evidence: Evidence, one: ConfigurationPrecision, metric: str) -> Estimate:
    """A configuration's metric with its interval; all NaN where it cannot be had."""
    found = evidence.estimate(one.configuration, metric)
    return _UNDEFINED if isinstance(found, Missing) else found


def difference(evidence: Evidence, found: Sequence[ConfigurationPrecision], metric: str) -> Estimate:
    """The best configuration's metric less the baseline's, with its interval; all NaN where it cannot be had.

    Args:
        evidence: Where the comparisons are computed.
        found: The baseline and the best.
        metric: A name of `Metrics.flat`.
    """
    baseline, best = found
    comparison = evidence.compare(best.configuration, baseline.configuration, metric)
    return _UNDEFINED if isinstance(comparison, Missing) else comparison.difference
