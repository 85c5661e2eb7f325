"""Augmentation of dense event frames, on the device that holds them: every pixel is looked up where it comes from."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from trainable.data.augmentation import Augmentation, Window, rotation_matrix


def augment_frames(
    frames: UInt8[Tensor, "time channels height width"],
    augmentation: Augmentation,
    out: UInt8[Tensor, "time channels height width"],
) -> None:
    """Write augmented frames into `out`.

    Args:
        frames: `(time, channels, height, width)` uint8 counts.
        augmentation: The draw, the same for every frame.
        out: Where the result goes, of the same shape; it must hold zeros, and pixels that come from outside the frame
            keep them.

    Source: RVT resizes with `nearest-exact` and rotates with the nearest pixel, one after the other; here the lookups
    are composed first, which gives the same pixels, and the events are touched once. Deviation: a pixel that lies
    between two others after a rotation takes the lower right one (torchvision: the even one).
    """
    *_, height, width = frames.shape
    whole = Window(0, 0, width, height)
    source, target = augmentation.zoom_in or whole, augmentation.zoom_out or whole
    rows = _nearest_exact(source.top, source.height, target.height, frames.device)
    columns = _nearest_exact(source.left, source.width, target.width, frames.device)
    view = out[..., target.top : target.top + target.height, target.left : target.left + target.width]
    if augmentation.angle_deg:
        row_grid, column_grid, inside = _rotated_sources(rows, columns, augmentation.angle_deg, height, width)
        if augmentation.flip:
            column_grid = width - 1 - column_grid
        pixels = (row_grid * width + column_grid).flatten()
        view.copy_(frames.flatten(2).index_select(2, pixels).view(view.shape).mul_(inside))
        return
    if augmentation.flip:
        columns = width - 1 - columns
    view.copy_(frames.index_select(2, rows).index_select(3, columns))


def _nearest_exact(start: int, source_size: int, target_size: int, device: torch.device) -> Tensor:
    """Source pixel of every target pixel when `source_size` pixels from `start` on become `target_size` pixels.

    In float32, as torch's own resizing does it, so that ties fall the same way.
    """
    target = torch.arange(target_size, dtype=torch.float32, device=device)
    return start + ((target + 0.5) * (source_size / target_size)).long().clamp(max=source_size - 1)


def _rotated_sources(
    rows: Tensor, columns: Tensor, angle_deg: float, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Row and column before rotation of the pixels `rows` x `columns` of the rotated frame, and which lie inside it.

    All three are `(rows, columns)`; rows and columns are clamped to the frame.
    """
    (cosine, minus_sine), (sine, _) = rotation_matrix(-angle_deg).tolist()
    y = (rows + 0.5 - height / 2).unsqueeze(1)
    x = columns + 0.5 - width / 2
    source_x = torch.floor(cosine * x + minus_sine * y + width / 2).long()
    source_y = torch.floor(sine * x + cosine * y + height / 2).long()
    inside = (source_x >= 0) & (source_x < width) & (source_y >= 0) & (source_y < height)
    return source_y.clamp(0, height - 1), source_x.clamp(0, width - 1), inside
