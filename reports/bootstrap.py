"""Every metric of one run in every resample of its recordings."""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from reports.resampled_precision import resampled_average_precision
from trainable.errors import DataError
from trainable.evaluation import (
    AREA_SUFFIXES,
    IOU_THRESHOLDS,
    EvaluationProtocol,
    MatchRecords,
    MetricSet,
    Outcomes,
    Scores,
    ScoresByArea,
    ranked_outcomes,
)

_Values = NDArray[np.float64]
"""Figures of groups of boxes, `(groups, bins, figures, resamples)`: AP, AP50, AP75, AR at each cap, truths."""


@dataclass(frozen=True, slots=True, eq=False)
class BootstrappedMetrics:
    """A run's metrics over its recordings, and over resamples of them.

    Attributes:
        names: The metrics' names, those of `Metrics.flat`.
        protocol: What was measured.
        recordings: The recordings' names.
        multiplicities: How often each recording counts, `(resamples, recordings)` int64.
        point: Each metric over all recordings once, `(metrics,)`; NaN where undefined.
        resampled: Each metric in each resample, `(metrics, resamples)`; NaN where undefined.
        effective_recordings: How many recordings of equal weight would tell as much, `(metrics,)` float64: 1 / Σ w² for
            weights w, each recording's share of the truths that a metric is about, mean over its classes.
    """

    names: tuple[str, ...]
    protocol: EvaluationProtocol
    recordings: tuple[str, ...]
    multiplicities: NDArray[np.int64]
    point: NDArray[np.float64]
    resampled: NDArray[np.float64]
    effective_recordings: NDArray[np.float64]

    def row(self, metric: str) -> int:
        """The row of a metric.

        Args:
            metric: Its name.

        Raises:
            DataError: There is no such metric.
        """
        try:
            return self.names.index(metric)
        except ValueError as error:
            known = get_close_matches(metric, self.names, n=3, cutoff=0.0)
            raise DataError(
                f"expected one of the run's {len(self.names)} metrics, got {metric!r}; near are {known}"
            ) from error


def bootstrap_metrics(records: MatchRecords, multiplicities: NDArray[np.int64]) -> BootstrappedMetrics:
    """Compute all metrics of a run in every resample.

    The same as `metrics_from_records` with each resample's multiplicities, to rounding, and far faster.

    Args:
        records: The run's match records.
        multiplicities: How often each recording counts, `(resamples, recordings)` integers ≥ 0, as from
            `draw_resamples`.

    Raises:
        DataError: Multiplicities that are not one count a recording.
    """
    counts = np.asarray(multiplicities)
    if counts.ndim != 2 or counts.shape[1] != len(records.sequence_names) or counts.dtype.kind not in "iu":
        raise DataError(
            f"`multiplicities` must be integers of shape (resamples, {len(records.sequence_names)}), one a recording, "
            f"got {counts.dtype} of shape {counts.shape}; draw them for these recordings"
        )
    counts = np.concatenate([np.ones((1, counts.shape[1]), np.int64), counts])
    names: list[str] = []
    columns: list[NDArray[np.float64]] = []
    effective: list[float] = []
    for filtered in (False, True) if records.protocol.box_filter is not None else (False,):
        values, recordings = _all_values(records, counts, filtered=filtered)
        for name, slot in _slots(records.protocol).items():
            names.append(f"prophesee/{name}" if filtered else name)
            columns.append(values[slot])
            effective.append(float(recordings[slot]))
    table = np.stack(columns)
    return BootstrappedMetrics(
        names=tuple(names),
        protocol=records.protocol,
        recordings=records.sequence_names,
        multiplicities=counts[1:],
        point=table[:, 0],
        resampled=table[:, 1:],
        effective_recordings=np.array(effective),
    )


def _all_values(
    records: MatchRecords, counts: NDArray[np.int64], *, filtered: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All figures in every resample, `(slots, resamples)`, and their effective recordings, `(slots,)`."""
    protocol = records.protocol
    by_class = ranked_outcomes(records, class_agnostic=False, filtered=filtered)
    agnostic = ranked_outcomes(records, class_agnostic=True, filtered=filtered)
    of_class = _group_values(by_class, counts)
    small = [protocol.class_names.index(name) for name in protocol.small_object_classes]
    values = np.concatenate(
        [_mean(of_class)[None], _mean(of_class[small])[None], _group_values(agnostic, counts), of_class]
    )
    truths = by_class.truths.swapaxes(0, 1)
    num_figures = values.shape[2]
    effective = [_effective_recordings(truths), _effective_recordings(truths[small])]
    effective += [_effective_recordings(group[None]) for group in (agnostic.truths[:, 0], *truths)]

    sequence, num_recordings = records.frame_sequence, counts.shape[1]
    kept = records.truths.passes_filter if filtered else np.ones(len(records.truths), np.bool_)
    frames = np.unique(records.truths.frame[kept]) if filtered else np.arange(len(sequence))
    removed = records.truths.frame[~kept]
    totals = [counts @ np.bincount(sequence[rows], minlength=num_recordings) for rows in (frames, removed)]
    return (
        np.concatenate([values.reshape(-1, len(counts)), np.stack(totals)]),
        np.append(np.repeat(np.stack(effective), num_figures), [num_recordings] * 2),
    )


def _group_values(outcomes: Outcomes, counts: NDArray[np.int64]) -> _Values:
    """The figures of each group, `(groups, bins, figures, resamples)`."""
    num_bins, num_groups = outcomes.truths.shape[:2]
    truths = (outcomes.truths @ counts.T).swapaxes(0, 1)
    with np.errstate(invalid="ignore"):
        recall = (outcomes.found @ counts.T).mean(axis=2).transpose(2, 1, 0, 3) / truths[:, :, None]
    values = np.empty((num_groups, num_bins, len(recall[0, 0]) + 4, len(counts)))
    for group in range(num_groups):
        rows = slice(outcomes.group_start[group], outcomes.group_start[group + 1])
        for bin_index in range(num_bins):
            precision = resampled_average_precision(
                outcomes.recording[rows],
                outcomes.true_positive[bin_index, rows],
                outcomes.false_positive[bin_index, rows],
                outcomes.truths[bin_index, group],
                counts,
            )
            values[group, bin_index, 0] = precision.mean(axis=0)
            values[group, bin_index, 1] = precision[IOU_THRESHOLDS == 0.5][0]
            values[group, bin_index, 2] = precision[IOU_THRESHOLDS == 0.75][0]
    values[:, :, 3:-1] = recall
    values[:, :, -1] = truths
    return values


def _mean(values: _Values) -> NDArray[np.float64]:
    """Mean over the groups that have truths, and all their truths, `(bins, figures, resamples)`."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.where(defined, values, 0.0).sum(axis=0) / defined.sum(axis=0)
    mean[:, -1] = values[:, :, -1].sum(axis=0)
    return mean


def _effective_recordings(truths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of the mean over groups, `(bins,)`, from `(groups, bins, recordings)`; NaN without truths."""
    of_group = truths.sum(axis=-1, keepdims=True)
    shares = np.divide(truths, of_group, out=np.zeros(truths.shape), where=of_group > 0)
    num_groups = (of_group > 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        effective: NDArray[np.float64] = 1 / ((shares.sum(axis=0) / num_groups) ** 2).sum(axis=-1)
    return effective


def _slots(protocol: EvaluationProtocol) -> dict[str, int]:
    """The row of `_all_values` that holds each metric of `MetricSet.flat`.

    Found by asking a `MetricSet` that holds row numbers in place of figures, so that names stand in one place.
    """
    num_groups = 3 + len(protocol.class_names)
    num_caps = len(protocol.max_detections)
    numbers = np.arange(num_groups * protocol.num_bins * (4 + num_caps))
    sensor_names = [area_bin.name for area_bin in protocol.sensor_area_bins]

    def scores(row: NDArray[np.int64]) -> Scores:
        ap, ap50, ap75, *recalls, truths = row.tolist()
        return Scores(ap, ap50, ap75, recalls[-1], dict(zip(protocol.max_detections, recalls, strict=True)), truths)

    def by_area(group: NDArray[np.int64]) -> ScoresByArea:
        every, *rest = map(scores, group)
        return ScoresByArea(
            every, dict(zip(AREA_SUFFIXES, rest[:3], strict=True)), dict(zip(sensor_names, rest[3:], strict=True))
        )

    mean, small, agnostic, *classes = map(by_area, numbers.reshape(num_groups, protocol.num_bins, -1))
    by_class = dict(zip(protocol.class_names, classes, strict=True))
    figures = MetricSet(mean, small, agnostic, by_class, frames=len(numbers), truths_removed=len(numbers) + 1)
    return {name: int(slot) for name, slot in figures.flat().items()}
