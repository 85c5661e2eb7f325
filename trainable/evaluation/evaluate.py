"""Metrics from boxes, or from match records."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainable.evaluation.accumulate import Curves, accumulate
from trainable.evaluation.collect import Boxes, collect_match_records
from trainable.evaluation.matcher import match
from trainable.evaluation.metric_set import MetricSet
from trainable.evaluation.metrics import Metrics
from trainable.evaluation.protocol import EvaluationProtocol
from trainable.evaluation.records import MatchRecords
from trainable.object_sizes import COCO_AREA_BINS, SENSOR_AREA_BINS, AreaBin, BoxFilter


def evaluate(
    ground_truth: Boxes,
    detections: Boxes,
    *,
    class_names: Sequence[str],
    small_object_classes: Sequence[str] = (),
    area_bins: Sequence[AreaBin] = COCO_AREA_BINS,
    sensor_area_bins: Sequence[AreaBin] = SENSOR_AREA_BINS,
    downsample_by_factor_2: bool = False,
    box_filter: BoxFilter | None = None,
    max_detections: Sequence[int] = (1, 10, 100),
    frame_times_us: ArrayLike | None = None,
    frame_sequences: ArrayLike | None = None,
) -> Metrics:
    """COCO's average precision, with and without the Prophesee protocol's box filter.

    Without the filter every frame counts. With it, as in the protocol, boxes that do not pass are deleted and frames
    that are left without truths do not count.

    Args:
        ground_truth: True boxes in model-input pixels: a `FrameBoxes`, or one structured array a frame with the fields
            x, y, w, h (left, top, width, height), class_id and perhaps t (µs since the recording's start).
        detections: Detected boxes in the same form, with scores (field class_confidence).
        class_names: One name a class, by class id.
        small_object_classes: The classes whose mean is reported as `AP_small_classes`, by name.
        area_bins: Small, medium and large, in model-input px².
        sensor_area_bins: Finer bins, in sensor px².
        downsample_by_factor_2: Whether a model-input pixel is two sensor pixels wide.
        box_filter: The dataset's box filter; without one, `Metrics.prophesee` is `None`.
        max_detections: Caps on the detections of a class in a frame; the last one holds for AP.
        frame_times_us: Time of each frame since its recording's start, in µs, `(frames,)`. By default the truths'
            field t, or where there is none, every frame lies after the moments that the filter skips.
        frame_sequences: Which recording each frame belongs to, from 0, `(frames,)`; by default one holds all frames.

    Raises:
        DataError: Boxes that cannot be evaluated, or arguments of differing length.
        ConfigError: Bins, names or caps that cannot be used.
    """
    protocol = EvaluationProtocol(
        class_names=tuple(class_names),
        small_object_classes=tuple(small_object_classes),
        area_bins=tuple(area_bins),
        sensor_area_bins=tuple(sensor_area_bins),
        downsample_by_factor_2=downsample_by_factor_2,
        box_filter=box_filter,
        max_detections=tuple(max_detections),
    )
    records = collect_match_records(
        ground_truth, detections, protocol, frame_times_us=frame_times_us, frame_sequences=frame_sequences
    )
    return metrics_from_records(records)


def metrics_from_records(records: MatchRecords, multiplicities: NDArray[np.int64] | None = None) -> Metrics:
    """The metrics of an evaluation, or of a resample of its recordings.

    Args:
        records: The match records.
        multiplicities: How often each recording counts, `(sequences,)` integers ≥ 0; `None` for once each.

    Raises:
        DataError: Multiplicities that are not one count a recording.
    """
    frame_weight = records.frame_weights(multiplicities)

    def curves(*, class_agnostic: bool, filtered: bool) -> Curves:
        return _weighted_curves(records, frame_weight, class_agnostic=class_agnostic, filtered=filtered)

    def metric_set(*, filtered: bool) -> MetricSet:
        kept = records.truths.passes_filter if filtered else np.ones(len(records.truths), np.bool_)
        counting = np.unique(records.truths.frame[kept]) if filtered else np.arange(len(frame_weight))
        return MetricSet.from_curves(
            records.protocol,
            by_class=curves(class_agnostic=False, filtered=filtered),
            class_agnostic=curves(class_agnostic=True, filtered=filtered),
            frames=int(frame_weight[counting].sum()),
            truths_removed=int(frame_weight[records.truths.frame[~kept]].sum()),
        )

    return Metrics(
        protocol=records.protocol,
        unfiltered=metric_set(filtered=False),
        prophesee=None if records.protocol.box_filter is None else metric_set(filtered=True),
    )


def precision_curves(records: MatchRecords, *, filtered: bool = False) -> Curves:
    """Precision at COCO's recall points by bin, IoU threshold and class, whose means are the average precisions.

    Args:
        records: The match records.
        filtered: Whether only boxes that pass the box filter exist.
    """
    return _weighted_curves(records, records.frame_weights(None), class_agnostic=False, filtered=filtered)


def _weighted_curves(
    records: MatchRecords, frame_weight: NDArray[np.int64], *, class_agnostic: bool, filtered: bool
) -> Curves:
    matches = match(records, class_agnostic=class_agnostic, filtered=filtered)
    return accumulate(records, matches, filtered=filtered, frame_weight=frame_weight)
