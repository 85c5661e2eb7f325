"""How much memory and time whole training steps take, measured in processes of their own."""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from trainable.assembly import build_module
from trainable.config import Config, validate_config
from trainable.data import NO_AUGMENTATION, Batch, Sample, SampleKey, SparseFrames, collate
from trainable.errors import OutOfMemoryError
from trainable.hardware import resolve_devices, rows_per_device
from trainable.losses import SizeAwareSettings

Phase = Literal["training", "evaluation"]

MIB = 1024**2
STEPS = 4
BOXES_A_FRAME = 100
OCCUPIED_SHARE = 0.2
"""Share of non-zero cells of the measured frames; recordings of traffic have a few percent."""


@dataclass(frozen=True)
class StepCost:
    """What batches of one size cost.

    Attributes:
        phase: `training`: forward pass, backward pass and optimizer step; `evaluation`: forward pass and detections.
        rows: Rows of the micro-batch.
        peak_mib: Highest memory in MiB: of the GPU, or of the process on a CPU.
        seconds: Shortest time of a step.
    """

    phase: Phase
    rows: int
    peak_mib: float
    seconds: float


def measure_memory(config: Config) -> Iterator[StepCost]:
    """Measure training with micro-batches of 1, 2, 4, ... rows up to the configuration's own, and its evaluation.

    Steps are the worst case: every frame is labelled with 100 boxes, the events are dense, and the optimizer has its
    state. What does not fit is left out.

    Yields:
        Each cost as soon as it is measured.

    Raises:
        OutOfMemoryError: If not even one row of training fits.
    """
    largest, _ = rows_per_device(config, resolve_devices(config))
    sizes = [2**power for power in range(largest.bit_length()) if 2**power < largest] + [largest]
    for rows in sizes:
        cost = _measure_apart(config, "training", rows)
        if cost is None:
            if rows == sizes[0]:
                raise OutOfMemoryError(
                    "not even a micro-batch of one row fits into memory; choose a smaller model, a larger patch_size "
                    "or a shorter dataset.sequence_length"
                )
            break
        yield cost
    evaluation = _measure_apart(config, "evaluation", config.batch_size.eval)
    if evaluation is not None:
        yield evaluation


def measure_step(values: dict[str, Any], phase: Phase, rows: int) -> StepCost | None:
    """Measure steps of `rows` rows in this process, whose earlier memory counts on a CPU.

    Args:
        values: The configuration as a plain dictionary.
        phase: What a step does.
        rows: Rows of the micro-batch.

    Returns:
        The cost; `None` if the steps do not fit.
    """
    try:
        return _run_steps(validate_config(values), phase, rows)
    except (torch.OutOfMemoryError, MemoryError):
        return None


def worst_case_batch(config: Config, rows: int) -> Batch:
    """A batch in which every frame is labelled with `BOXES_A_FRAME` boxes."""
    length, (height, width) = config.dataset.sequence_length, config.input_hw
    random = np.random.default_rng(0)
    shape = (length, config.model.backbone.input_channels, height, width)
    events = SparseFrames.from_dense(np.where(random.random(shape) < OCCUPIED_SHARE, 5, 0).astype(np.uint8))
    boxes = np.empty((length * BOXES_A_FRAME, 5), np.float32)
    boxes[:, 0] = random.integers(config.num_classes, size=len(boxes))
    boxes[:, 1:3] = random.uniform(0, (width, height), (len(boxes), 2))
    boxes[:, 3:] = random.uniform(2, min(height, width) / 4, (len(boxes), 2))
    samples = [
        Sample(
            key=SampleKey(row, 0, 0, length, True, "random", 0),
            sequence_name="measurement",
            events=events,
            augmentation=NO_AUGMENTATION,
            label_frames=np.arange(length),
            boxes=boxes,
            label_of_box=np.repeat(np.arange(length), BOXES_A_FRAME),
        )
        for row in range(rows)
    ]
    return collate(samples, length)


def _measure_apart(config: Config, phase: Phase, rows: int) -> StepCost | None:
    """Measure in a new process, so that nothing of an earlier measurement counts."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure_step, config.to_dict(), phase, rows).result()
        except BrokenProcessPool:  # the system ended it for want of memory
            return None


def _run_steps(config: Config, phase: Phase, rows: int) -> StepCost:
    devices = resolve_devices(config)
    device = torch.device("cuda", devices.indices[0]) if devices.accelerator == "gpu" else torch.device("cpu")
    size_aware = SizeAwareSettings() if config.model.head.size_aware_loss else None
    module = build_module(config.merged({"checkpoint": None}), size_aware).to(device)
    module.train(phase == "training")
    optimizer = torch.optim.AdamW(module.parameters())
    half = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}.get(devices.precision)
    batch = worst_case_batch(config, rows).to(device)
    seconds: list[float] = []
    for _ in range(STEPS):
        started_s = time.perf_counter()
        with torch.autocast(device.type, dtype=half, enabled=half is not None):
            if phase == "training":
                loss = module.training_step(batch, 0)["loss"]
            else:
                with torch.no_grad():
                    module.detections(batch)
        if phase == "training":
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started_s)
    return StepCost(phase, rows, _peak_mib(device), min(seconds))


def _peak_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / MIB
    # Linux's figure of this program alone: `ru_maxrss` also holds what the process was before it started this program.
    status = Path("/proc/self/status")
    if status.exists():
        return next(float(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
