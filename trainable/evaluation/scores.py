"""The figures of one group of boxes: a class, several, or all without regard to class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

from trainable.evaluation.accumulate import Curves
from trainable.evaluation.protocol import IOU_THRESHOLDS, EvaluationProtocol, Json

AREA_SUFFIXES = ("S", "M", "L")
"""Suffixes of the protocol's three `area_bins`."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of one group of boxes in one range of areas; NaN where there is no truth.

    Attributes:
        AP: Average precision, mean over IoU 0.50 to 0.95.
        AP50: At IoU 0.50.
        AP75: At IoU 0.75.
        AR: Average recall over IoU 0.50 to 0.95, at the highest cap on the detections in a frame.
        AR_by_cap: Average recall at every cap.
        truths: Number of ground truths.
    """

    AP: float
    AP50: float
    AP75: float
    AR: float
    AR_by_cap: Mapping[int, float]
    truths: int

    @classmethod
    def mean(cls, protocol: EvaluationProtocol, curves: Curves, groups: Sequence[int], bin_index: int) -> "Scores":
        """Mean over groups that have truths in the bin."""
        precision = curves.precision[bin_index][:, :, groups]
        recall = [_mean_defined(row[:, groups]) for row in curves.recall[:, bin_index]]
        return cls(
            AP=_mean_defined(precision),
            AP50=_mean_defined(precision[IOU_THRESHOLDS == 0.5]),
            AP75=_mean_defined(precision[IOU_THRESHOLDS == 0.75]),
            AR=recall[-1],
            AR_by_cap=dict(zip(protocol.max_detections, recall, strict=True)),
            truths=int(curves.truths[bin_index, groups].sum()),
        )

    def to_json(self) -> dict[str, Json]:
        """A dictionary with `None` for undefined."""
        figures = {"AP": self.AP, "AP50": self.AP50, "AP75": self.AP75, "AR": self.AR}
        figures |= {f"AR_{cap}": value for cap, value in self.AR_by_cap.items()}
        result: dict[str, Json] = {key: None if isnan(value) else value for key, value in figures.items()}
        return result | {"truths": self.truths}


@dataclass(frozen=True, slots=True)
class ScoresByArea:
    """The figures of one group of boxes in all ranges of areas.

    Attributes:
        all: Boxes of any area.
        by_area: Under "S", "M" and "L": the protocol's bins in model-input px².
        by_sensor_area: Under the bin's name: the protocol's finer bins in sensor px².
    """

    all: Scores
    by_area: Mapping[str, Scores]
    by_sensor_area: Mapping[str, Scores]

    @classmethod
    def mean(cls, protocol: EvaluationProtocol, curves: Curves, groups: Sequence[int]) -> "ScoresByArea":
        """Mean over groups that have truths, in each bin."""
        scores = [Scores.mean(protocol, curves, groups, bin_index) for bin_index in range(len(curves.truths))]
        sensor_names = [area_bin.name for area_bin in protocol.sensor_area_bins]
        first_sensor = 1 + len(AREA_SUFFIXES)
        return cls(
            all=scores[0],
            by_area=dict(zip(AREA_SUFFIXES, scores[1:first_sensor], strict=True)),
            by_sensor_area=dict(zip(sensor_names, scores[first_sensor:], strict=True)),
        )

    def to_json(self) -> dict[str, Json]:
        """A dictionary with `None` for undefined."""
        return {
            "all": self.all.to_json(),
            "by_area": {name: scores.to_json() for name, scores in self.by_area.items()},
            "by_sensor_area": {name: scores.to_json() for name, scores in self.by_sensor_area.items()},
        }


def _mean_defined(values: NDArray[np.float64]) -> float:
    """Mean of what is not NaN, added up in the array's order (as pycocotools does), or NaN."""
    defined = values[~np.isnan(values)]
    return float(np.mean(defined)) if defined.size else nan
