import pytest
import torch

from trainable.model.stage import Downsample, DownsampleOptions


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("overlap", [True, False])
def test_downsampling_divides_height_and_width(factor, overlap):
    layer = Downsample(5, 16, factor, DownsampleOptions(overlap=overlap))
    assert layer(torch.zeros(2, 5, 2 * factor, 3 * factor)).shape == (2, 2, 3, 16)


@pytest.mark.parametrize(("factor", "kernel"), [(2, 3), (3, 5), (4, 7), (8, 15)])
def test_overlapping_kernels_follow_rvts_rule(factor, kernel):
    assert Downsample(5, 16, factor, DownsampleOptions()).conv.kernel_size == (kernel, kernel)
    assert Downsample(5, 16, factor, DownsampleOptions(overlap=False)).conv.kernel_size == (factor, factor)


def test_output_is_normalised_over_channels():
    torch.manual_seed(0)
    layer = Downsample(5, 16, 2, DownsampleOptions(norm_affine=False))
    cells = layer(torch.randn(2, 5, 4, 6))
    torch.testing.assert_close(cells.mean(dim=-1), torch.zeros(2, 2, 3), atol=1e-5, rtol=0)
    assert set(layer.state_dict()) == {"conv.weight"}
