"""Works out what a sweep would run and cost. Starts nothing and writes nothing."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from statistics import mean

import torch
from rich.console import Console

from search_spaces.dimension import Dimension
from search_spaces.json_values import Json, compact
from search_spaces.space import Space
from sweep.own_cpus import own_cpus
from sweep.plan_contents import Estimate, Plan, RungPlan, Searched
from sweep.probe import LIMIT_S, CombinationCost, probe
from sweep.record import SweepRecord, plan_record
from sweep.resources import GpuMemory, Node, gpus_in_use, resources_per_trial, trials_a_gpu, trials_at_once
from sweep.settings import SweepSettings
from trainable.assembly import build_eval_loader, open_sequences
from trainable.config import Config
from trainable.errors import ConfigError, DataError
from trainable.hardware import resolve_devices
from trainable.units import MIB

CHECKPOINTS_A_TRIAL = 2
"""The last one and the best one."""
RECORD_BYTES_A_FRAME = 120
"""Of a validation's match records, measured on simulated recordings."""
JOURNAL_BYTES_A_VALIDATION = 20_000
START_S = 10.0
"""Seconds in which a trial's process starts, on one CPU core."""


def plan(settings: SweepSettings, console: Console, *, limit_s: float = LIMIT_S) -> Plan:
    """Work out what a sweep would run and cost, from a short probe on this machine.

    Args:
        settings: The sweep's settings.
        console: Where to show that measuring takes a while.
        limit_s: Seconds that the steps of one network and phase should not exceed.

    Raises:
        ConfigError: If the sweep could not be started with these settings.
    """
    record = plan_record(settings)
    notes: list[str] = []
    here = Node("", "this machine", own_cpus(), torch.cuda.device_count())
    with console.status("measuring training steps of each network"):
        costs = _costs(record, here, limit_s, notes)
    return _planned(record, here, costs, _validation_size(record.config, notes), notes)


def expected_rungs(trials: int, rungs: Sequence[int], max_steps: int, reduction_factor: int) -> tuple[RungPlan, ...]:
    """How many trials are expected to reach each rung and to go on, if nothing is known of them.

    The k-th trial that reaches a rung goes on if it is among the best ceil(k / reduction_factor) of the k so far, which
    has that share as its probability where the order of arrival says nothing of the rank.

    Args:
        trials: Number of trials.
        rungs: Rising optimizer steps of the rungs.
        max_steps: The full budget.
        reduction_factor: One in so many goes on in the long run.

    Returns:
        The rungs, and the full budget as the last.
    """
    planned: list[RungPlan] = []
    arriving = float(trials)
    for step in rungs:
        continuing = sum(
            # The last trial may be expected in part.
            min(1.0, arriving - before) * math.ceil((before + 1) / reduction_factor) / (before + 1)
            for before in range(math.ceil(arriving))
        )
        planned.append(RungPlan(step, arriving, continuing))
        arriving = continuing
    return (*planned, RungPlan(max_steps, arriving, arriving))


def _planned(
    record: SweepRecord,
    here: Node,
    costs: tuple[CombinationCost, ...],
    frames_and_batches: tuple[int, int] | None,
    notes: list[str],
) -> Plan:
    settings, config, space = record.settings, record.config, record.search_space()
    trials = _trials(settings, space, notes)
    rungs = expected_rungs(trials, record.rungs, config.training.max_steps, settings.reduction_factor)
    interval = record.validation_interval
    steps = _over_all(rungs, lambda step: step)
    validations = _over_all(rungs, lambda step: step // interval if step in record.rungs else -(-step // interval))
    frames, batches = frames_and_batches or (None, None)
    estimate = _estimate(
        record, here, costs, trials=trials, steps=steps, validation_batches=validations * (batches or 0), notes=notes
    )
    return Plan(
        name=settings.name,
        space=space.name,
        description=space.description,
        search=settings.search,
        scheduler=settings.scheduler,
        objectives=settings.objectives,
        constraints=settings.constraints,
        searched=tuple(_searched(dimension, space.fixed) for dimension in space.dimensions),
        fixed=dict(space.fixed),
        known_points=tuple(space.known_points),
        trials=trials,
        rungs=rungs,
        steps=steps,
        validation_interval=interval,
        validations=validations,
        validation_batches=batches,
        costs=costs,
        device="GPU" if _wants_gpu(record) else "CPU",
        estimate=estimate,
        disk_bytes=_disk_bytes(costs, trials=trials, validations=validations, frames=frames or 0),
        notes=tuple(notes),
    )


def _over_all(rungs: Sequence[RungPlan], until: Callable[[int], int]) -> float:
    """What all trials do together, from what one has done when it reaches a step."""
    done = [0, *(until(rung.step) for rung in rungs)]
    return sum(rung.arriving * (after - before) for rung, before, after in zip(rungs, done, done[1:], strict=False))


def _trials(settings: SweepSettings, space: Space, notes: list[str]) -> int:
    if settings.search != "grid":
        return settings.trials
    points = len(space.known_points) + sum(1 for _ in islice(space.grid(), settings.trials))
    if points < settings.trials:
        notes.append(f"the grid has {points} points with the known ones, so that no more trials will run")
    return min(points, settings.trials)


def _searched(dimension: Dimension, fixed: Mapping[str, Json]) -> Searched:
    logarithmic = dimension.to_dict().get("log") is True
    conditions = (
        f"{key.rpartition('.')[2]} is {' or '.join(_shown(value) for value in values)}"
        for key, values in dimension.when.items()
        if key not in fixed
    )
    return Searched(
        dimension.key, dimension.expected() + (", logarithmic" if logarithmic else ""), " and ".join(conditions)
    )


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else compact(value)


def _costs(record: SweepRecord, here: Node, limit_s: float, notes: list[str]) -> tuple[CombinationCost, ...]:
    try:
        resolve_devices(record.config)
    except ConfigError as error:  # the GPU that the trials will have is elsewhere
        notes.append(f"time and memory are not known, as nothing can be measured here: {error}")
        return ()
    asked = resources_per_trial(record.settings, [here], wants_gpu=_wants_gpu(record), memory=None, trials=None)
    costs = tuple(probe(record.search_space(), record.config, threads=asked.threads, limit_s=limit_s))
    notes.append(
        "times and memory are those of the worst case of events and labels; reading data and computing metrics from "
        "detections come on top"
    )
    for cost in costs:
        if cost.peak_mib is None:
            notes.append(
                f"{cost.label}: {cost.rows} rows do not fit into memory; trials would halve their micro-batch "
                "until they fit"
            )
        elif cost.rows_measured < cost.rows:
            notes.append(
                f"{cost.label}: {cost.rows_measured} of {cost.rows} rows was measured, as more would take long; "
                "time and memory are scaled up with the rows, and the truth is lower"
            )
    return costs


def _validation_size(config: Config, notes: list[str]) -> tuple[int, int] | None:
    """Frames and batches of a validation, if the dataset is here."""
    try:
        sequences = open_sequences(config, "val")
        batches = len(build_eval_loader(config, sequences))
    except DataError as error:
        notes.append(f"the time of validations is not counted, as the dataset cannot be read here: {error}")
        return None
    limit = config.validation.limit_val_batches
    kept = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    return round(sum(sequence.num_frames for sequence in sequences) * kept / batches), kept


def _estimate(
    record: SweepRecord,
    here: Node,
    costs: Sequence[CombinationCost],
    *,
    trials: int,
    steps: float,
    validation_batches: float,
    notes: list[str],
) -> Estimate | None:
    """Time of the whole sweep, with every combination as often as any other.

    A GPU is taken to be fully used by a single trial, so that trials which share it gain nothing by that.
    """
    step_s = [cost.step_s for cost in costs if cost.step_s is not None]
    batch_s = [cost.evaluation_batch_s for cost in costs if cost.evaluation_batch_s is not None]
    if not step_s or not batch_s:
        return None
    seconds = steps * mean(step_s) + validation_batches * mean(batch_s) + trials * START_S
    asked = resources_per_trial(
        record.settings, [here], wants_gpu=_wants_gpu(record), memory=_gpu_memory(record, costs), trials=trials
    )
    at_once = max(1, min(trials_at_once(asked, here), trials, record.settings.max_concurrent or trials))
    hours = seconds / 3600
    if not asked.gpus:
        return Estimate(hours, device_hours=hours * asked.cpus, at_once=at_once, wall_hours=hours / at_once)
    if trials_a_gpu(asked.gpus) > 1:
        notes.append(
            f"up to {trials_a_gpu(asked.gpus)} trials share a GPU; the hours assume that each then takes so many times "
            "as long, as a single one keeps the GPU busy"
        )
    return Estimate(hours, device_hours=hours, at_once=at_once, wall_hours=hours / gpus_in_use(asked, at_once))


def _wants_gpu(record: SweepRecord) -> bool:
    return record.config.hardware.gpus is not None


def _gpu_memory(record: SweepRecord, costs: Sequence[CombinationCost]) -> GpuMemory | None:
    if not _wants_gpu(record):
        return None
    total_mib = torch.cuda.get_device_properties(0).total_memory / MIB
    return GpuMemory.of_largest((cost.peak_mib for cost in costs), total_mib)


def _disk_bytes(costs: Sequence[CombinationCost], *, trials: int, validations: float, frames: int) -> float:
    checkpoint = max((cost.checkpoint_bytes for cost in costs), default=0)
    return trials * CHECKPOINTS_A_TRIAL * checkpoint + validations * (
        JOURNAL_BYTES_A_VALIDATION + frames * RECORD_BYTES_A_FRAME
    )
