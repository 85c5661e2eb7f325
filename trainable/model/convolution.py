"""The convolution blocks of pyramid and head.

Source: YOLOX (Megvii-BaseDetection/YOLOX, `yolox/models/network_blocks.py`), with torch's BatchNorm defaults as in RVT.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

Activation = Literal["silu", "relu", "lrelu"]


def _activation(name: Activation) -> nn.Module:
    match name:
        case "silu":
            return nn.SiLU(inplace=True)
        case "relu":
            return nn.ReLU(inplace=True)
        case "lrelu":
            return nn.LeakyReLU(0.1, inplace=True)


class ConvBlock(nn.Module):
    """Convolution, batch norm, activation; a kernel of odd size keeps the map's size up to the stride."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, groups: int = 1, act: Activation
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = _activation(act)

    def forward(self, x: Float[Tensor, "frames in_channels h w"]) -> Float[Tensor, "frames channels rows columns"]:
        """Applies the block to feature maps."""
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class DepthwiseBlock(nn.Module):
    """A `ConvBlock` within each channel, then one across channels."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, act: Activation) -> None:
        super().__init__()
        self.dconv = ConvBlock(in_channels, in_channels, kernel, stride=stride, groups=in_channels, act=act)
        self.pconv = ConvBlock(in_channels, out_channels, 1, act=act)

    def forward(self, x: Float[Tensor, "frames in_channels h w"]) -> Float[Tensor, "frames channels rows columns"]:
        """Applies the block to feature maps."""
        y: Tensor = self.pconv(self.dconv(x))
        return y


def spatial_block(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, depthwise: bool, act: Activation
) -> ConvBlock | DepthwiseBlock:
    """A block for kernels larger than one cell: depthwise separable, or a plain convolution."""
    block = DepthwiseBlock if depthwise else ConvBlock
    return block(in_channels, out_channels, kernel, stride=stride, act=act)


class Bottleneck(nn.Module):
    """A 1x1 and a 3x3 block in sequence."""

    def __init__(self, channels: int, *, depthwise: bool, act: Activation) -> None:
        super().__init__()
        self.conv1 = ConvBlock(channels, channels, 1, act=act)
        self.conv2 = spatial_block(channels, channels, 3, depthwise=depthwise, act=act)

    def forward(self, x: Float[Tensor, "frames channels h w"]) -> Float[Tensor, "frames channels h w"]:
        """Applies both blocks to feature maps."""
        y: Tensor = self.conv2(self.conv1(x))
        return y


class CspLayer(nn.Module):
    """Sends half of the channels through bottlenecks and merges them with the other half.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        num_bottlenecks: Number of bottlenecks in the first half.
        depthwise: Whether the 3x3 convolutions are depthwise separable.
        act: Activation of all blocks.
    """

    def __init__(
        self, in_channels: int, out_channels: int, num_bottlenecks: int, *, depthwise: bool, act: Activation
    ) -> None:
        super().__init__()
        hidden = out_channels // 2
        self.conv1 = ConvBlock(in_channels, hidden, 1, act=act)
        self.conv2 = ConvBlock(in_channels, hidden, 1, act=act)
        self.conv3 = ConvBlock(2 * hidden, out_channels, 1, act=act)
        self.m = nn.Sequential(*(Bottleneck(hidden, depthwise=depthwise, act=act) for _ in range(num_bottlenecks)))

    def forward(self, x: Float[Tensor, "frames in_channels h w"]) -> Float[Tensor, "frames out_channels h w"]:
        """Applies the layer to feature maps."""
        y: Tensor = self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1))
        return y
