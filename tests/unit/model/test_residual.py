import torch

from trainable.model.residual import DropPath, LayerScale


def test_layer_scale_starts_at_its_initial_value():
    x = torch.ones(2, 3, 4, 5)
    torch.testing.assert_close(LayerScale(5, 1e-5)(x), x * 1e-5)


def test_drop_path_drops_whole_frames_and_keeps_the_mean():
    torch.manual_seed(0)
    frames = DropPath(0.25)(torch.ones(4000, 1, 2, 3)).flatten(1)
    assert set(frames.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert torch.equal(frames.amin(dim=1), frames.amax(dim=1))
    assert abs(frames.mean().item() - 1) < 0.03


def test_drop_path_does_nothing_in_evaluation():
    x = torch.randn(8, 1, 2, 3)
    assert DropPath(0.9).eval()(x) is x


def test_drop_path_of_probability_one_drops_everything_without_nan():
    assert DropPath(1.0)(torch.ones(8, 1, 2, 3)).eq(0).all()
