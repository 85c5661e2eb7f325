"""The decoupled YOLOX head, and the decoding of its output into boxes."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainable.model.convolution import Activation, ConvBlock, spatial_block
from trainable.types import Anchors

_PRIOR_PROBABILITY = 0.01


class YoloxHead(nn.Module):
    """Predicts one box, its objectness and its class for every cell of every scale.

    Source: Ge et al., "YOLOX", 2021, as in RVT (uzh-rpg/RVT, `yolox/models/yolo_head.py`); the width follows from the
    coarsest scale, as there. Objectness and classes start at a probability of 0.01 (Lin et al., "Focal loss", 2017).

    Args:
        num_classes: Number of classes.
        in_channels: Channels of each scale, finest first.
        depthwise: Whether the 3x3 convolutions are depthwise separable.
        act: Activation of all blocks.
    """

    def __init__(self, *, num_classes: int, in_channels: Sequence[int], depthwise: bool, act: Activation) -> None:
        super().__init__()
        hidden = in_channels[-1] // 4

        def branch() -> nn.Sequential:
            return nn.Sequential(*(spatial_block(hidden, hidden, 3, depthwise=depthwise, act=act) for _ in range(2)))

        scales = range(len(in_channels))
        self.cls_convs = nn.ModuleList(branch() for _ in scales)
        self.reg_convs = nn.ModuleList(branch() for _ in scales)
        self.cls_preds = nn.ModuleList(_output_layer(hidden, num_classes, _PRIOR_PROBABILITY) for _ in scales)
        self.reg_preds = nn.ModuleList(nn.Conv2d(hidden, 4, 1) for _ in scales)
        self.obj_preds = nn.ModuleList(_output_layer(hidden, 1, _PRIOR_PROBABILITY) for _ in scales)
        self.stems = nn.ModuleList(ConvBlock(channels, hidden, 1, act=act) for channels in in_channels)

    def forward(self, maps: list[Float[Tensor, "frames _ _ _"]]) -> Float[Tensor, "frames anchors outputs"]:
        """Predicts.

        Args:
            maps: Fused features of each scale, finest first.

        Returns:
            For each anchor point, in the order of `pyramid_anchors`: box in the anchor's terms (see `decode`),
            objectness logit, class logits.
        """
        scales = zip(
            maps,
            self.stems,
            self.cls_convs,
            self.reg_convs,
            self.reg_preds,
            self.obj_preds,
            self.cls_preds,
            strict=True,
        )
        outputs = []
        for features, stem, classify, regress, box, objectness, classes in scales:
            stemmed = stem(features)
            regressed = regress(stemmed)
            output = torch.cat((box(regressed), objectness(regressed), classes(classify(stemmed))), dim=1)
            outputs.append(output.flatten(2).transpose(1, 2))
        return torch.cat(outputs, dim=1)


def decode(
    outputs: Float[Tensor, "frames anchors outputs"], anchors: Anchors
) -> Float[Tensor, "frames anchors outputs"]:
    """Turns boxes in an anchor's terms into centre, width and height in input pixels.

    The first two columns are the centre's offset from the anchor in cells, the next two the logarithms of width and
    height in cells. The other columns stay as they are.

    Args:
        outputs: What the head predicts, in any floating-point precision.
        anchors: The anchor points, in the same order.

    Returns:
        float32: exponentials overflow in half precision.
    """
    outputs = outputs.float()
    points = torch.stack((anchors.x, anchors.y), dim=-1)
    stride = anchors.stride[:, None]
    centre = (outputs[..., :2] + points) * stride
    size = outputs[..., 2:4].exp() * stride
    return torch.cat((centre, size, outputs[..., 4:]), dim=-1)


def _output_layer(channels: int, outputs: int, probability: float) -> nn.Conv2d:
    """A 1x1 convolution whose logits start around `probability`."""
    layer = nn.Conv2d(channels, outputs, 1)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, -math.log((1 - probability) / probability))
    return layer
