"""What `plan` says of a sweep that was not started."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from search_spaces.json_values import Json
from sweep.probe import CombinationCost


@dataclass(frozen=True)
class RungPlan:
    """One rung, or the full budget as the last.

    Attributes:
        step: Optimizer steps.
        arriving: Expected number of trials that train until there.
        continuing: Expected number of them that go on; those that arrive at the full budget are complete.
    """

    step: int
    arriving: float
    continuing: float


@dataclass(frozen=True)
class Searched:
    """One dimension of the space.

    Attributes:
        key: Dotted configuration key.
        values: Its range in words.
        condition: When it is searched; empty: always.
    """

    key: str
    values: str
    condition: str


@dataclass(frozen=True)
class Estimate:
    """What the whole sweep takes, from the measured steps of this machine.

    Attributes:
        trial_hours: Hours of all trials together, if each has its device to itself.
        device_hours: Hours of GPUs, or of CPU cores.
        at_once: Trials at once.
        wall_hours: Hours from beginning to end.
    """

    trial_hours: float
    device_hours: float
    at_once: int
    wall_hours: float


@dataclass(frozen=True)
class Plan:
    """What a sweep would run and cost.

    Attributes:
        name: The sweep's name.
        space: The space's name.
        description: What the space is for.
        search: The search algorithm.
        scheduler: The scheduler.
        objectives: What is maximised.
        constraints: Bounds on results.
        searched: The dimensions.
        fixed: Dotted key to value under every trial.
        known_points: Names of the points that are tried first.
        trials: Number of trials.
        rungs: The rungs, and the full budget as the last.
        steps: Expected optimizer steps of all trials.
        validation_interval: Optimizer steps between validations.
        validations: Expected validations of all trials.
        validation_batches: Batches of one validation; `None`: the dataset cannot be read here.
        device: What trials compute on: `GPU` or `CPU`.
        costs: What was measured for each network that the space can build.
        estimate: Time of the whole sweep; `None`: it cannot be measured here.
        disk_bytes: Disk space of the sweep's folder in the end.
        notes: What the figures leave out, and what could not be measured, in sentences.
    """

    name: str
    space: str
    description: str
    search: str
    scheduler: str
    objectives: tuple[str, ...]
    constraints: tuple[str, ...]
    searched: tuple[Searched, ...]
    fixed: dict[str, Json]
    known_points: tuple[str, ...]
    trials: int
    rungs: tuple[RungPlan, ...]
    steps: float
    validation_interval: int
    validations: float
    validation_batches: int | None
    device: Literal["GPU", "CPU"]
    costs: tuple[CombinationCost, ...]
    estimate: Estimate | None
    disk_bytes: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON types."""
        return asdict(self)
