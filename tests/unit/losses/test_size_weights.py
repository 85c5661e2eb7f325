"""The seeds' weight examples, each type at its thresholds, and what is refused."""

import math

import pytest
import torch

from trainable.errors import ConfigError
from trainable.losses import SizeAwareSettings, size_weights
from trainable.types import WeightType


def weights_at(*areas: float, weight_type: WeightType, weight: float = 2.5, **options: float) -> list[float]:
    thresholds = {"small_threshold": 1024.0, "medium_threshold": 9216.0} | options
    return size_weights(torch.tensor(areas), weight_type=weight_type, size_aware_weight=weight, **thresholds).tolist()


def test_exponential_gives_the_notes_examples() -> None:
    weights = weights_at(16 * 16, 32 * 32, 64 * 64, weight_type="exponential")
    assert weights == pytest.approx([2.5 * math.exp(-0.25), 1.0, 1.0], rel=1e-6)
    assert weights[0] == pytest.approx(1.94, abs=0.01)


def test_step_includes_both_thresholds() -> None:
    assert weights_at(0, 1024, 1025, 9216, 9217, weight_type="step") == [2.5, 2.5, 1.75, 1.75, 1.0]


def test_linear_reaches_one_at_the_medium_threshold() -> None:
    weights = weights_at(0, 9216 * 0.4, 9216 * 0.7, 9216, 20_000, weight_type="linear")
    assert weights == pytest.approx([2.5, 2.5, 1.75, 1.0, 1.0])


def test_power_is_the_ratio_of_side_lengths_by_default() -> None:
    assert weights_at(0, 256, 576, 1024, 4096, weight_type="power") == pytest.approx([2.5, 2.0, 4 / 3, 1.0, 1.0])
    assert weights_at(512, weight_type="power", power_exponent=1.0) == pytest.approx([2.0])


def test_gaussian_falls_slowly_first() -> None:
    weights = weights_at(0, 512, 1024, 4096, weight_type="gaussian")
    assert weights == pytest.approx([2.5, 2.5 * math.exp(-1 / 8), 2.5 * math.exp(-0.5), 1.0])


def test_inverse_log_has_the_longest_tail() -> None:
    weights = weights_at(0, 1024, 1024 * (math.e - 1), 1e6, weight_type="inverse_log")
    assert weights == pytest.approx([2.5, 2.5 / (1 + math.log(2)), 1.25, 1.0])


@pytest.mark.parametrize("weight_type", ["exponential", "step", "linear", "power", "gaussian", "inverse_log"])
def test_shape_is_kept_result_is_float32_and_nan_stays_nan(weight_type: WeightType) -> None:
    options = {"size_aware_weight": 2.0, "small_threshold": 1024.0, "medium_threshold": 9216.0}
    weights = size_weights(torch.tensor([[1, 10_000]]), weight_type=weight_type, **options)
    assert weights.shape == (1, 2)
    assert weights.dtype == torch.float32
    in_half = size_weights(torch.tensor([60_000.0, torch.nan]).half(), weight_type=weight_type, **options)
    assert in_half.dtype == torch.float32
    assert in_half.isnan().tolist() == [False, True]


@pytest.mark.parametrize(
    ("weight_type", "options", "message"),
    [
        ("cubic", {}, "`weight_type` must be one of exponential, step, .*; got 'cubic'"),
        ("step", {"weight": 0.5}, "`size_aware_weight` must be a finite number of at least 1, got 0.5"),
        ("step", {"weight": math.nan}, "`size_aware_weight` must be a finite number of at least 1, got nan"),
        ("exponential", {"small_threshold": 0.0}, "`small_threshold` must be a positive area in px², got 0.0"),
        ("gaussian", {"small_threshold": math.nan}, "`small_threshold` must be a positive area in px², got nan"),
        ("linear", {"medium_threshold": -1.0}, "`medium_threshold` must be a positive area in px², got -1.0"),
        (
            "step",
            {"small_threshold": 900.0, "medium_threshold": 900.0},
            "`medium_threshold` must be above `small_threshold`, got 900.0 and 900.0",
        ),
        ("power", {"power_exponent": 0.0}, "`power_exponent` must be a positive number, got 0.0"),
    ],
)
def test_arguments_out_of_range_are_named_with_their_value(
    weight_type: WeightType, options: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        weights_at(1.0, weight_type=weight_type, **options)


def test_every_mistake_is_in_one_message() -> None:
    with pytest.raises(ConfigError) as error:
        weights_at(1.0, weight_type="step", weight=0.0, small_threshold=-1.0, medium_threshold=math.inf)
    assert str(error.value).count("\n") == 2


def test_thresholds_that_a_type_does_not_read_are_not_checked() -> None:
    assert weights_at(0, weight_type="exponential", medium_threshold=0.0) == [2.5]
    assert weights_at(9216, weight_type="linear", small_threshold=0.0) == [1.0]


def test_settings_are_checked_when_made() -> None:
    with pytest.raises(ConfigError, match=r"at least 1, got 0\.0"):
        SizeAwareSettings(size_aware_weight=0.0)
    with pytest.raises(ConfigError, match=r"one or more of iou, cls, obj; got \['box'\]"):
        SizeAwareSettings(terms=("box",))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"one or more of iou, cls, obj; got \[\]"):
        SizeAwareSettings(terms=())
    with pytest.raises(ConfigError, match=r"`area_scale` must be a positive number, got 0\.0"):
        SizeAwareSettings(area_scale=0.0)


def test_box_weights_read_the_area_in_the_chosen_space() -> None:
    boxes = torch.tensor([[0.0, 0.0, 8.0, 8.0]])
    in_input = SizeAwareSettings("exponential", 2.5, 256.0, area_scale=1.0).box_weights(boxes)
    in_sensor = SizeAwareSettings("exponential", 2.5, 256.0, area_scale=4.0).box_weights(boxes)
    assert in_input.item() == pytest.approx(2.5 * math.exp(-0.25))
    assert in_sensor.item() == 1.0
