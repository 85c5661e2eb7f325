"""A detector small enough for unit tests."""

from collections.abc import Callable

import pytest
import torch

from trainable.model import AttentionOptions, Detector

SMALL = {
    "input_hw": (60, 90),
    "num_classes": 3,
    "input_channels": 4,
    "embed_dim": 16,
    "partition_split": 1,
    # Without LayerScale's tiny start value, so that attention counts in the comparisons.
    "attention": AttentionOptions(dim_head=8, ls_init_value=0.5),
    "fpn_depth": 0.33,
}


@pytest.fixture
def small_detector() -> Callable[..., Detector]:
    """Builds a seeded detector in evaluation mode; keyword arguments replace those of `SMALL`."""

    def build(**changes: object) -> Detector:
        torch.manual_seed(0)
        return Detector(**{**SMALL, **changes}).eval()

    return build


@pytest.fixture
def events() -> torch.Tensor:
    """Three steps of two rows of event frames, `(time, batch, channels, height, width)` uint8."""
    return torch.randint(0, 10, (3, 2, 4, 60, 90), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
