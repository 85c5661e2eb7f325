"""Object sizes: bins of box areas, and the Prophesee protocol's filter of small boxes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class AreaBin(NamedTuple):
    """A range of box areas, both ends included, as COCO defines its size bins."""

    name: str
    lower_px2: float
    upper_px2: float


COCO_AREA_BINS = (
    AreaBin("small", 0.0, 1024.0),
    AreaBin("medium", 1024.0, 9216.0),
    AreaBin("large", 9216.0, 1e10),
)
"""COCO's small, medium and large, in model-input px²."""

SENSOR_AREA_BINS = (
    AreaBin("0-400", 0.0, 400.0),
    AreaBin("400-1024", 400.0, 1024.0),
    AreaBin("1024-4096", 1024.0, 4096.0),
    AreaBin("4096-9216", 4096.0, 9216.0),
    AreaBin("over 9216", 9216.0, 1e10),
)
"""Finer bins for small objects, in sensor px²."""


@dataclass(frozen=True, slots=True)
class BoxFilter:
    """The Prophesee protocol's rule for which boxes count.

    Pixels are the sensor's; `evaluate` halves them for a model that sees half the resolution. A box counts when both
    sides and the diagonal reach the minimum and its frame lies after the first moments of the recording. Boxes that
    do not count are deleted (truths and detections alike), and so are frames that are left without truths.

    Source: Perot et al. 2020, "Learning to Detect Objects with a 1 Megapixel Event Camera", and Prophesee's automotive
    dataset toolbox. Deviation: computed in float64 whatever the boxes came in.

    Attributes:
        min_diagonal_px: Shortest diagonal, in sensor pixels, included.
        min_side_px: Shortest width and height, in sensor pixels, included.
        skip_first_us: A frame at this time since the recording's start or earlier is skipped.
    """

    min_diagonal_px: float
    min_side_px: float
    skip_first_us: int = 500_000

    def passes(
        self, width: NDArray[np.float64], height: NDArray[np.float64], *, input_px_per_sensor_px: float
    ) -> NDArray[np.bool_]:
        """Which boxes are large enough.

        Args:
            width: Widths in model-input pixels, `(n,)`.
            height: Heights in model-input pixels, `(n,)`.
            input_px_per_sensor_px: 0.5 at half resolution, else 1.

        Returns:
            `(n,)` bool.
        """
        side = self.min_side_px * input_px_per_sensor_px
        diagonal = self.min_diagonal_px * input_px_per_sensor_px
        return np.asarray((width >= side) & (height >= side) & (width**2 + height**2 >= diagonal**2))


GEN1_BOX_FILTER = BoxFilter(min_diagonal_px=30, min_side_px=10)
GEN4_BOX_FILTER = BoxFilter(min_diagonal_px=60, min_side_px=20)
