"""How much faster all frames are assigned at once than one object at a time.

Run as `python tests/benchmarks/assignment.py`. Both forms run in turn in one process on 6 x 8 labelled frames of
640 x 384 pixels and 8 classes, on one thread; the figure is the ratio of their median times.
"""

import runpy
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from trainable.losses import assign

REPEATS = 5
REFERENCE = runpy.run_path(str(Path(__file__).parents[1] / "unit" / "losses" / "conftest.py"))


def topk(costs: Tensor, count: int) -> Tensor:
    return costs.topk(count, largest=False).indices


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(objects: int) -> str:
    predictions, anchors, labels = REFERENCE["make_scene"](
        0, frames=48, objects=objects, max_labels=objects, num_classes=8, hw=(384, 640)
    )

    def plain() -> None:
        for frame, rows in zip(predictions, labels, strict=True):
            REFERENCE["assign_one_frame"](frame, anchors, rows[rows.sum(dim=1) > 0], topk)

    def fast() -> None:
        assign(predictions, anchors, labels)

    fast()
    times = [(seconds(plain), seconds(fast)) for _ in range(REPEATS)]
    plain_s, fast_s = (statistics.median(column) for column in zip(*times, strict=True))
    return (
        f"{objects:3d} labels, {predictions.shape[1]} anchors: {plain_s / fast_s:5.1f} times as fast "
        f"({plain_s * 1e3:.0f} ms one object at a time, {fast_s * 1e3:.0f} ms at once)\n"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    for objects in (20, 100):
        sys.stdout.write(compare(objects))
