"""From the configuration to the detector."""

from trainable.config.schema import Config
from trainable.model.attention import AttentionOptions
from trainable.model.detector import Detector
from trainable.model.lstm import LstmOptions
from trainable.model.stage import DownsampleOptions


def build_detector(config: Config) -> Detector:
    """Builds the detector that a configuration describes, with fresh weights."""
    backbone, fpn, head = config.model.backbone, config.model.fpn, config.model.head
    detector = Detector(
        input_hw=config.input_hw,
        num_classes=config.num_classes,
        input_channels=backbone.input_channels,
        embed_dim=backbone.embed_dim,
        dim_multiplier=backbone.dim_multiplier,
        num_blocks=backbone.num_blocks,
        patch_size=backbone.stem.patch_size,
        partition_split=backbone.partition_split_32,
        downsample=DownsampleOptions(
            overlap=backbone.stage.downsample.overlap, norm_affine=backbone.stage.downsample.norm_affine
        ),
        attention=AttentionOptions(**backbone.stage.attention.model_dump()),
        lstm=LstmOptions(**backbone.stage.lstm.model_dump()),
        in_stages=fpn.in_stages,
        fpn_depth=fpn.depth,
        fpn_depthwise=fpn.depthwise,
        fpn_act=fpn.act,
        head_depthwise=head.depthwise,
        head_act=head.act,
        # Compiled, the loop through time would be unrolled into one graph of as many copies as there are steps.
        time_batched=True if backbone.time_batched is None and backbone.compile.enable else backbone.time_batched,
    )
    # `Module.compile` leaves the keys of the state dict as they are; wrapping with `torch.compile` would not.
    for part, settings in (
        (detector.backbone, backbone.compile),
        (detector.fpn, fpn.compile),
        (detector.yolox_head, head.compile),
    ):
        if settings.enable:
            part.compile(**settings.args)
    return detector
