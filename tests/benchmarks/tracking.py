"""What tracking costs the training: one `metrics` call, and a step's slowdown while the run is being published.

Run as `python tests/benchmarks/tracking.py`. Figures are microseconds and ratios of one run on one machine. The last
part trains a small convolutional network and compares three ways to publish: none, the process that is used, and a
thread, in which MLflow's import and batches compete with the training for the interpreter's lock.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from trainable.tracking import RunTracking, default_uri
from trainable.tracking.client_environment import client_environment

STEP_S = 0.05
POINTS = {f"train/loss_{index}": 0.123456789 * index for index in range(10)}
STEPS = 200


def microseconds(call: Callable[[int], None], repeats: int) -> list[float]:
    times = []
    for step in range(repeats):
        begin = time.perf_counter_ns()
        call(step)
        times.append((time.perf_counter_ns() - begin) / 1000)
    return sorted(times)


def many_small_layers() -> nn.Module:
    layers = [layer for _ in range(60) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.SiLU())]
    return nn.Sequential(nn.Conv2d(3, 16, 3), *layers)


def step_times_ms(model: nn.Module, publish: str) -> list[float]:
    """Step times while `POINTS` are logged at every step and published by `publish`: none, process or thread."""
    with tempfile.TemporaryDirectory() as folder:
        uri = default_uri(Path(folder))
        run = Path(folder) / "run"
        tracking = RunTracking.start(run, experiment="e", uri=uri if publish == "process" else None, interval_s=1.0)
        done = threading.Event()
        thread = threading.Thread(target=publish_in_thread, args=(run, uri, done))
        if publish == "thread":
            thread.start()
        images, times = torch.rand(2, 3, 32, 32), []
        for step in range(STEPS):
            begin = time.perf_counter()
            model(images).mean().backward()
            tracking.metrics(POINTS, step)
            times.append((time.perf_counter() - begin) * 1000)
        done.set()
        if publish == "thread":
            thread.join()
        tracking.close("FINISHED", timeout_s=60)
    return times


def publish_in_thread(run: Path, uri: str, done: threading.Event) -> None:
    with client_environment():
        from trainable.tracking.publisher import Publisher

        publisher = Publisher(run, uri)
        while not done.wait(1.0):
            publisher.flush()


def report(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tracking = RunTracking.start(Path(folder) / "run", experiment="e", uri=None)
        times = microseconds(lambda step: tracking.metrics(POINTS, step), 20_000)
        median, late = statistics.median(times), times[int(0.999 * len(times))]
        report(f"metrics() with {len(POINTS)} values: median {median:.1f} us, 99.9 % below {late:.1f} us")
        report(
            f"share of a {STEP_S * 1000:.0f} ms step: {median / STEP_S / 1e6:.5%} (99.9 %: {late / STEP_S / 1e6:.4%})"
        )
        tracking.close("FINISHED")
    torch.set_num_threads(1)
    model = many_small_layers()
    step_times_ms(model, "none")
    alone = sum(step_times_ms(model, "none"))
    for publish in ("process", "thread"):  # the thread last: it leaves MLflow imported
        times = step_times_ms(model, publish)
        report(
            f"published by a {publish}: {STEPS} steps took {sum(times) / alone:.3f} times as long as without "
            f"(longest step {max(times):.0f} ms, median {statistics.median(times):.1f} ms)"
        )


if __name__ == "__main__":
    main()
