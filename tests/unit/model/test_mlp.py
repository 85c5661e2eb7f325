import torch

from trainable.model.mlp import GatedLinear, Mlp


def test_a_gated_hidden_layer_is_two_thirds_as_wide_rounded_down_to_32():
    gated = Mlp(64, ratio=4, activation="silu", gated=True, bias=False, dropout=0.0)
    assert {key: tuple(value.shape) for key, value in gated.state_dict().items()} == {
        "net.0.proj.weight": (2 * 160, 64),
        "net.2.weight": (64, 160),
    }


def test_the_second_half_of_a_gated_layer_gates_the_first():
    torch.manual_seed(0)
    layer = GatedLinear(4, 3, "relu", bias=True)
    x = torch.randn(5, 4)
    projected = x @ layer.proj.weight.T + layer.proj.bias
    torch.testing.assert_close(layer(x), projected[:, :3] * projected[:, 3:].clamp(min=0))
