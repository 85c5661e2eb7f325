"""What the trials of a space cost: real training steps of each network that the space can build, measured here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from search_spaces.dimension import Dimension
from search_spaces.json_values import Json, compact
from search_spaces.ranges import Ratio
from search_spaces.space import Space
from trainable.config import Config
from trainable.dotted_names import value_at
from trainable.hardware import resolve_devices, rows_per_device
from trainable.memory import StepCost, in_new_process, measure_step
from trainable.model import build_detector

LIMIT_S = 20.0
"""Seconds of steps for one network and phase; where all rows would take longer, one row is measured."""
BYTES_A_PARAMETER = 12
"""In a checkpoint: the weight and AdamW's two moments, in 32 bits each."""

_PATCH, _STAGES = "model.backbone.stem.patch_size", "model.fpn.in_stages"
_COSTLY_KEYS = (
    "batch_size.",
    "model.backbone.",
    "model.fpn.",
    "model.head.depthwise",
    "model.head.num_classes",
    "dataset.sequence_length",
    "dataset.resolution_hw",
    "dataset.downsample_by_factor_2",
    "training.precision",
)


@dataclass(frozen=True)
class Combination:
    """One network, with its input and batch, that trials of a space can have.

    Attributes:
        label: Its name, such as `patch 2, stages 1-4`.
        values: Dotted key to value, for the keys that differ between the combinations.
        config: The base configuration with the space's fixed values and these.
    """

    label: str
    values: Mapping[str, Json]
    config: Config


@dataclass(frozen=True)
class CombinationCost:
    """What trials of one combination cost on this machine.

    Times and memory are those of the worst case: dense events, and 100 boxes in every frame. Reading data is not
    counted.

    Attributes:
        label: The combination's name.
        values: Dotted key to value, for the keys that differ between the combinations.
        rows: Rows of the micro-batch.
        rows_measured: Rows of the measured training steps; where fewer than `rows`, the figures are scaled up with the
            rows, which is more than the true cost.
        step_s: Seconds of an optimizer step, over all its micro-batches; `None`: it does not fit into memory.
        evaluation_batch_s: Seconds of an evaluation batch; `None`: it does not fit.
        peak_mib: Highest memory of training and evaluation in MiB, of the GPU, or of the process on a CPU; `None`: one
            of them does not fit.
        parameters: Number of weights.
        checkpoint_bytes: Size of a checkpoint: weights and AdamW's state.
    """

    label: str
    values: Mapping[str, Json]
    rows: int
    rows_measured: int
    step_s: float | None
    evaluation_batch_s: float | None
    peak_mib: float | None
    parameters: int
    checkpoint_bytes: int


def combinations(space: Space, base: Config) -> tuple[Combination, ...]:
    """Every network that the dimensions and known points of a space lead to: all choices, and the bounds of ranges."""
    points = [*_corner_points(space), *space.known_points.values()]
    costly = {key for point in points for key in point if key.startswith(_COSTLY_KEYS)}
    found: dict[str, Combination] = {}
    for point in points:
        chosen = {key: value for key, value in point.items() if key in costly}
        config = base.merged(space.overrides(chosen))
        values = {key: value_at(config.to_dict(), key) for key in sorted(costly, key=lambda key: (key != _PATCH, key))}
        found.setdefault(compact(values), Combination(_label(values), values, config))
    return tuple(found.values())


def probe(
    space: Space, base: Config, *, threads: int | None = None, limit_s: float = LIMIT_S
) -> Iterator[CombinationCost]:
    """Measure what each combination of a space costs, one after the other.

    Args:
        space: The space.
        base: The configuration that all trials start from.
        threads: Threads of a trial on a CPU; `None`: torch's choice.
        limit_s: Seconds that the steps of one combination and phase should not exceed.

    Yields:
        Each cost as soon as it is measured.

    Raises:
        ConfigError: If this machine lacks the GPU of `hardware.gpus`.
    """
    for combination in combinations(space, base):
        yield _measure(combination, threads, limit_s)


def _measure(combination: Combination, threads: int | None, limit_s: float) -> CombinationCost:
    config = combination.config
    rows, micro_batches = rows_per_device(config, resolve_devices(config))
    measured = in_new_process(_measure_phases, config.to_dict(), rows, threads, limit_s) or (None, None)
    training, evaluation = _scaled(measured[0], rows), _scaled(measured[1], config.batch_size.eval)
    parameters = _parameters(config)
    return CombinationCost(
        label=combination.label,
        values=combination.values,
        rows=rows,
        rows_measured=0 if measured[0] is None else measured[0].rows,
        step_s=None if training is None else training.seconds * micro_batches,
        evaluation_batch_s=None if evaluation is None else evaluation.seconds,
        peak_mib=None if training is None or evaluation is None else max(training.peak_mib, evaluation.peak_mib),
        parameters=parameters,
        checkpoint_bytes=parameters * BYTES_A_PARAMETER,
    )


def _measure_phases(
    values: dict[str, Any], rows: int, threads: int | None, limit_s: float
) -> tuple[StepCost | None, StepCost | None]:
    """Training, and evaluation after it as in a trial: in one process, so that the memory is that of both."""
    return (
        measure_step(values, "training", rows, threads, limit_s),
        measure_step(values, "evaluation", values["batch_size"]["eval"], threads, limit_s),
    )


def _scaled(cost: StepCost | None, rows: int) -> StepCost | None:
    """The cost of more rows than were measured."""
    if cost is None:
        return None
    factor = rows / cost.rows
    return replace(cost, rows=rows, seconds=cost.seconds * factor, peak_mib=cost.peak_mib * factor)


def _parameters(config: Config) -> int:
    with torch.device("meta"):
        detector = build_detector(config)
    return sum(parameter.numel() for parameter in detector.parameters())


def _corner_points(space: Space) -> Iterator[dict[str, Json]]:
    """Every combination of the costly dimensions' choices and bounds, and of what decides whether they are active."""
    decisive: set[str] = set()
    for dimension in reversed(space.dimensions):
        if dimension.key.startswith(_COSTLY_KEYS) or dimension.key in decisive:
            decisive |= {dimension.key, *dimension.when}
            if isinstance(dimension, Ratio):
                decisive.add(dimension.ratio_of)

    def values_of(dimension: Dimension, known: Mapping[str, Json]) -> Iterator[Json]:
        corners = dimension.corners(known)
        return corners if dimension.key in decisive else islice(corners, 1)

    return space.walk(values_of)


def _label(values: Mapping[str, Json]) -> str:
    return ", ".join(_part(key, value) for key, value in values.items()) or "every trial"


def _part(key: str, value: Json) -> str:
    if key == _PATCH:
        return f"patch {compact(value)}"
    if key == _STAGES and isinstance(value, list):
        return f"stages {compact(value[0])}-{compact(value[-1])}"  # the schema allows no gaps
    return f"{key.rpartition('.')[2]} {value if isinstance(value, str) else compact(value)}"
