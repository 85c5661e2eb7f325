"""How much memory and time whole training steps take, measured in processes of their own."""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from trainable.assembly import build_module
from trainable.config import Config, validate_config
from trainable.data import NO_AUGMENTATION, Batch, Sample, SampleKey, SparseFrames, collate
from trainable.errors import OutOfMemoryError
from trainable.hardware import resolve_devices, rows_per_device
from trainable.losses import SizeAwareSettings
from trainable.units import MIB

Phase = Literal["training", "evaluation"]
_Measured = TypeVar("_Measured")

STEPS = 4
LEAST_STEPS = 2
"""The first step allocates the optimizer's state; the second one has the memory and the time of all later steps."""
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
        cost = in_new_process(measure_step, config.to_dict(), "training", rows)
        if cost is None:
            if rows == sizes[0]:
                raise OutOfMemoryError(
                    "not even a micro-batch of one row fits into memory; choose a smaller model, a larger patch_size "
                    "or a shorter dataset.sequence_length"
                )
            break
        yield cost
    evaluation = in_new_process(measure_step, config.to_dict(), "evaluation", config.batch_size.eval)
    if evaluation is not None:
        yield evaluation


def in_new_process(measure: Callable[..., _Measured], *arguments: object) -> _Measured | None:
    """Measure in a new process, so that nothing of an earlier measurement counts.

    Args:
        measure: A function of a module.
        arguments: What it is called with; they and the result travel between processes.

    Returns:
        The result; `None` if the system ended the process, as it does for want of memory.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure, *arguments).result()
        except BrokenProcessPool:
            return None


def measure_step(
    values: dict[str, Any], phase: Phase, rows: int, threads: int | None = None, limit_s: float | None = None
) -> StepCost | None:
    """Measure steps of `rows` rows in this process, whose earlier memory counts on a CPU.

    Args:
        values: The configuration as a plain dictionary.
        phase: What a step does.
        rows: Rows of the micro-batch.
        threads: Threads to compute with on a CPU; `None`: torch's choice.
        limit_s: Seconds that the steps should not exceed. One row is tried first, and if it shows that all would take
            longer, its cost is the result. `None`: all rows are measured, however long it takes.

    Returns:
        The cost, whose `rows` says what was measured; `None` if the steps do not fit.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        return _cost(_Steps(validate_config(values), phase), rows, limit_s)
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


def _cost(steps: "_Steps", rows: int, limit_s: float | None) -> StepCost:
    if limit_s is not None and rows > 1:
        seconds = steps.seconds(1, LEAST_STEPS)
        left_s = limit_s - LEAST_STEPS * seconds
        if rows * LEAST_STEPS * seconds > left_s:
            return StepCost(steps.phase, 1, _peak_mib(steps.device), seconds)
        count = int(min(STEPS, max(LEAST_STEPS, left_s / (rows * seconds))))
    else:
        count = STEPS if limit_s is None else LEAST_STEPS
    seconds = steps.seconds(rows, count)
    return StepCost(steps.phase, rows, _peak_mib(steps.device), seconds)


class _Steps:
    """A detector with its optimizer, to be run on worst-case batches."""

    def __init__(self, config: Config, phase: Phase) -> None:
        devices = resolve_devices(config)
        on_gpu = devices.accelerator == "gpu"
        size_aware = SizeAwareSettings() if config.model.head.size_aware_loss else None
        self.config, self.phase = config, phase
        self.device = torch.device("cuda", devices.indices[0]) if on_gpu else torch.device("cpu")
        self.module = build_module(config.merged({"checkpoint": None}), size_aware).to(self.device)
        self.module.train(phase == "training")
        self.optimizer = torch.optim.AdamW(self.module.parameters())
        self.half = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}.get(devices.precision)

    def seconds(self, rows: int, count: int) -> float:
        """The shortest time of some steps with a batch of so many rows."""
        batch = worst_case_batch(self.config, rows).to(self.device)
        seconds: list[float] = []
        for _ in range(count):
            started_s = time.perf_counter()
            self._step(batch)
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            seconds.append(time.perf_counter() - started_s)
        return min(seconds)

    def _step(self, batch: Batch) -> None:
        with torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None):
            if self.phase == "evaluation":
                with torch.no_grad():
                    self.module.detections(batch)
                return
            loss = self.module.training_step(batch, 0)["loss"]
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def _peak_mib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / MIB
    # Linux's figure of this program alone: `ru_maxrss` also holds what the process was before it started this program.
    status = Path("/proc/self/status")
    if status.exists():
        return next(float(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
