"""What the two forms of the backbone cost: stages on all time steps at once, against the plain loop through time.

Run as `python tests/benchmarks/backbone_forms.py [--base]`. Each figure is a training step of the detector without its
loss (backbone on a sequence, pyramid and head on all its frames, backward), RVT-tiny at 192x320 pixels, batch 4,
sequence 5; with `--base` RVT-base at 360x640, batch 6. On a GPU it runs under bfloat16 autocast. On a CPU it runs on
one thread, and the times are CPU time, which a busy machine changes little. The forms take turns in one process; the
figures are medians, their ratio, and the largest difference of the predictions.
"""

import argparse
import statistics
import sys
import time
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from trainable.model import Detector

REPEATS = 7
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FORMS = {"time-batched": True, "loop": False}


def precision() -> AbstractContextManager[object]:
    return torch.autocast("cuda", torch.bfloat16) if DEVICE.type == "cuda" else nullcontext()


def predictions(detector: Detector, events: Tensor) -> Tensor:
    with precision():
        features, _ = detector.backbone(events)
        return detector.predict({stage: maps.flatten(0, 1) for stage, maps in features.items()})


def seconds(detector: Detector, events: Tensor) -> float:
    start = now()
    detector.zero_grad()
    predictions(detector, events)[..., 4:].mean().backward()
    return now() - start


def now() -> float:
    if DEVICE.type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", action="store_true", help="RVT-base at 360x640, batch 6")
    base = parser.parse_args().base
    height, width, batch, embed_dim, depth = (360, 640, 6, 64, 0.67) if base else (192, 320, 4, 32, 0.33)

    torch.set_num_threads(1)
    detectors = {}
    for form, time_batched in FORMS.items():
        torch.manual_seed(0)
        detectors[form] = Detector(
            input_hw=(height, width), num_classes=8, embed_dim=embed_dim, fpn_depth=depth, time_batched=time_batched
        ).to(DEVICE)
    events = (torch.rand(5, batch, 20, height, width, device=DEVICE) < 0.05).to(torch.uint8)

    with torch.no_grad():
        batched, looped = (predictions(detector.eval(), events) for detector in detectors.values())
    taken: dict[str, list[float]] = {form: [] for form in FORMS}
    for repeat in range(REPEATS + 1):
        for form, detector in detectors.items():
            duration = seconds(detector.train(), events)
            if repeat:  # the first one warms up
                taken[form].append(duration)

    median = {form: statistics.median(values) for form, values in taken.items()}
    sys.stdout.write(
        f"{DEVICE.type}, {'RVT-base' if base else 'RVT-tiny'} {height}x{width}, batch {batch}, sequence 5: "
        f"time-batched {median['time-batched'] * 1e3:.0f} ms, loop {median['loop'] * 1e3:.0f} ms, "
        f"loop / time-batched {median['loop'] / median['time-batched']:.2f}; "
        f"largest difference of predictions {(batched - looped).abs().max().item():.1e}\n"
    )


if __name__ == "__main__":
    main()
