"""From the configuration to the detector."""

from trainable.config.schema import Config
from trainable.errors import ConfigError
from trainable.model.attention import AttentionOptions
from trainable.model.detector import Detector
from trainable.model.lstm import LstmOptions
from trainable.model.stage import DownsampleOptions


def build_detector(config: Config) -> Detector:
    """Builds the detector that a configuration describes, with fresh weights.

    `model.backbone.T_max_chrono_init` has no effect, as in RVT, which reads it but initialises all LSTMs alike.

    Raises:
        ConfigError: If the configuration asks for token masking, which is not supported.
    """
    backbone, fpn, head = config.model.backbone, config.model.fpn, config.model.head
    if backbone.enable_masking:
        raise ConfigError(
            "model.backbone.enable_masking must be false: masking tokens of padded frames is not supported"
        )
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
        time_batched=backbone.time_batched,
    )
    # `Module.compile` leaves the keys of the state dict as they are; wrapping with `torch.compile` would not.
    for part, settings in (
        *((stage, backbone.compile) for stage in detector.backbone.stages),
        (detector.fpn, fpn.compile),
        (detector.yolox_head, head.compile),
    ):
        if settings.enable:
            part.compile(**settings.args)
    return detector
