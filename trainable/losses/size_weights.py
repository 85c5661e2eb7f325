"""The weight of a box by its area: one definition for every loss, metric and log that speaks of size weights."""

import math
from dataclasses import dataclass
from typing import get_args

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from trainable.errors import ConfigError
from trainable.types import LossTerm, WeightType

DEFAULT_POWER_EXPONENT = 0.5
"""Makes `power` the ratio of side lengths: a box of a quarter of the small area weighs 2."""

READS_SMALL_THRESHOLD: frozenset[WeightType] = frozenset({"exponential", "step", "power", "gaussian", "inverse_log"})
READS_MEDIUM_THRESHOLD: frozenset[WeightType] = frozenset({"step", "linear"})


def size_weights(
    areas: Shaped[Tensor, "*n"],
    *,
    weight_type: WeightType,
    size_aware_weight: float,
    small_threshold: float,
    medium_threshold: float,
    power_exponent: float = DEFAULT_POWER_EXPONENT,
) -> Float[Tensor, "*n"]:
    """Weigh boxes by area: `size_aware_weight` for the smallest, falling to 1; never outside that range, never rising.

    With A the area, s and m the small and medium thresholds, w the largest weight and r = A / s:

    | type | weight | thresholds read |
    |---|---|---|
    | exponential | `clamp(w · exp(-r), 1, w)` | small |
    | step | `w` for A <= s, `(w + 1) / 2` for s < A <= m, else 1 | small, medium |
    | linear | `clamp(w · (1 - A / m) + 1, 1, w)` | medium |
    | power | `clamp(r ** -power_exponent, 1, w)` | small |
    | gaussian | `clamp(w · exp(-r² / 2), 1, w)` | small |
    | inverse_log | `clamp(w / (1 + ln(1 + r)), 1, w)` | small |

    Args:
        areas: Box areas in px², any shape and number type. The thresholds must be in the same pixels.
        weight_type: The shape of the fall.
        size_aware_weight: Largest weight w, at least 1.
        small_threshold: Area s in px².
        medium_threshold: Area m in px².
        power_exponent: Exponent of `power`; the other types do not read it.

    Returns:
        Weights of the shape of `areas`, float32. An area that is NaN has the weight NaN.

    Raises:
        ConfigError: An argument is out of its range. Thresholds and exponent are checked where the type reads them.

    Source: exponential, step and linear as in the size-aware YOLOX loss of the eTraM experiments, whose focal loss used
    its own step and linear forms; here every loss uses these. The other three are this project's.
    """
    check_weighting(weight_type, size_aware_weight, small_threshold, medium_threshold, power_exponent)
    areas = areas.float()
    largest = size_aware_weight
    ratio = areas.clamp(min=0) / small_threshold
    match weight_type:
        case "exponential":
            weights = largest * torch.exp(-ratio)
        case "step":
            middle = torch.where(areas <= medium_threshold, (largest + 1) / 2, 1.0)
            weights = torch.where(areas <= small_threshold, largest, middle)
            weights = torch.where(areas.isnan(), areas, weights)
        case "linear":
            weights = largest * (1 - areas / medium_threshold) + 1
        case "power":
            weights = ratio**-power_exponent
        case "gaussian":
            weights = largest * torch.exp(-ratio.square() / 2)
        case "inverse_log":
            weights = largest / (1 + torch.log1p(ratio))
    return weights.clamp(1.0, largest)


def check_weighting(
    weight_type: WeightType,
    size_aware_weight: float,
    small_threshold: float,
    medium_threshold: float,
    power_exponent: float = DEFAULT_POWER_EXPONENT,
) -> None:
    """Check the arguments of `size_weights`, reporting every mistake at once.

    Raises:
        ConfigError: With one line for each argument that is out of its range.
    """
    mistakes = []
    if weight_type not in get_args(WeightType):
        mistakes.append(f"`weight_type` must be one of {', '.join(get_args(WeightType))}; got {weight_type!r}")
    if not (math.isfinite(size_aware_weight) and size_aware_weight >= 1):
        mistakes.append(f"`size_aware_weight` must be a finite number of at least 1, got {size_aware_weight}")
    if weight_type in READS_SMALL_THRESHOLD and not _is_positive(small_threshold):
        mistakes.append(f"`small_threshold` must be a positive area in px², got {small_threshold}")
    if weight_type in READS_MEDIUM_THRESHOLD and not _is_positive(medium_threshold):
        mistakes.append(f"`medium_threshold` must be a positive area in px², got {medium_threshold}")
    if weight_type == "step" and medium_threshold <= small_threshold:
        mistakes.append(
            f"`medium_threshold` must be above `small_threshold`, got {medium_threshold} and {small_threshold}"
        )
    if weight_type == "power" and not _is_positive(power_exponent):
        mistakes.append(f"`power_exponent` must be a positive number, got {power_exponent}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def _is_positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


@dataclass(frozen=True)
class SizeAwareSettings:
    """How a detection loss weighs boxes by size, with thresholds already resolved to numbers.

    Attributes:
        weight_type: The shape of the fall, see `size_weights`.
        size_aware_weight: Largest weight, at least 1.
        small_threshold: Area in px² of the chosen area space.
        medium_threshold: Area in px² of the chosen area space.
        terms: The loss terms that are weighted.
        normalize: Divide the weights by their mean over the step's foreground, so that they move attention to small
            objects without making the loss larger.
        area_scale: Area space's px² in one model-input px²: 1 for input pixels, 4 for sensor pixels at half resolution.
        power_exponent: Exponent of the type `power`.

    Raises:
        ConfigError: A value is out of its range.
    """

    weight_type: WeightType = "exponential"
    size_aware_weight: float = 2.0
    small_threshold: float = 1024.0
    medium_threshold: float = 9216.0
    terms: tuple[LossTerm, ...] = ("iou",)
    normalize: bool = False
    area_scale: float = 1.0
    power_exponent: float = DEFAULT_POWER_EXPONENT

    def __post_init__(self) -> None:
        check_weighting(
            self.weight_type,
            self.size_aware_weight,
            self.small_threshold,
            self.medium_threshold,
            self.power_exponent,
        )
        if not self.terms or not set(self.terms) <= set(get_args(LossTerm)):
            raise ConfigError(
                f"`size_aware_terms` must name one or more of {', '.join(get_args(LossTerm))}; got {list(self.terms)}"
            )
        if not _is_positive(self.area_scale):
            raise ConfigError(f"`area_scale` must be a positive number, got {self.area_scale}")

    def box_weights(self, boxes_cxcywh: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
        """Weigh boxes `(..., 4)`, centre form in model-input pixels, by their area in the chosen area space."""
        areas_px2 = boxes_cxcywh[..., 2].float() * boxes_cxcywh[..., 3].float()
        return size_weights(
            areas_px2 * self.area_scale,
            weight_type=self.weight_type,
            size_aware_weight=self.size_aware_weight,
            small_threshold=self.small_threshold,
            medium_threshold=self.medium_threshold,
            power_exponent=self.power_exponent,
        )
