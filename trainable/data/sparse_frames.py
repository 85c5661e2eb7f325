"""Event representations kept as their non-zero cells: what lies on disk, in a batch and on the way to the device."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class SparseFrames:
    """Consecutive frames of event counts, of which only the cells that are not zero are kept.

    Attributes:
        indices: `(cells,)` uint32, each cell's flat index into the `channels * height * width` of its own frame,
            rising within a frame.
        values: `(cells,)` uint8 counts, at least 1.
        offsets: `(frames + 1,)` int64; frame `i` owns the cells `offsets[i]:offsets[i + 1]`, and `offsets[0]` is 0.
        shape: `(channels, height, width)` of one dense frame.
    """

    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    shape: tuple[int, int, int]

    @classmethod
    def from_dense(cls, dense: npt.NDArray[np.uint8]) -> Self:
        """Keep the non-zero cells of dense frames, `(frames, channels, height, width)` uint8."""
        frames, *shape = dense.shape
        channels, height, width = shape
        cells_a_frame = channels * height * width
        flat = np.ascontiguousarray(dense).reshape(-1)
        cells = _nonzero_bytes(flat)
        frame_starts = np.arange(frames + 1, dtype=np.int64) * cells_a_frame
        offsets = np.searchsorted(cells, frame_starts).astype(np.int64)
        indices = (cells - np.repeat(frame_starts[:-1], np.diff(offsets))).astype(np.uint32)
        return cls(indices, flat[cells], offsets, (channels, height, width))

    @classmethod
    def concatenate(cls, parts: "Several[SparseFrames]") -> Self:
        """Join frames of one shape along time.

        Raises:
            ValueError: When there is no part, or the parts differ in shape.
        """
        shapes = {part.shape for part in parts}
        if len(shapes) != 1:
            raise ValueError(f"frames to join must share one shape, got {sorted(shapes)}")
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        return cls(
            np.concatenate([part.indices for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)]),
            shapes.pop(),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def frames(self, start: int, stop: int) -> Self:
        """The frames `start:stop`, as views where possible.

        Raises:
            IndexError: When the range does not lie within the frames.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"frames {start}:{stop} are not within the {len(self)} frames there are")
        first, last = self.offsets[start], self.offsets[stop]
        offsets = self.offsets[start : stop + 1] - first
        return type(self)(self.indices[first:last], self.values[first:last], offsets, self.shape)

    def to_dense(self) -> npt.NDArray[np.uint8]:
        """The frames with their zeros, `(frames, channels, height, width)` uint8."""
        channels, height, width = self.shape
        dense = np.zeros((len(self), channels * height * width), dtype=np.uint8)
        frame_of_cell = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        dense[frame_of_cell, self.indices] = self.values
        return dense.reshape(len(self), channels, height, width)


def _nonzero_bytes(flat: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Positions of the bytes that are not zero: eight zeros are passed over at once, as nearly all bytes are zero."""
    whole = len(flat) - len(flat) % 8
    words = np.flatnonzero(flat[:whole].view(np.uint64) != 0)
    in_words = np.flatnonzero(flat[:whole].reshape(-1, 8)[words] != 0)
    cells = words[in_words >> 3] * 8 + (in_words & 7)
    return np.concatenate([cells, whole + np.flatnonzero(flat[whole:])])
