"""RVT's event representation: for each polarity and time bin, how many events each pixel saw."""

import numba
import numpy as np
import numpy.typing as npt

_LARGEST_COUNT = 255


def stacked_histogram(
    x: npt.NDArray[np.integer],
    y: npt.NDArray[np.integer],
    polarity: npt.NDArray[np.integer],
    t: npt.NDArray[np.integer],
    *,
    bins: int,
    height: int,
    width: int,
    count_cutoff: int | None,
    downsample_by_factor_2: bool = False,
) -> npt.NDArray[np.uint8]:
    """Count events by polarity, time bin and pixel.

    The bins divide the time from the first to the last event evenly, whatever the window was.

    Source: `uzh-rpg/RVT`, `data/utils/representations.py`, with its single-precision binning. Deviations: counts stop
    at the cutoff (RVT's `fastmode` wraps at 256 on hot pixels), and downsampling (nearest-exact, which keeps the pixels
    with odd row and odd column) happens while counting, so that other pixels' events are never touched.

    Args:
        x: `(events,)` column in sensor pixels.
        y: `(events,)` row in sensor pixels.
        polarity: `(events,)`, above 0 for rising light.
        t: `(events,)` time, never falling, in microseconds.
        bins: Number of time bins.
        height: Rows of the sensor.
        width: Columns of the sensor.
        count_cutoff: Counts stop here; None, or more than 255, stops them at 255.
        downsample_by_factor_2: Whether to give the representation at half resolution.

    Returns:
        `(2 * bins, height, width)` uint8, halved height and width when downsampled; falling light first, bins in order.

    Raises:
        ValueError: When an event lies outside the sensor, the fields differ in length, or a size is not positive.
    """
    if min(bins, height, width) < 1 or (count_cutoff is not None and count_cutoff < 1):
        raise ValueError(f"sizes must be positive, got {bins=}, {height=}, {width=}, {count_cutoff=}")
    if not len(x) == len(y) == len(polarity) == len(t):
        raise ValueError(
            f"x, y, polarity and t must be equally long, got {len(x)}, {len(y)}, {len(polarity)} and {len(t)}"
        )
    halvings = int(downsample_by_factor_2)
    counts = np.zeros((2 * bins, height >> halvings, width >> halvings), dtype=np.uint8)
    cutoff = _LARGEST_COUNT if count_cutoff is None else min(count_cutoff, _LARGEST_COUNT)
    outside = _count(x, y, polarity, t, counts.reshape(2, bins, *counts.shape[1:]), height, width, cutoff, halvings)
    if outside >= 0:
        raise ValueError(
            f"event {outside} at x={x[outside]}, y={y[outside]} lies outside the sensor of {width}x{height} pixels"
        )
    return counts


@numba.njit(cache=True)
def _count(
    x: npt.NDArray[np.integer],
    y: npt.NDArray[np.integer],
    polarity: npt.NDArray[np.integer],
    t: npt.NDArray[np.integer],
    counts: npt.NDArray[np.uint8],
    height: int,
    width: int,
    cutoff: int,
    halvings: int,
) -> int:
    """Add events to `counts` and return -1, or the position of an event outside the sensor."""
    if len(t) == 0:
        return -1
    bins = counts.shape[1]
    first = t[0]
    duration = np.float32(max(t[-1] - first, 1))
    for event in range(len(t)):
        column, row = x[event], y[event]
        if column < 0 or row < 0 or column >= width or row >= height:
            return event
        if halvings and not (column & row & 1):
            continue
        column >>= halvings
        row >>= halvings
        time_bin = min(int(np.float32(t[event] - first) / duration * np.float32(bins)), bins - 1)
        cell = counts[int(polarity[event] > 0), time_bin, row]
        if cell[column] < cutoff:
            cell[column] += 1
    return -1
