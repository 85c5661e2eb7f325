"""The detector's part of the configuration, in RVT's spelling."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from trainable.config.base import NonNegativeFloat, Positive, PositiveFloat, Probability, Section
from trainable.config.quantiles import parse_quantile
from trainable.types import AreaSpace, DetectionScore, LossTerm, WeightType

Activation = Literal["silu", "relu", "lrelu"]


class Compile(Section):
    """`torch.compile` for one part of the detector; `args` are its keyword arguments."""

    enable: bool = False
    args: dict[str, str | bool] = Field(default_factory=dict)


class Stem(Section):
    """The first stage's downsampling."""

    patch_size: Literal[2, 3, 4, 8]


class Downsample(Section):
    """The convolution at the entrance of a stage."""

    type: Literal["patch"]
    overlap: bool
    norm_affine: bool


class Attention(Section):
    """Window and grid attention of a stage."""

    dim_head: Positive
    attention_bias: bool
    mlp_activation: Literal["gelu", "relu", "silu"]
    mlp_gated: bool
    mlp_bias: bool
    mlp_ratio: Positive
    drop_mlp: Probability
    drop_path: Probability
    ls_init_value: NonNegativeFloat


class Lstm(Section):
    """The convolutional LSTM of a stage."""

    dws_conv: bool
    dws_conv_only_hidden: bool
    dws_conv_kernel_size: Positive
    drop_cell_update: Probability


class Stage(Section):
    """What the four stages share."""

    downsample: Downsample
    attention: Attention
    lstm: Lstm


FourStages = tuple[Positive, Positive, Positive, Positive]


class Backbone(Section):
    """The recurrent backbone (MaxViT stages, each with an LSTM)."""

    name: Literal["MaxViTRNN"]
    compile: Compile = Compile()
    input_channels: Positive
    partition_split_32: Literal[1, 2, 4]
    embed_dim: Positive
    dim_multiplier: FourStages
    num_blocks: FourStages
    stem: Stem
    stage: Stage
    time_batched: bool | None = None
    """Run each stage on all time steps at once. `null`: on a GPU yes, on a CPU no, where the plain loop is faster."""

    @model_validator(mode="after")
    def _heads_fit(self) -> "Backbone":
        dim_head = self.stage.attention.dim_head
        for multiplier in self.dim_multiplier:
            channels = self.embed_dim * multiplier
            if channels % dim_head:
                raise ValueError(
                    f"each stage's channels must be a multiple of stage.attention.dim_head={dim_head}, "
                    f"got embed_dim {self.embed_dim} * dim_multiplier {multiplier} = {channels}"
                )
        return self


def _check_stages(stages: tuple[int, ...]) -> tuple[int, ...]:
    if stages not in ((2, 3, 4), (1, 2, 3, 4)):
        raise ValueError(f"the pyramid stands on stages [2, 3, 4] or [1, 2, 3, 4], got {list(stages)}")
    return stages


class Pyramid(Section):
    """The feature pyramid (PAFPN)."""

    name: Literal["PAFPN"]
    compile: Compile = Compile()
    depth: PositiveFloat
    in_stages: Annotated[tuple[int, ...], AfterValidator(_check_stages)]
    depthwise: bool
    act: Activation


def _check_threshold(value: float | str) -> float | str:
    if isinstance(value, str):
        if parse_quantile(value) is None:
            raise ValueError(
                f'expected an area in px² or a quantile of the training boxes such as "q0.33", got "{value}"'
            )
    elif not value > 0:
        raise ValueError(f"an area must be positive, got {value}")
    return value


def _magnitude(threshold: float | str) -> float:
    return float(threshold.removeprefix("q")) if isinstance(threshold, str) else threshold


Threshold = Annotated[FiniteFloat | str, AfterValidator(_check_threshold)]


class Head(Section):
    """The detection head and its loss."""

    name: Literal["YoloX"]
    compile: Compile = Compile()
    num_classes: Positive | None = None
    """`null`: as many as the dataset's class list names."""
    depthwise: bool
    act: Activation
    iou_loss: Literal["iou", "giou"] = "iou"
    size_aware_loss: bool
    size_aware_weight: Annotated[FiniteFloat, Field(ge=1)]
    small_threshold: Threshold
    medium_threshold: Threshold
    weight_type: WeightType
    size_aware_normalize: bool
    size_aware_terms: Annotated[tuple[LossTerm, ...], Field(min_length=1)]
    size_aware_area_space: AreaSpace
    size_aware_power_exponent: PositiveFloat

    @model_validator(mode="after")
    def _thresholds_rise(self) -> "Head":
        if self.weight_type != "step":
            return self  # the other types read one threshold
        small, medium = self.small_threshold, self.medium_threshold
        # An area and a quantile can be compared only once the training boxes are known.
        if isinstance(small, str) == isinstance(medium, str) and _magnitude(small) >= _magnitude(medium):
            raise ValueError(
                f"small_threshold must be below medium_threshold, got {self.small_threshold} "
                f"and {self.medium_threshold}"
            )
        return self

    @model_validator(mode="after")
    def _terms_are_distinct(self) -> "Head":
        if len(set(self.size_aware_terms)) != len(self.size_aware_terms):
            raise ValueError(f"size_aware_terms must name each term once, got {list(self.size_aware_terms)}")
        return self


class Postprocess(Section):
    """Which predictions become detections. All trials of a sweep share these."""

    confidence_threshold: Probability
    """Least objectness times class probability of a detection."""
    nms_threshold: Probability
    score: DetectionScore
    """What ranks detections in the metrics: the class probability (RVT), or its product with objectness (YOLOX)."""


class Model(Section):
    """The whole detector."""

    name: Literal["rnndet"]
    backbone: Backbone
    fpn: Pyramid
    head: Head
    postprocess: Postprocess
