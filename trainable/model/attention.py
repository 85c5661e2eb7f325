"""MaxViT's attention over partitions of a feature map, channels last: local windows, then a global grid.

Source: Tu et al., "MaxViT", 2022, as in RVT (uzh-rpg/RVT, `models/layers/maxvit/maxvit.py`). Deviation: fused
attention (`scaled_dot_product_attention`), which gives the same numbers up to rounding.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from trainable.model.geometry import HeightWidth
from trainable.model.mlp import Mlp, MlpActivation
from trainable.model.residual import DropPath, LayerScale

Partition = Literal["window", "grid"]


@dataclass(frozen=True)
class AttentionOptions:
    """What all attention blocks of a backbone share; the defaults are RVT's."""

    dim_head: int = 32
    """Channels of one attention head."""
    attention_bias: bool = True
    mlp_activation: MlpActivation = "gelu"
    mlp_gated: bool = False
    mlp_bias: bool = True
    mlp_ratio: int = 4
    """Hidden channels of the feed-forward part per channel."""
    drop_mlp: float = 0.0
    """Dropout probability in the feed-forward part."""
    drop_path: float = 0.0
    """Probability that a frame skips a residual branch."""
    ls_init_value: float = 1e-5
    """Initial LayerScale factor; 0 for no LayerScale."""


def partition(
    x: Float[Tensor, "frames height width channels"], kind: Partition, size: HeightWidth
) -> Float[Tensor, "partitions tokens channels"]:
    """Cuts feature maps into partitions of `size` cells.

    A "window" holds neighbouring cells. A partition of the "grid" holds cells at regular distances over the whole map.

    Args:
        x: Feature maps whose height and width are multiples of `size`.
        kind: Which cells make a partition.
        size: Height and width of a partition in cells.
    """
    frames, height, width, channels = x.shape
    rows, columns = size
    match kind:
        case "window":
            split = x.view(frames, height // rows, rows, width // columns, columns, channels)
            cut = split.permute(0, 1, 3, 2, 4, 5)
        case "grid":
            split = x.view(frames, rows, height // rows, columns, width // columns, channels)
            cut = split.permute(0, 2, 4, 1, 3, 5)
    return cut.reshape(-1, rows * columns, channels)


def merge(
    partitions: Float[Tensor, "partitions tokens channels"], kind: Partition, size: HeightWidth, map_hw: HeightWidth
) -> Float[Tensor, "frames height width channels"]:
    """Puts partitions back together; the inverse of `partition`.

    Args:
        partitions: Partitions in the order of `partition`.
        kind: Which cells make a partition.
        size: Height and width of a partition in cells.
        map_hw: Height and width of the feature maps in cells.
    """
    rows, columns = size
    height, width = map_hw
    channels = partitions.shape[-1]
    cut = partitions.view(-1, height // rows, width // columns, rows, columns, channels)
    match kind:
        case "window":
            split = cut.permute(0, 1, 3, 2, 4, 5)
        case "grid":
            split = cut.permute(0, 3, 1, 4, 2, 5)
    return split.reshape(-1, height, width, channels)


class SelfAttention(nn.Module):
    """Multi-head self-attention among the tokens of a partition.

    Args:
        channels: Channels of a token, a multiple of `dim_head`.
        dim_head: Channels of one head.
        bias: Whether the projections have a bias.
    """

    def __init__(self, channels: int, dim_head: int, bias: bool) -> None:
        super().__init__()
        self.dim_head = dim_head
        self.qkv = nn.Linear(channels, 3 * channels, bias=bias)
        self.proj = nn.Linear(channels, channels, bias=bias)

    def forward(
        self, tokens: Float[Tensor, "partitions tokens channels"]
    ) -> Float[Tensor, "partitions tokens channels"]:
        """Attends within each partition."""
        # One head's query, key and value lie side by side in RVT's weights.
        heads = self.qkv(tokens).view(*tokens.shape[:2], -1, 3 * self.dim_head).transpose(1, 2)
        query, key, value = heads.chunk(3, dim=-1)
        attended = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return projected


class PartitionAttention(nn.Module):
    """A transformer block whose attention stays within partitions.

    Args:
        channels: Channels of the feature maps.
        kind: Which cells make a partition.
        partition_size: Height and width of a partition in cells.
        options: What all blocks share.
        normed_input: Whether the input is normalised already, so that the block needs no norm of its own.
    """

    def __init__(
        self,
        channels: int,
        kind: Partition,
        partition_size: HeightWidth,
        options: AttentionOptions,
        *,
        normed_input: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.partition_size = partition_size

        def scale() -> nn.Module:
            return LayerScale(channels, options.ls_init_value) if options.ls_init_value > 0 else nn.Identity()

        def drop() -> nn.Module:
            return DropPath(options.drop_path) if options.drop_path > 0 else nn.Identity()

        self.norm1 = nn.Identity() if normed_input else nn.LayerNorm(channels)
        self.self_attn = SelfAttention(channels, options.dim_head, options.attention_bias)
        self.ls1 = scale()
        self.drop_path1 = drop()
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(
            channels,
            ratio=options.mlp_ratio,
            activation=options.mlp_activation,
            gated=options.mlp_gated,
            bias=options.mlp_bias,
            dropout=options.drop_mlp,
        )
        self.ls2 = scale()
        self.drop_path2 = drop()

    def forward(
        self, x: Float[Tensor, "frames height width channels"]
    ) -> Float[Tensor, "frames height width channels"]:
        """Attention, then the feed-forward part, each added to its input."""
        x = x + self.drop_path1(self.ls1(self._attend(self.norm1(x))))
        x = x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))
        return x

    def _attend(
        self, x: Float[Tensor, "frames height width channels"]
    ) -> Float[Tensor, "frames height width channels"]:
        tokens = self.self_attn(partition(x, self.kind, self.partition_size))
        return merge(tokens, self.kind, self.partition_size, (x.shape[1], x.shape[2]))
