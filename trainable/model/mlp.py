"""The feed-forward part of an attention block, channels last."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

MlpActivation = Literal["gelu", "relu", "silu"]

_ACTIVATIONS: dict[MlpActivation, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU, "silu": nn.SiLU}


class GatedLinear(nn.Module):
    """A linear layer of which one half gates the other.

    Source: Shazeer, "GLU variants improve transformer", 2020.
    """

    def __init__(self, in_channels: int, out_channels: int, activation: MlpActivation, bias: bool) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, 2 * out_channels, bias=bias)
        self.activation = _ACTIVATIONS[activation]()

    def forward(self, x: Float[Tensor, "*frames channels"]) -> Float[Tensor, "*frames out_channels"]:
        """Maps `in_channels` to `out_channels`."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        gated: Tensor = value * self.activation(gate)
        return gated


class Mlp(nn.Module):
    """Linear, activation, dropout, linear.

    Source: RVT (uzh-rpg/RVT, `models/layers/maxvit/maxvit.py`). A gated hidden layer is two thirds as wide, rounded
    down to a multiple of 32, so that the number of parameters stays about the same.

    Args:
        channels: Channels of input and output.
        ratio: Hidden channels per channel.
        activation: Activation of the hidden layer.
        gated: Whether the hidden layer is a gated linear unit.
        bias: Whether the linear layers have a bias.
        dropout: Dropout probability of the hidden layer.
    """

    def __init__(
        self, channels: int, *, ratio: int, activation: MlpActivation, gated: bool, bias: bool, dropout: float
    ) -> None:
        super().__init__()
        hidden = channels * ratio
        expand: nn.Module
        if gated:
            hidden = hidden * 2 // 3 // 32 * 32
            expand = GatedLinear(channels, hidden, activation, bias)
        else:
            expand = nn.Sequential(nn.Linear(channels, hidden, bias=bias), _ACTIVATIONS[activation]())
        self.net = nn.Sequential(expand, nn.Dropout(dropout), nn.Linear(hidden, channels, bias=bias))

    def forward(self, x: Float[Tensor, "*frames channels"]) -> Float[Tensor, "*frames channels"]:
        """Applies the layers to each token of `x`."""
        y: Tensor = self.net(x)
        return y
