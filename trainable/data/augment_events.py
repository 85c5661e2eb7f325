"""Augmentation of events on the device that holds them: as whole frames, or as the cells that are not zero."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Int32, UInt8
from torch import Tensor

from trainable.data.augmentation import Augmentation, Window, rotation_matrix


def augment_frames(
    frames: UInt8[Tensor, "time channels height width"],
    augmentation: Augmentation,
    out: UInt8[Tensor, "time channels height width"],
) -> None:
    """Write augmented frames into `out`: every pixel is looked up where it comes from.

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
    source, target = _zoom_windows(augmentation, height, width)
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


def moved_cells(
    indices: Int32[Tensor, " cells"], augmentation: Augmentation, frame_shape: tuple[int, int, int]
) -> Iterator[tuple[Int32[Tensor, " cells"], Bool[Tensor, " cells"]]]:
    """Tell where an augmentation without rotation puts cells: the same as `augment_frames`, at the cost of the cells.

    Nothing that is computed has a size that depends on the data, so that a GPU need not be waited for.

    Args:
        indices: `(cells,)` int32 flat indices into a frame.
        augmentation: The draw; its angle must be 0.
        frame_shape: `(channels, height, width)` of the frame.

    Yields:
        Once for every copy that a cell may have when it is enlarged: new indices, `(cells,)` int32, and which of the
        cells have this copy, `(cells,)` bool. Where they have not, the new index means nothing.
    """
    _, height, width = frame_shape
    source, target = _zoom_windows(augmentation, height, width)
    row_targets = _targets(source.top, source.height, target.top, target.height, height, indices.device)
    column_targets = _targets(source.left, source.width, target.left, target.width, width, indices.device)
    if augmentation.flip:
        column_targets = column_targets.flip(1)
    plane_and_row, column = indices // width, indices % width
    first_row, end_row = row_targets[:, plane_and_row % height]
    first_column, end_column = column_targets[:, column]
    plane_start = plane_and_row // height * (height * width)
    for row_copy in range(-(-target.height // source.height)):
        for column_copy in range(-(-target.width // source.width)):
            new_row, new_column = first_row + row_copy, first_column + column_copy
            yield plane_start + new_row * width + new_column, (new_row < end_row) & (new_column < end_column)


def _zoom_windows(augmentation: Augmentation, height: int, width: int) -> tuple[Window, Window]:
    """The part of the frame that is shown, and the part into which it goes."""
    whole = Window(0, 0, width, height)
    return augmentation.zoom_in or whole, augmentation.zoom_out or whole


def _targets(
    source_start: int, source_size: int, target_start: int, target_size: int, frame_size: int, device: torch.device
) -> Tensor:
    """First target pixel of every source pixel of the frame, and the one behind its last, `(2, frame_size)` int32."""
    sources = _nearest_exact(source_start, source_size, target_size, device)
    pixels = torch.arange(frame_size, device=device)
    ends = [torch.searchsorted(sources, pixels, right=right, out_int32=True) for right in (False, True)]
    return torch.stack(ends) + target_start


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
