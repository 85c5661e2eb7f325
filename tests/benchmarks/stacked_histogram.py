"""Events a second of the stacked histogram at half resolution, against a plain form in torch that counts every pixel.

Run as `python tests/benchmarks/stacked_histogram.py`. Times depend on the machine; the ratio of the two in one run
is what counts.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from trainable.data import stacked_histogram

BINS, HEIGHT, WIDTH, CUTOFF = 10, 720, 1280, 10
EVENTS = 200_000
REPEATS = 15


def plain_torch(x: Tensor, y: Tensor, polarity: Tensor, t: Tensor) -> Tensor:
    """Count all events at full resolution in 16 bits, cut the counts, and keep every second pixel."""
    counts = torch.zeros((2, BINS, HEIGHT, WIDTH), dtype=torch.int16)
    time_bin = ((t - t[0]) / (t[-1] - t[0]).clamp(min=1) * BINS).floor().clamp(max=BINS - 1).long()
    ones = torch.ones(len(x), dtype=torch.int16)
    counts.index_put_((polarity, time_bin, y, x), ones, accumulate=True)
    frame = counts.clamp(max=CUTOFF).to(torch.uint8).reshape(1, 2 * BINS, HEIGHT, WIDTH)
    return torch.nn.functional.interpolate(frame, scale_factor=0.5, mode="nearest-exact")[0]


def median_seconds(run: Callable[[], object]) -> float:
    """Median time of a call, after one that compiles and warms up."""
    run()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Check that both give the same numbers, then print their speed and its ratio."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    x = generator.integers(0, WIDTH, EVENTS).astype(np.uint16)
    y = generator.integers(0, HEIGHT, EVENTS).astype(np.uint16)
    polarity = generator.integers(0, 2, EVENTS).astype(np.uint8)
    t = np.sort(generator.integers(0, 50_000, EVENTS))
    tensors = [torch.from_numpy(field.astype(np.int64)) for field in (x, y, polarity, t)]

    def compiled() -> np.ndarray:
        return stacked_histogram(
            x,
            y,
            polarity,
            t,
            bins=BINS,
            height=HEIGHT,
            width=WIDTH,
            count_cutoff=CUTOFF,
            downsample_by_factor_2=True,
        )

    np.testing.assert_array_equal(compiled(), plain_torch(*tensors).numpy())
    plain_s, compiled_s = median_seconds(lambda: plain_torch(*tensors)), median_seconds(compiled)
    for name, seconds in (("plain torch form", plain_s), ("stacked_histogram", compiled_s)):
        print(f"{name}: {EVENTS / seconds / 1e6:6.1f} million events/s")
    print(f"ratio: {plain_s / compiled_s:.0f} times as fast")


if __name__ == "__main__":
    main()
