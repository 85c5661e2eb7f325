"""The dataset's part of the configuration: where it lies, its classes, sampling, augmentation and fixed metric bins."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from trainable.config.base import (
    HeightWidth,
    NonNegative,
    NonNegativeFloat,
    Positive,
    PositiveFloat,
    Probability,
    Section,
)
from trainable.errors import ConfigError
from trainable.object_sizes import AreaBin, BoxFilter

Sampling = Literal["stream", "random", "mixed"]
Factor = Annotated[FiniteFloat, Field(ge=1)]


class LabelSet(Section):
    """A class list in the order of the labels' class numbers."""

    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    small_object_classes: tuple[str, ...]

    @model_validator(mode="after")
    def _names_agree(self) -> "LabelSet":
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"class_names must differ from each other, got {list(self.class_names)}")
        unknown = [name for name in self.small_object_classes if name not in self.class_names]
        if unknown:
            raise ValueError(
                f"small_object_classes names {unknown}, which are not among class_names {list(self.class_names)}"
            )
        return self


class RandomSampling(Section):
    """Settings of random sampling."""

    weighted_sampling: bool


class MixedSampling(Section):
    """Shares of the batch's rows that stream, and that are drawn at random."""

    w_stream: PositiveFloat
    w_random: PositiveFloat


class TrainSampling(Section):
    """How training windows are chosen."""

    sampling: Sampling
    random: RandomSampling
    mixed: MixedSampling


class EvalSampling(Section):
    """How evaluation windows are chosen: always every frame once, in order."""

    sampling: Literal["stream"]


class FactorRange(Section):
    """A zoom factor's range."""

    min: Factor
    max: Factor

    @model_validator(mode="after")
    def _min_below_max(self) -> "FactorRange":
        if self.min > self.max:
            raise ValueError(f"min must not be above max, got min {self.min} and max {self.max}")
        return self


class WeightedZoom(Section):
    """One direction of zooming and its share."""

    weight: NonNegativeFloat
    factor: FactorRange


class RandomZoom(Section):
    """Zooming of randomly drawn windows."""

    prob: Probability
    zoom_in: WeightedZoom
    zoom_out: WeightedZoom

    @model_validator(mode="after")
    def _some_weight(self) -> "RandomZoom":
        if self.prob > 0 and self.zoom_in.weight + self.zoom_out.weight == 0:
            raise ValueError("zoom_in.weight and zoom_out.weight must not both be 0 while zoom.prob is above 0")
        return self


class ZoomOut(Section):
    """Zooming out only."""

    factor: FactorRange


class StreamZoom(Section):
    """Zooming of streams: out only, since the view must hold for a whole sequence."""

    prob: Probability
    zoom_out: ZoomOut


class Rotate(Section):
    """Rotation about the image centre."""

    prob: Probability
    min_angle_deg: NonNegativeFloat
    max_angle_deg: NonNegativeFloat

    @model_validator(mode="after")
    def _min_below_max(self) -> "Rotate":
        if self.min_angle_deg > self.max_angle_deg:
            raise ValueError(
                f"min_angle_deg must not be above max_angle_deg, got {self.min_angle_deg} and {self.max_angle_deg}"
            )
        return self


class RandomAugmentation(Section):
    """Augmentation of randomly drawn windows."""

    prob_hflip: Probability
    rotate: Rotate
    zoom: RandomZoom


class StreamAugmentation(Section):
    """Augmentation of streams."""

    prob_hflip: Probability
    rotate: Rotate
    zoom: StreamZoom


class DataAugmentation(Section):
    """Augmentation by kind of sampling."""

    random: RandomAugmentation
    stream: StreamAugmentation


class BoxFilterSettings(Section):
    """The Prophesee protocol's box filter, in sensor pixels; it is halved at half resolution."""

    min_diagonal_px: NonNegativeFloat
    min_side_px: NonNegativeFloat
    skip_first_us: NonNegative

    @property
    def rule(self) -> BoxFilter:
        """The filter itself."""
        return BoxFilter(self.min_diagonal_px, self.min_side_px, self.skip_first_us)


class EvaluationSettings(Section):
    """The metric's fixed size bins. They belong to the dataset: a sweep never moves them."""

    small_area_px2: PositiveFloat
    """Largest area that counts as small, in model-input px²."""
    medium_area_px2: PositiveFloat
    """Largest area that counts as medium, in model-input px²."""
    sensor_area_edges_px2: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """Edges of the finer bins, in sensor px²."""
    box_filter: BoxFilterSettings

    @model_validator(mode="after")
    def _edges_rise(self) -> "EvaluationSettings":
        edges = self.sensor_area_edges_px2
        if self.small_area_px2 >= self.medium_area_px2:
            raise ValueError(
                f"small_area_px2 must be below medium_area_px2, got {self.small_area_px2} and {self.medium_area_px2}"
            )
        if any(lower >= upper for lower, upper in pairwise(edges)):
            raise ValueError(f"sensor_area_edges_px2 must rise, got {list(edges)}")
        return self

    @property
    def area_bins(self) -> tuple[AreaBin, AreaBin, AreaBin]:
        """Small, medium and large, in model-input px²."""
        return (
            AreaBin("small", 0.0, self.small_area_px2),
            AreaBin("medium", self.small_area_px2, self.medium_area_px2),
            AreaBin("large", self.medium_area_px2, 1e10),
        )

    @property
    def sensor_area_bins(self) -> tuple[AreaBin, ...]:
        """The finer bins between the edges, in sensor px²."""
        edges = (0.0, *self.sensor_area_edges_px2, 1e10)
        names = [f"{lower:g}-{upper:g}" for lower, upper in pairwise(edges[:-1])]
        names.append(f"over {edges[-2]:g}")
        return tuple(AreaBin(name, lower, upper) for name, lower, upper in zip(names, edges, edges[1:], strict=False))


class Dataset(LabelSet):
    """A preprocessed dataset."""

    name: str
    path: str
    ev_repr_name: str
    sequence_length: Positive
    resolution_hw: HeightWidth | None
    """Height and width of the sensor; `null`: those of the frames in `path`."""
    downsample_by_factor_2: bool
    only_load_end_labels: bool
    alternative_label_sets: tuple[LabelSet, ...] = ()
    """Other class lists found in this layout: `model.head.num_classes` chooses the one of that length."""
    train: TrainSampling
    eval: EvalSampling
    data_augmentation: DataAugmentation
    evaluation: EvaluationSettings

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the model's input, before padding.

        Raises:
            ConfigError: If `resolution_hw` is yet to be read from the dataset.
        """
        if self.resolution_hw is None:
            raise ConfigError(
                "dataset.resolution_hw=null is read from a dataset, and here none is read; set it to [HEIGHT,WIDTH]"
            )
        height, width = self.resolution_hw
        return (height // 2, width // 2) if self.downsample_by_factor_2 else (height, width)
