"""What was read of a sweep: its runs with parameters, curves and artifacts, free of where they were read from."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from search_spaces import Space
from search_spaces.objectives import Constraint, parse_constraint
from trainable.errors import ConfigError

RunState = Literal["RUNNING", "COMPLETE", "PRUNED", "STOPPED", "FAILED"]
"""PRUNED: stopped at a rung. STOPPED: by hand, or because the sweep was stopped."""

BASELINE = "baseline"
"""The known point that everything is compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One metric of one run.

    Attributes:
        steps: Optimizer steps, rising, `(points,)` int64.
        values: `(points,)` float64, without NaN.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def at(self, step: int) -> float:
        """The value at a step; NaN where there is none."""
        place = int(np.searchsorted(self.steps, step))
        found = place < len(self.steps) and self.steps[place] == step
        return float(self.values[place]) if found else nan


class Artifacts(Protocol):
    """A run's files, brought here as they are asked for."""

    def paths(self) -> tuple[str, ...]:
        """Every file's path, sorted."""

    def file(self, path: str) -> Path | None:
        """A local copy of a file; none where the run has no such file, or it cannot be had."""

    def problem(self, path: str) -> str:
        """Why a file that is there cannot be had, as far as was found out; empty otherwise."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run: a trial, a confirming one, or one that no sweep began.

    Attributes:
        run_id: MLflow's identity of it.
        name: Its name, whatever that may hold.
        state: Where it stands.
        reason: Why it ended, where it did not simply complete.
        started_ms: Since 1970.
        ended_ms: Likewise; none while it runs.
        parameters: Flat: dotted configuration key to text.
        tags: Tag to text.
        metrics: Metric to its last value; without undefined ones.
        curves: Metric to its curve, for those that a report draws.
        artifacts: Its files.
    """

    run_id: str
    name: str
    state: RunState
    reason: str
    started_ms: int
    ended_ms: int | None
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    curves: Mapping[str, Curve]
    artifacts: Artifacts

    @property
    def index(self) -> int | None:
        """Number of the trial in its sweep's phase; none outside of a sweep."""
        text = self.tags.get("evsweep.trial", "")
        return int(text) if re.fullmatch(r"\d{1,9}", text) else None

    @property
    def config_hash(self) -> str:
        """Hash of its effective configuration without the seed; its own identity where it has none."""
        return self.tags.get("evsweep.config_hash") or self.run_id

    @property
    def seed(self) -> str:
        """Its random seed as text; empty where unknown."""
        return self.parameters.get("reproduce.seed_everything", "")

    @property
    def is_baseline(self) -> bool:
        """Whether it was marked as what others are compared with."""
        return self.tags.get("evsweep.known_point") == BASELINE or self.tags.get("evsweep.baseline") == "true"

    @property
    def last_step(self) -> int:
        """Optimizer step of its last validation, 0 before the first."""
        curve = self.curves.get("AP") or self.curves.get("count/frames")
        return int(curve.steps[-1]) if curve is not None and len(curve.steps) else 0


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep, finished or running.

    Attributes:
        own: The parent run.
        trials: The search's runs by index.
        confirmations: Runs of the finalists and the baseline with new seeds, by index.
        space: What the trials vary; none where it cannot be read.
        problems: What is missing or broken, as sentences for the reader.
        tracking_uri: Where it was read from, without credentials.
    """

    own: Run
    trials: tuple[Run, ...]
    confirmations: tuple[Run, ...]
    space: Space | None
    problems: tuple[str, ...] = ()
    tracking_uri: str = field(default="")

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.own.name

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """What is maximised, the most important first; AP where that is unknown."""
        names = (name.strip() for name in self.own.tags.get("evsweep.objectives", "").split(","))
        return tuple(name for name in names if name) or ("AP",)

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The bounds that results must keep, without those that cannot be read."""
        found = []
        for text in self.own.tags.get("evsweep.constraints", "").split(","):
            with suppress(ConfigError):
                found.append(parse_constraint(text))
        return tuple(found)
