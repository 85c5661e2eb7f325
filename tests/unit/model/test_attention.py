import pytest
import torch

from trainable.model.attention import AttentionOptions, PartitionAttention, SelfAttention, merge, partition


def test_a_window_holds_neighbouring_cells():
    cells = torch.arange(24.0).view(1, 4, 6, 1)
    assert partition(cells, "window", (2, 3))[0, :, 0].tolist() == [0, 1, 2, 6, 7, 8]


def test_a_grid_partition_holds_cells_at_regular_distances():
    cells = torch.arange(24.0).view(1, 4, 6, 1)
    assert partition(cells, "grid", (2, 3))[0, :, 0].tolist() == [0, 2, 4, 12, 14, 16]


def test_fused_attention_equals_softmax_of_scaled_products():
    torch.manual_seed(0)
    attention = SelfAttention(channels=24, dim_head=8, bias=True)
    tokens = torch.randn(5, 7, 24)
    # RVT's layout: head after head, each with its query, key and value.
    heads = (tokens @ attention.qkv.weight.T + attention.qkv.bias).view(5, 7, 3, 3, 8)
    query, key, value = heads.permute(3, 0, 2, 1, 4)
    weights = (query @ key.mT / 8**0.5).softmax(dim=-1)
    joined = (weights @ value).transpose(1, 2).reshape(5, 7, 24)
    expected = joined @ attention.proj.weight.T + attention.proj.bias
    torch.testing.assert_close(attention(tokens), expected)


@pytest.mark.parametrize("kind", ["window", "grid"])
def test_a_cell_is_influenced_by_its_own_partition_only(kind):
    torch.manual_seed(0)
    block = PartitionAttention(8, kind, (2, 3), AttentionOptions(dim_head=8, ls_init_value=1.0))
    cells = torch.randn(1, 4, 6, 8)
    changed = cells.clone()
    changed[0, 0, 0] = torch.randn(8)
    difference = (block(changed) - block(cells)).abs().amax(dim=-1, keepdim=True)
    touched = partition(difference, kind, (2, 3)).squeeze(-1) > 1e-4
    assert touched.any(dim=1).tolist() == [True] + [False] * 3
    assert touched[0].all()


def test_options_decide_which_weights_a_block_has():
    plain = PartitionAttention(32, "window", (2, 3), AttentionOptions())
    bare = PartitionAttention(
        32,
        "window",
        (2, 3),
        AttentionOptions(attention_bias=False, mlp_bias=False, mlp_gated=True, ls_init_value=0.0),
        normed_input=True,
    )
    assert set(plain.state_dict()) == {
        *("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"),
        *("self_attn.qkv.weight", "self_attn.qkv.bias", "self_attn.proj.weight", "self_attn.proj.bias"),
        *("mlp.net.0.0.weight", "mlp.net.0.0.bias", "mlp.net.2.weight", "mlp.net.2.bias"),
    }
    assert set(bare.state_dict()) == {
        *("self_attn.qkv.weight", "self_attn.proj.weight", "norm2.weight", "norm2.bias"),
        *("mlp.net.0.proj.weight", "mlp.net.2.weight"),
    }


def test_merging_needs_the_size_of_the_map_only():
    cells = torch.randn(2, 4, 6, 5)
    for kind in ("window", "grid"):
        assert torch.equal(merge(partition(cells, kind, (2, 3)), kind, (2, 3), (4, 6)), cells)
