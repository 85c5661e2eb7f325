"""What holds for every weight type and every setting."""

from typing import get_args

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.losses import size_weights
from trainable.types import WeightType

AREAS = st.lists(st.floats(0, 1e8, width=32), min_size=2, max_size=30)


@st.composite
def weighting(draw: st.DrawFn) -> dict[str, float | str]:
    small = draw(st.floats(1e-2, 1e5))
    return {
        "weight_type": draw(st.sampled_from(get_args(WeightType))),
        "size_aware_weight": draw(st.floats(1, 100)),
        "small_threshold": small,
        "medium_threshold": small * draw(st.floats(1.01, 100)),
        "power_exponent": draw(st.floats(0.05, 5)),
    }


@settings(max_examples=50, deadline=None)
@given(AREAS, weighting())
def test_size_weight_never_rises_with_area(areas: list[float], options: dict) -> None:
    weights = size_weights(torch.tensor(areas).sort().values, **options)
    one_rounding = 1 + 2e-7
    assert (weights[1:] <= weights[:-1] * one_rounding).all()


@settings(max_examples=50, deadline=None)
@given(AREAS, weighting())
def test_size_weight_stays_between_one_and_the_largest(areas: list[float], options: dict) -> None:
    weights = size_weights(torch.tensor([0.0, *areas]), **options)
    largest = torch.tensor(options["size_aware_weight"])
    assert torch.isfinite(weights).all()
    assert ((weights >= 1) & (weights <= largest)).all()
    assert weights[0] == largest
