"""The whole detector: recurrent backbone, feature pyramid, head."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainable.model.attention import AttentionOptions
from trainable.model.backbone import RecurrentBackbone
from trainable.model.convolution import Activation
from trainable.model.geometry import HeightWidth, pyramid_anchors, stage_hw, stage_strides
from trainable.model.head import YoloxHead, decode
from trainable.model.lstm import LstmOptions
from trainable.model.pyramid import Pyramid
from trainable.model.rvt_checkpoint import load_rvt_weights
from trainable.model.stage import DownsampleOptions
from trainable.types import Anchors, Features

RVT_DOWNSAMPLE = DownsampleOptions()
RVT_ATTENTION = AttentionOptions()
RVT_LSTM = LstmOptions()


class Detector(nn.Module):
    """RVT: finds objects in sequences of event frames. Its state dict has RVT's keys and shapes.

    Backbone and head are called apart, because only some frames of a sequence have labels::

        features, state = detector.backbone(events, state)
        predictions = detector.predict({stage: maps[labelled] for stage, maps in features.items()})

    Source: Gehrig and Scaramuzza, "Recurrent vision transformers for object detection with event cameras", CVPR 2023.

    Args:
        input_hw: Height and width in pixels of the largest input, before padding.
        num_classes: Number of classes.
        input_channels: Channels of an event frame.
        embed_dim: Channels of the first stage for a multiplier of 1: 32, 48, 64 for RVT tiny, small, base.
        dim_multiplier: Channels of each stage, as multiples of `embed_dim`.
        num_blocks: Attention blocks of each stage.
        patch_size: Stride of the first stage in pixels.
        partition_split: Attention windows along each axis of the last stage.
        downsample: Options of the stages' downsampling.
        attention: Options of the stages' attention.
        lstm: Options of the stages' LSTMs.
        in_stages: Stages that the pyramid fuses: (2, 3, 4) or (1, 2, 3, 4).
        fpn_depth: A third of the number of bottlenecks in a layer of the pyramid: 0.33 for RVT tiny and small, 0.67 for
            base.
        fpn_depthwise: Whether the pyramid's 3x3 convolutions are depthwise separable.
        fpn_act: Activation in the pyramid.
        head_depthwise: Whether the head's 3x3 convolutions are depthwise separable.
        head_act: Activation in the head.
        time_batched: Whether stages run on all time steps at once; `None`: on a GPU yes, on a CPU no.
    """

    def __init__(
        self,
        *,
        input_hw: HeightWidth,
        num_classes: int,
        input_channels: int = 20,
        embed_dim: int = 64,
        dim_multiplier: tuple[int, int, int, int] = (1, 2, 4, 8),
        num_blocks: tuple[int, int, int, int] = (1, 1, 1, 1),
        patch_size: int = 4,
        partition_split: int = 2,
        downsample: DownsampleOptions = RVT_DOWNSAMPLE,
        attention: AttentionOptions = RVT_ATTENTION,
        lstm: LstmOptions = RVT_LSTM,
        in_stages: tuple[int, ...] = (2, 3, 4),
        fpn_depth: float = 0.67,
        fpn_depthwise: bool = False,
        fpn_act: Activation = "silu",
        head_depthwise: bool = False,
        head_act: Activation = "silu",
        time_batched: bool | None = None,
    ) -> None:
        super().__init__()
        self.backbone = RecurrentBackbone(
            input_hw=input_hw,
            input_channels=input_channels,
            embed_dim=embed_dim,
            dim_multiplier=dim_multiplier,
            num_blocks=num_blocks,
            patch_size=patch_size,
            partition_split=partition_split,
            downsample=downsample,
            attention=attention,
            lstm=lstm,
            time_batched=time_batched,
        )
        channels = [self.backbone.stage_channels[stage - 1] for stage in in_stages]
        self.fpn = Pyramid(
            in_stages=in_stages, in_channels=channels, depth=fpn_depth, depthwise=fpn_depthwise, act=fpn_act
        )
        self.yolox_head = YoloxHead(
            num_classes=num_classes, in_channels=channels, depthwise=head_depthwise, act=head_act
        )
        self.num_classes = num_classes
        sizes, strides = stage_hw(self.padded_hw, patch_size), stage_strides(patch_size)
        anchors = pyramid_anchors(
            [sizes[stage - 1] for stage in in_stages], [strides[stage - 1] for stage in in_stages]
        )
        # Integers, because `.bfloat16()` on the module would round floating-point buffers.
        self.anchor_grid: Tensor
        self.register_buffer("anchor_grid", torch.stack(anchors).int(), persistent=False)
        # The backbone's features are channels last; weights of that layout spare every convolution a conversion.
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    @property
    def input_hw(self) -> HeightWidth:
        """Height and width in pixels of the largest input, before padding."""
        return self.backbone.input_hw

    @property
    def padded_hw(self) -> HeightWidth:
        """Height and width in pixels to which every input is padded."""
        return self.backbone.padded_hw

    def anchors(self) -> Anchors:
        """The anchor points of the padded input, in the order of the predictions."""
        return Anchors(*self.anchor_grid.float().unbind())

    def predict(self, features: Features) -> Float[Tensor, "frames anchors outputs"]:
        """Predicts for training.

        Args:
            features: Stage number to features `(frames, channels, height, width)`, as from the backbone.

        Returns:
            float32 `(frames, anchors, 5 + classes)`: cx, cy, w, h in input pixels, objectness logit, class logits.
        """
        return decode(self.yolox_head(self.fpn(features)), self.anchors())

    def detect(
        self, features: Features, frame_hw: HeightWidth | None = None
    ) -> Float[Tensor, "frames anchors outputs"]:
        """Predicts for evaluation; nothing is detected on padding.

        Args:
            features: Stage number to features `(frames, channels, height, width)`, as from the backbone.
            frame_hw: Height and width in pixels of the frames before padding; `None`: as large as configured.

        Returns:
            float32 `(frames, anchors, 5 + classes)`: cx, cy, w, h in input pixels, objectness and class probabilities.
            The objectness of a box whose centre lies on padding is 0.
        """
        predictions = self.predict(features)
        boxes, probabilities = predictions[..., :4], predictions[..., 4:].sigmoid()
        for axis, frame, padded in zip((1, 0), frame_hw or self.input_hw, self.padded_hw, strict=True):
            if padded > frame:
                on_padding = boxes[..., axis : axis + 1] >= frame
                objectness = probabilities[..., :1].masked_fill(on_padding, 0.0)
                probabilities = torch.cat((objectness, probabilities[..., 1:]), dim=-1)
        return torch.cat((boxes, probabilities), dim=-1)

    def load_rvt_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Loads weights under RVT's keys.

        Args:
            state: Keys as in this module's state dict, with or without Lightning's prefix `mdl.`.

        Raises:
            CheckpointError: If keys are missing, unknown, or of another shape; the message names them and the options
                of the architecture that decide about them. Nothing is loaded then.
        """
        load_rvt_weights(self, state)
