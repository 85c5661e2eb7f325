import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from trainable.data.augment_events import augment_frames
from trainable.data.augmentation import Augmentation, Window

HEIGHT, WIDTH = 90, 160


def noise(seed: int) -> Tensor:
    return torch.randint(0, 256, (2, 3, HEIGHT, WIDTH), dtype=torch.uint8, generator=torch.manual_seed(seed))


def augmented(frames: Tensor, augmentation: Augmentation) -> Tensor:
    out = torch.zeros_like(frames)
    augment_frames(frames, augmentation, out)
    return out


def test_no_augmentation_copies() -> None:
    frames = noise(0)
    assert torch.equal(augmented(frames, Augmentation()), frames)


def test_flip_mirrors_columns() -> None:
    frames = noise(0)
    assert torch.equal(augmented(frames, Augmentation(flip=True)), frames.flip(-1))


@pytest.mark.parametrize("window", [Window(10, 5, 128, 72), Window(0, 0, 159, 89), Window(53, 30, 107, 60)])
def test_zooming_in_equals_nearest_exact_resizing_of_the_window(window: Window) -> None:
    frames = noise(1)
    part = frames[..., window.top : window.top + window.height, window.left : window.left + window.width]
    expected = interpolate(part, size=(HEIGHT, WIDTH), mode="nearest-exact")
    assert torch.equal(augmented(frames, Augmentation(zoom_in=window)), expected)


@pytest.mark.parametrize("window", [Window(10, 5, 134, 75), Window(1, 1, 159, 89), Window(0, 15, 133, 75)])
def test_zooming_out_equals_nearest_exact_resizing_into_the_window(window: Window) -> None:
    frames = noise(2)
    expected = torch.zeros_like(frames)
    expected[..., window.top : window.top + window.height, window.left : window.left + window.width] = interpolate(
        frames, size=(window.height, window.width), mode="nearest-exact"
    )
    assert torch.equal(augmented(frames, Augmentation(zoom_out=window)), expected)


def test_a_quarter_turn_is_counter_clockwise_on_the_screen() -> None:
    square = noise(3)[..., :60, :60].contiguous()
    assert torch.equal(augmented(square, Augmentation(angle_deg=90.0)), square.rot90(1, dims=(-2, -1)))


def test_rotation_leaves_what_comes_from_outside_empty() -> None:
    turned = augmented(torch.ones((1, 1, HEIGHT, WIDTH), dtype=torch.uint8), Augmentation(angle_deg=6.0))[0, 0]
    assert (turned[0, 0], turned[0, -1], turned[-1, 0], turned[-1, -1]) == (0, 0, 0, 0)
    assert turned[HEIGHT // 2, WIDTH // 2] == 1
