"""What a residual branch passes through before it is added: a learnt scale per channel, and stochastic depth."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LayerScale(nn.Module):
    """Multiplies each channel by a learnt factor.

    Source: Touvron et al., "Going deeper with image transformers", 2021.

    Args:
        channels: Size of the last axis.
        initial: The factor at the start of training.
    """

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), initial))

    def forward(self, x: Float[Tensor, "*frames channels"]) -> Float[Tensor, "*frames channels"]:
        """Scales `x`, channels last."""
        return x * self.gamma


class DropPath(nn.Module):
    """Drops the whole branch of a frame with probability `probability` in training, and scales up the others.

    Source: Huang et al., "Deep networks with stochastic depth", 2016.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(
        self, x: Float[Tensor, "frames height width channels"]
    ) -> Float[Tensor, "frames height width channels"]:
        """Drops frames of `x`; identity in evaluation."""
        if not self.training:
            return x
        kept = 1 - self.probability
        mask = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(kept)
        return x * (mask.div_(kept) if kept > 0 else mask)
