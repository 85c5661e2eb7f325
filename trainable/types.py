"""Types shared by the sibling packages of `trainable`, which do not import each other."""

from typing import Literal, NamedTuple

from torch import Tensor

Split = Literal["train", "val", "test"]
WeightType = Literal["exponential", "step", "linear", "power", "gaussian", "inverse_log"]
LossTerm = Literal["iou", "cls", "obj"]
DetectionScore = Literal["class", "product"]
AreaSpace = Literal["input", "sensor"]

LstmState = tuple[Tensor, Tensor]
"""Hidden and cell state of one stage, each `(batch, channels, height, width)`."""

RecurrentState = tuple[LstmState, ...]
"""One `LstmState` a stage, first stage first."""

Features = dict[int, Tensor]
"""Stage number (1 to 4) to feature map."""


class Anchors(NamedTuple):
    """The anchor points of all pyramid scales, in the order in which the head predicts them."""

    x: Tensor
    """Column of the anchor's cell in its own feature map, in cells, `(anchors,)` float32."""
    y: Tensor
    """Row of the anchor's cell in its own feature map, in cells, `(anchors,)` float32."""
    stride: Tensor
    """Input pixels a cell, `(anchors,)` float32."""
