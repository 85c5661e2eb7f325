"""What a sweep's results are judged by: its objectives and constraints together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.objectives import HEADLINE_METRICS, Constraint, Objective, total_violation
from sweep.rungs import RungEntry


@dataclass(frozen=True)
class Goals:
    """The objectives and constraints of a sweep.

    Attributes:
        objectives: What is maximised, the most important first.
        constraints: Bounds on results at full budget.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that a result is judged by."""
        objectives = [objective.metric for objective in self.objectives]
        return tuple(dict.fromkeys([*objectives, *(constraint.metric for constraint in self.constraints)]))

    def kept(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """What a study keeps of a validation's metrics: those that it is judged by, and the headlines."""
        return {name: metrics[name] for name in dict.fromkeys((*self.metrics, *HEADLINE_METRICS))}

    def entry(self, metrics: Mapping[str, float]) -> RungEntry:
        """A result as it is ranked; without metrics it ranks last."""
        if not metrics:
            return RungEntry((math.nan,) * len(self.objectives), math.inf)
        values = tuple(metrics[objective.metric] for objective in self.objectives)
        return RungEntry(values, total_violation(self.constraints, metrics))

    def undefined(self, metrics: Mapping[str, float]) -> list[str]:
        """The metrics that a result cannot be judged by, as they are NaN."""
        return [name for name in self.metrics if math.isnan(metrics[name])]
