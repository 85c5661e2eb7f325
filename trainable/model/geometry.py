"""Sizes that follow from input size, patch size and partition split: padding, strides, feature maps, anchors.

`patch_size` is the stride of the first stage in pixels; each later stage halves the resolution. `partition_split` is
the number of attention windows along each axis of the last stage.

Source: RVT (uzh-rpg/RVT, `config/modifier.py`), whose sizes these are for `patch_size` 4. Deviation: there the padded
size is a multiple of 32 * partition_split whatever the patch size; here it follows the patch size.
"""

from collections.abc import Sequence

import torch

from trainable.types import Anchors

STAGES = (1, 2, 3, 4)
"""Numbers of the backbone's stages, in order of falling resolution."""

HeightWidth = tuple[int, int]


def stage_strides(patch_size: int) -> tuple[int, int, int, int]:
    """Input pixels a cell of each stage: p, 2p, 4p, 8p."""
    return (patch_size, 2 * patch_size, 4 * patch_size, 8 * patch_size)


def padded_hw(input_hw: HeightWidth, patch_size: int, partition_split: int) -> HeightWidth:
    """Height and width in pixels after padding: the next multiples of patch_size * 8 * partition_split."""
    multiple = 8 * patch_size * partition_split
    height, width = (-(-size // multiple) * multiple for size in input_hw)
    return height, width


def partition_hw(padded: HeightWidth, patch_size: int, partition_split: int) -> HeightWidth:
    """Height and width of an attention window in cells, the same in all stages.

    Args:
        padded: Height and width in pixels, as from `padded_hw`.
        patch_size: Stride of the first stage in pixels.
        partition_split: Windows along each axis of the last stage.
    """
    multiple = 8 * patch_size * partition_split
    return padded[0] // multiple, padded[1] // multiple


def stage_hw(padded: HeightWidth, patch_size: int) -> tuple[HeightWidth, ...]:
    """Height and width in cells of each stage's feature map, first stage first."""
    return tuple((padded[0] // stride, padded[1] // stride) for stride in stage_strides(patch_size))


def pyramid_anchors(scale_hw: Sequence[HeightWidth], strides: Sequence[int]) -> Anchors:
    """The anchor points of a pyramid: scale by scale, row by row.

    Args:
        scale_hw: Height and width in cells of each scale.
        strides: Input pixels a cell of each scale.
    """
    columns, rows, pixels = [], [], []
    for (height, width), stride in zip(scale_hw, strides, strict=True):
        row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        columns.append(column.flatten())
        rows.append(row.flatten())
        pixels.append(torch.full((height * width,), stride))
    return Anchors(*(torch.cat(values).float() for values in (columns, rows, pixels)))
