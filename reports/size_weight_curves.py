"""How finalists weigh objects by size, over the sizes that the training split holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from reports.charts.chart import Axis, Chart, Series
from reports.configurations import Configuration
from reports.document.blocks import Block, Column, Paragraph, Table
from reports.evidence import Evidence
from reports.run_files import Missing, read_config, read_training_boxes
from reports.runs import Run
from reports.wording import listed
from trainable.config import Config
from trainable.errors import ConfigError
from trainable.losses import SizeAwareSettings, is_quantile
from trainable.training_boxes import TrainingBoxes

POINTS_A_CURVE = 160
"""Enough for a step to look like one."""


@dataclass(frozen=True, eq=False)
class SizeWeights:
    """The size weights of one configuration.

    Attributes:
        settings: What they are computed with; none where the loss does not weigh by size.
        factor: What they are divided by: 1, or where they are normalised, their mean.
    """

    settings: SizeAwareSettings | None
    factor: float

    def at(self, area_px2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of areas in model-input px², `(n,)`."""
        return np.ones(len(area_px2)) if self.settings is None else _weights(self.settings, area_px2) / self.factor


def size_weight_blocks(evidence: Evidence) -> Iterator[Block]:
    """The chart and the table of the finalists' size weights, or what is missing for them.

    Args:
        evidence: What the report rests on.
    """
    found: dict[Configuration, SizeWeights] = {}
    boxes: TrainingBoxes | Missing = Missing("No configuration has come to its end yet.")
    names_by_reason: dict[str, list[str]] = {}
    for configuration in evidence.finalists:
        run = configuration.judged[0]
        if isinstance(boxes, Missing):
            boxes = read_training_boxes(run)
        weights = size_weights_of(run, None if isinstance(boxes, Missing) else boxes)
        if isinstance(weights, Missing):
            names_by_reason.setdefault(weights.reason, []).append(configuration.name)
        else:
            found[configuration] = weights
    for reason, names in names_by_reason.items():
        yield Paragraph(f"The size weights of {listed(names)} cannot be drawn. {reason}", "warning")
    if isinstance(boxes, Missing):
        yield Paragraph(
            f"The sizes of the training boxes are not known, so that size weights are not drawn over them. "
            f"{boxes.reason}",
            "warning",
        )
        return
    if found:
        yield _chart(found, boxes)
        yield _table(found, boxes)
        yield Paragraph(_note(found, boxes), "note")


def size_weights_of(run: Run, boxes: TrainingBoxes | None) -> SizeWeights | Missing:
    """What a run's loss multiplies an object with by its size.

    Args:
        run: The run.
        boxes: The training split's boxes, whose mean weight stands in where the run did not record its own.
    """
    config = read_config(run)
    if isinstance(config, Missing):
        return config
    if not config.model.head.size_aware_loss:
        return SizeWeights(None, 1.0)
    try:
        settings = _settings(run, config)
    except (ConfigError, ValueError) as error:
        return Missing(f"Its size weights cannot be computed: {error}.")
    if not settings.normalize:
        return SizeWeights(settings, 1.0)
    curve = run.curves.get("train/mean_size_weight")
    if curve is not None and len(curve.values):
        return SizeWeights(settings, float(curve.values.mean()))
    if boxes is None or not boxes.counts.sum():
        return Missing("Its weights are divided by their mean, which it did not record.")
    return SizeWeights(settings, _mean_over_boxes(_weights(settings, _middles(boxes)), boxes))


def _settings(run: Run, config: Config) -> SizeAwareSettings:
    head = config.model.head
    return SizeAwareSettings(
        weight_type=head.weight_type,
        size_aware_weight=head.size_aware_weight,
        small_threshold=_threshold(run, "small", head.small_threshold),
        medium_threshold=_threshold(run, "medium", head.medium_threshold),
        terms=head.size_aware_terms,
        normalize=head.size_aware_normalize,
        area_scale=config.sensor_px2_per_input_px2 if head.size_aware_area_space == "sensor" else 1.0,
        power_exponent=head.size_aware_power_exponent,
    )


def _threshold(run: Run, name: str, configured: float | str) -> float:
    """In px² of the chosen area space: what a quantile stands for was recorded by the run."""
    if not is_quantile(configured):
        return float(configured)
    recorded = run.tags.get(f"size_aware.{name}_threshold_px2")
    if recorded is None:
        raise ValueError(f"the area that its {name} threshold {configured} stands for was not recorded")
    return float(recorded)


def _weights(settings: SizeAwareSettings, area_px2: NDArray[np.float64]) -> NDArray[np.float64]:
    side = torch.from_numpy(np.sqrt(area_px2))
    boxes = torch.stack([torch.zeros_like(side), torch.zeros_like(side), side, side], dim=1)
    return settings.box_weights(boxes).double().numpy()


def _middles(boxes: TrainingBoxes) -> NDArray[np.float64]:
    """Geometric middles of the bins, `(bins,)`."""
    middles: NDArray[np.float64] = np.sqrt(boxes.edges_px2[:-1] * boxes.edges_px2[1:])
    return middles


def _mean_over_boxes(values: NDArray[np.float64], boxes: TrainingBoxes) -> float:
    """Mean over the training split's boxes of a value for each bin; NaN without boxes."""
    counts = boxes.counts.sum(axis=0)
    return float(values @ counts / counts.sum()) if counts.sum() else nan


def _chart(found: Mapping[Configuration, SizeWeights], boxes: TrainingBoxes) -> Chart:
    counts = boxes.counts.sum(axis=0)
    areas = np.geomspace(boxes.edges_px2[0], boxes.edges_px2[-1], POINTS_A_CURVE)
    histogram = Series(
        "training boxes",
        x=boxes.edges_px2.tolist(),
        y=[*counts.tolist(), 0],
        kind="steps",
        colour="muted",
        right=True,
    )
    lines = [
        Series(
            configuration.name,
            x=areas.tolist(),
            y=weights.at(areas).tolist(),
            colour=number,
            dashed=weights.settings is None,
        )
        for number, (configuration, weights) in enumerate(found.items())
    ]
    return Chart(
        name="size_weights",
        title="Weight of an object in the loss by its area [px² of the model's input]",
        alternative=_alternative(found, boxes),
        x=Axis(f"box area [model-input px²; one is {boxes.sensor_px2_per_input_px2:g} sensor px²]", log=True),
        y=Axis("weight in the loss"),
        series=[histogram, *lines],
        right=Axis("training boxes in an eighth of an octave"),
    )


def _alternative(found: Mapping[Configuration, SizeWeights], boxes: TrainingBoxes) -> str:
    counts = boxes.counts.sum(axis=0)
    smallest, largest = boxes.edges_px2[0], boxes.edges_px2[-1]
    total = int(counts.sum())
    ends = np.array([smallest, largest])
    texts = [f"{total:,} training boxes of {smallest:.0f} to {largest:.0f} model-input px²"]
    if total:
        middle = float(_middles(boxes)[np.searchsorted(np.cumsum(counts), total / 2)])
        texts[0] += f", half of them below about {middle:.0f}"
    for configuration, weights in found.items():
        low, high = weights.at(ends)
        texts.append(f"{configuration.name} weighs the smallest {low:.2f} and the largest {high:.2f}")
    return "; ".join(texts) + "."


def _table(found: Mapping[Configuration, SizeWeights], boxes: TrainingBoxes) -> Table:
    rows = [_row(configuration, weights, boxes) for configuration, weights in found.items()]
    baseline = tuple(number for number, one in enumerate(found) if one.is_baseline)
    columns = (
        Column("configuration", "configuration"),
        Column("type", "type"),
        Column("weight", "largest weight", digits=2),
        Column("small_input_px2", "small threshold [input px²]", digits=0),
        Column("small_sensor_px2", "[sensor px²]", digits=0),
        Column("medium_input_px2", "medium threshold [input px²]", digits=0),
        Column("medium_sensor_px2", "[sensor px²]", digits=0),
        Column("terms", "weighted terms"),
        Column("normalized", "divided by their mean"),
        Column("mean_weight", "mean weight of training boxes", digits=2),
        Column("share_raised", "boxes that weigh more than 1 [%]", digits=1, scale=100),
    )
    return Table("size_weights", "Size weights of the finalists", pd.DataFrame(rows), columns, highlighted=baseline)


def _row(configuration: Configuration, weights: SizeWeights, boxes: TrainingBoxes) -> dict[str, object]:
    settings = weights.settings
    of_bins = weights.at(_middles(boxes))
    row: dict[str, object] = {
        "configuration": configuration.name,
        "type": "none" if settings is None else settings.weight_type,
        "weight": 1.0 if settings is None else settings.size_aware_weight,
        "terms": None if settings is None else ", ".join(settings.terms),
        "normalized": None if settings is None else "yes" if settings.normalize else "no",
        "mean_weight": _mean_over_boxes(of_bins, boxes),
        "share_raised": _mean_over_boxes((of_bins > 1).astype(np.float64), boxes),
    }
    for name in ("small", "medium"):
        reads = settings is not None and name in _thresholds_read(settings)
        area = getattr(settings, f"{name}_threshold") / settings.area_scale if settings is not None and reads else nan
        row[f"{name}_input_px2"] = area
        row[f"{name}_sensor_px2"] = area * boxes.sensor_px2_per_input_px2
    return row


def _thresholds_read(settings: SizeAwareSettings) -> Sequence[str]:
    match settings.weight_type:
        case "linear":
            return ("medium",)
        case "step":
            return ("small", "medium")
        case _:
            return ("small",)


def _note(found: Mapping[Configuration, SizeWeights], boxes: TrainingBoxes) -> str:
    text = (
        f"Areas are in pixels of the model's input, each of which is {boxes.sensor_px2_per_input_px2:g} px² on the "
        "sensor. A weight multiplies the named terms of the loss for the anchors that an object is assigned; the mean "
        "here is over the training split's boxes as labelled, before augmentation. A mean above 1 makes the whole loss "
        "larger, as a higher learning rate would."
    )
    if any(weights.settings is not None and weights.settings.normalize for weights in found.values()):
        text += (
            " Weights that are divided by their mean are drawn with the mean that the run recorded over its training, "
            "or where it recorded none, that of the training boxes."
        )
    return text
