import pytest
import torch

from trainable.errors import ConfigError
from trainable.model.pyramid import Pyramid

CHANNELS = {1: 8, 2: 16, 3: 32, 4: 64}
FEATURES = {stage: torch.randn(2, channels, 64 >> stage, 96 >> stage) for stage, channels in CHANNELS.items()}


def build(stages, **changes):
    torch.manual_seed(0)
    options = {"depth": 0.33, "depthwise": False, "act": "silu", **changes}
    return Pyramid(in_stages=stages, in_channels=[CHANNELS[stage] for stage in stages], **options).eval()


@pytest.mark.parametrize("stages", [(2, 3, 4), (1, 2, 3, 4)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_each_scale_keeps_its_shape(stages, depthwise):
    outputs = build(stages, depthwise=depthwise)(FEATURES)
    assert [output.shape for output in outputs] == [FEATURES[stage].shape for stage in stages]


@pytest.mark.parametrize("stages", [(2, 3, 4), (1, 2, 3, 4)])
def test_each_scale_sees_every_other(stages):
    pyramid = build(stages)
    outputs = pyramid(FEATURES)
    for changed in stages:
        others = pyramid({**FEATURES, changed: FEATURES[changed] + 1})
        assert all(not torch.allclose(a, b) for a, b in zip(outputs, others, strict=True))


def test_a_fourth_scale_adds_one_step_in_each_direction():
    three, four = (build(stages).state_dict() for stages in ((2, 3, 4), (1, 2, 3, 4)))
    assert set(three) < set(four)
    added = {key.split(".")[0] for key in set(four) - set(three)}
    assert added == {"reduce_conv2", "C3_p2", "bu_conv3", "C3_n2"}


def test_depth_counts_bottlenecks_in_thirds():
    for depth, bottlenecks in ((0.33, 1), (0.67, 2), (1.0, 3)):
        assert len(build((2, 3, 4), depth=depth).get_submodule("C3_p4.m")) == bottlenecks


@pytest.mark.parametrize("stages", [(2, 4, 3), (3, 4), (1, 2, 4)])
def test_stages_that_are_no_neighbours_are_refused(stages):
    with pytest.raises(ConfigError, match="in_stages must be"):
        build(stages)
