import jaxtyping
import pytest
import torch

from trainable.config import compose
from trainable.model import build_detector

TINY = ["dataset=gen4", "dataset.path=unused", "+experiment/gen4=tiny"]


@pytest.mark.parametrize(
    ("experiment", "parameters"),
    [("gen1=tiny", 4.4), ("gen1=small", 9.9), ("gen1=base", 18.5), ("gen4=tiny", 4.4), ("gen4=base", 18.5)],
)
def test_shipped_experiments_have_rvts_number_of_parameters(experiment, parameters):
    dataset = experiment.split("=")[0]
    detector = build_detector(compose([f"dataset={dataset}", "dataset.path=unused", f"+experiment/{experiment}"]))
    assert round(sum(parameter.numel() for parameter in detector.parameters()) / 1e6, 1) == parameters


def test_patch_size_and_scales_of_the_seeds_reach_the_detector():
    config = compose(["dataset=gen4", "dataset.path=unused", "+model/maxvit_yolox=patch3_4scale_sizeaware"])
    detector = build_detector(config)
    assert detector.anchors().stride.unique().tolist() == [3, 6, 12, 24]
    assert detector.padded_hw == (384, 672)
    assert detector.num_classes == config.num_classes


@pytest.mark.parametrize(
    ("key", "value", "change"),
    [
        (
            "model.backbone.stage.attention.attention_bias",
            "false",
            "- stages.0.att_blocks.0.att_grid.self_attn.qkv.bias",
        ),
        ("model.backbone.stage.attention.mlp_bias", "false", "- stages.0.att_blocks.0.att_grid.mlp.net.2.bias"),
        ("model.backbone.stage.attention.mlp_gated", "true", "+ stages.0.att_blocks.0.att_grid.mlp.net.0.proj.weight"),
        ("model.backbone.stage.attention.ls_init_value", "0.0", "- stages.0.att_blocks.0.att_grid.ls1.gamma"),
        ("model.backbone.stage.downsample.norm_affine", "false", "- stages.0.downsample_cf2cl.norm.weight"),
        ("model.backbone.stage.lstm.dws_conv", "true", "+ stages.0.lstm.conv3x3_dws.weight"),
        ("model.backbone.num_blocks", "[2,1,1,1]", "+ stages.0.att_blocks.1.att_grid.norm1.weight"),
        ("model.fpn.depthwise", "true", "+ bu_conv1.dconv.conv.weight"),
        ("model.head.depthwise", "true", "+ cls_convs.0.0.dconv.conv.weight"),
    ],
)
def test_each_option_reaches_its_part(key, value, change):
    before, after = (
        set(build_detector(compose(overrides)).state_dict()) for overrides in (TINY, [*TINY, f"{key}={value}"])
    )
    sign, name = change.split()
    changed = after - before if sign == "+" else before - after
    assert any(changed_key.endswith(name) for changed_key in changed)


@pytest.fixture
def shapes_unchecked():
    """The tests' shape checks cannot be compiled."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("shapes_unchecked")
def test_compiling_keeps_keys_and_numbers():
    # The "eager" backend traces the whole graph as the others do, but leaves out the minutes of code generation.
    small = [
        *TINY,
        "model.backbone.embed_dim=8",
        "model.backbone.stage.attention.dim_head=8",
        "model.backbone.partition_split_32=1",
    ]
    arguments = "{enable: true, args: {backend: eager, fullgraph: true}}"
    compiled_parts = [f"model.{part}.compile={arguments}" for part in ("backbone", "fpn", "head")]
    plain = build_detector(compose(small)).eval()
    compiled = build_detector(compose([*small, *compiled_parts])).eval()
    assert list(compiled.state_dict()) == list(plain.state_dict())
    compiled.load_rvt_state_dict(plain.state_dict())

    events = torch.randint(0, 5, (2, 1, 20, 96, 160), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        results = [detector.backbone(events) for detector in (compiled, plain)]
        torch.testing.assert_close(*results)
        features = {stage: maps[-1] for stage, maps in results[0][0].items()}
        torch.testing.assert_close(compiled.detect(features), plain.detect(features))


def test_a_compiled_backbone_is_time_batched_unless_told_otherwise():
    enabled = [*TINY, "model.backbone.compile.enable=true"]
    assert build_detector(compose(TINY)).backbone.time_batched is None
    assert build_detector(compose(enabled)).backbone.time_batched is True
    assert build_detector(compose([*enabled, "model.backbone.time_batched=false"])).backbone.time_batched is False
