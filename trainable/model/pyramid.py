"""The feature pyramid (PAFPN): coarse features refine fine ones, and then the other way round."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from trainable.errors import ConfigError
from trainable.model.convolution import Activation, ConvBlock, CspLayer, spatial_block
from trainable.types import Features

# RVT's names, coarsest scale first. The last step exists with four scales only; RVT has no name for it, and ours go on
# where its numbers stop: P5 and N5 would be stage 4, so stage 1 is p2 and n2.
_TOP_DOWN = (("lateral_conv0", "C3_p4"), ("reduce_conv1", "C3_p3"), ("reduce_conv2", "C3_p2"))
_BOTTOM_UP = (("bu_conv1", "C3_n4"), ("bu_conv2", "C3_n3"), ("bu_conv3", "C3_n2"))


class Pyramid(nn.Module):
    """Fuses the features of neighbouring stages.

    Source: YOLOX's PAFPN as in RVT (uzh-rpg/RVT, `yolox_extension/models/yolo_pafpn.py`). Deviation: four scales are
    possible as well, by one more step of the same kind in both directions.

    Args:
        in_stages: Stages to fuse: three or four neighbours, finest first.
        in_channels: Channels of each of them.
        depth: A third of the number of bottlenecks a layer, rounded after multiplication by three.
        depthwise: Whether the 3x3 convolutions are depthwise separable.
        act: Activation of all blocks.

    Raises:
        ConfigError: If `in_stages` are not three or four neighbours.
    """

    def __init__(
        self,
        *,
        in_stages: Sequence[int],
        in_channels: Sequence[int],
        depth: float,
        depthwise: bool,
        act: Activation,
    ) -> None:
        super().__init__()
        stages = tuple(in_stages)
        if len(stages) not in (3, 4) or stages != tuple(range(stages[0], stages[0] + len(stages))):
            raise ConfigError(f"model.fpn.in_stages must be [2, 3, 4] or [1, 2, 3, 4], got {list(stages)}")
        self.in_stages = stages
        bottlenecks = round(3 * depth)
        pairs = list(pairwise(in_channels))
        for (reduce, fuse), (fine, coarse) in zip(_TOP_DOWN, reversed(pairs), strict=False):
            self.add_module(reduce, ConvBlock(coarse, fine, 1, act=act))
            self.add_module(fuse, CspLayer(2 * fine, fine, bottlenecks, depthwise=depthwise, act=act))
        for (reduce, fuse), (fine, coarse) in zip(reversed(_BOTTOM_UP[: len(pairs)]), pairs, strict=True):
            self.add_module(reduce, spatial_block(fine, fine, 3, stride=2, depthwise=depthwise, act=act))
            self.add_module(fuse, CspLayer(2 * fine, coarse, bottlenecks, depthwise=depthwise, act=act))

    def forward(self, features: Features) -> list[Float[Tensor, "frames _ _ _"]]:
        """Fuses features.

        Args:
            features: Stage number to features `(frames, channels, height, width)`; only those of `in_stages` are read.

        Returns:
            One map for each of `in_stages`, in the same order and of the same size as its input.
        """
        *finer, fused = (features[stage] for stage in self.in_stages)
        laterals = []
        for (reduce, fuse), fine in zip(_TOP_DOWN, reversed(finer), strict=False):
            lateral = self.get_submodule(reduce)(fused)
            laterals.append(lateral)
            upsampled = F.interpolate(lateral, scale_factor=2.0, mode="nearest-exact")
            fused = self.get_submodule(fuse)(torch.cat((upsampled, fine), dim=1))
        outputs = [fused]
        for (reduce, fuse), lateral in zip(reversed(_BOTTOM_UP[: len(laterals)]), reversed(laterals), strict=True):
            fused = self.get_submodule(fuse)(torch.cat((self.get_submodule(reduce)(fused), lateral), dim=1))
            outputs.append(fused)
        return outputs
