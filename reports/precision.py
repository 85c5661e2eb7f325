"""Precision of a configuration by size, class and recall: the mean over its runs."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.configurations import Configuration
from reports.evidence import Evidence
from reports.run_files import Missing
from trainable.evaluation import IOU_THRESHOLDS, EvaluationProtocol, precision_curves

Precision = NDArray[np.float64]
"""`(bins, IoU thresholds, recall points, classes)`: NaN where a class has no truth in a bin; means over it are APs."""


@dataclass(frozen=True, eq=False)
class ConfigurationPrecision:
    """What the match records of a configuration's judged runs say, averaged over the runs.

    Attributes:
        configuration: The configuration.
        protocol: How it was evaluated; bins are in the order of `EvaluationProtocol.in_bin`.
        runs: Number of runs whose match records could be read.
        all: Over all boxes.
        filtered: Over boxes that pass the protocol's filter; none without a filter.
        truths: Truths `(bins, classes)`.
        truths_filtered: Those that pass the filter; all of them without one.
    """

    configuration: Configuration
    protocol: EvaluationProtocol
    runs: int
    all: Precision
    filtered: Precision | None
    truths: NDArray[np.int64]
    truths_filtered: NDArray[np.int64]

    @property
    def average(self) -> NDArray[np.float64]:
        """AP of each bin and class, `(bins, classes)`."""
        return average_precision(self.all)

    @property
    def average_filtered(self) -> NDArray[np.float64]:
        """AP with the filter, `(bins, classes)`; NaN without one."""
        filtered = self.filtered
        return np.full(self.truths.shape, np.nan) if filtered is None else average_precision(filtered)

    def curve(self, iou: float | None, class_id: int | None) -> NDArray[np.float64]:
        """Precision at COCO's recall points over boxes of all sizes, `(101,)`.

        Args:
            iou: An IoU threshold; none for the mean over all.
            class_id: A class; none for the mean over classes that have truths.
        """
        of_all_sizes = self.all[0] if iou is None else self.all[0][iou == IOU_THRESHOLDS]
        by_class = of_all_sizes.mean(axis=0)
        return mean_of_defined(by_class, axis=1) if class_id is None else by_class[:, class_id]


def configuration_precision(evidence: Evidence, configuration: Configuration) -> ConfigurationPrecision | Missing:
    """Read a configuration's match records.

    Args:
        evidence: Where the records are kept.
        configuration: The configuration.

    Returns:
        What they say; or why none of them can be read, or why they cannot be averaged.
    """
    sums: list[Precision] = []
    filtered_sums: list[Precision] = []
    truths: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    protocols: list[EvaluationProtocol] = []
    reasons: list[str] = []
    for run in configuration.judged:
        records = evidence.records(run)
        if isinstance(records, Missing):
            reasons.append(records.reason)
            continue
        every = precision_curves(records)
        passing = precision_curves(records, filtered=True) if records.protocol.box_filter is not None else every
        protocols.append(records.protocol)
        truths.append((every.truths, passing.truths))
        _add(sums, every.precision)
        _add(filtered_sums, passing.precision)
        if records.protocol != protocols[0] or not all(map(np.array_equal, truths[-1], truths[0])):
            return Missing(f"The runs of {configuration.name} were not evaluated alike.")
    if not protocols:
        return Missing(f"{configuration.name}: {reasons[0]}")
    return ConfigurationPrecision(
        configuration=configuration,
        protocol=protocols[0],
        runs=len(protocols),
        all=sums[0] / len(protocols),
        filtered=None if protocols[0].box_filter is None else filtered_sums[0] / len(protocols),
        truths=truths[0][0],
        truths_filtered=truths[0][1],
    )


def average_precision(precision: Precision) -> NDArray[np.float64]:
    """Mean over IoU thresholds and recall points, `(bins, classes)`."""
    average: NDArray[np.float64] = precision.mean(axis=(1, 2))
    return average


def mean_of_defined(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean without NaN along an axis; NaN where there is nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: NDArray[np.float64] = np.nanmean(values, axis=axis)
    return mean


def _add(sums: list[Precision], precision: Precision) -> None:
    if sums:
        sums[0] = sums[0] + precision
    else:
        sums.append(precision)
