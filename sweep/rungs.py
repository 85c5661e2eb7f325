"""Successive halving: the steps at which trials are compared, and which of them go on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from search_spaces.ranking import ranks
from trainable.errors import ConfigError

Decision = Literal["CONTINUE", "STOP"]


class RungEntry(NamedTuple):
    """A trial's result at a rung."""

    values: tuple[float, ...]
    """The objectives, maximised; NaN where undefined."""
    violation: float
    """The sum by which constraints are broken, 0 where none is."""


def rung_steps(max_steps: int, *, grace_steps: int, reduction_factor: int, validation_interval: int) -> tuple[int, ...]:
    """Optimizer steps at which trials are compared: grace_steps · reduction_factor^k, each at a validation.

    Args:
        max_steps: The full budget; a rung there would stop nothing and is left out.
        grace_steps: Steps that every trial may train.
        reduction_factor: Ratio of one rung to the next.
        validation_interval: Steps between validations. A rung between two of them moves to the later one.

    Returns:
        Rising steps below `max_steps`; empty where none fits.

    Raises:
        ConfigError: If an argument is out of its range.
    """
    mistakes = [
        f"`{name}` must be at least {least}, got {value}"
        for name, value, least in (
            ("max_steps", max_steps, 1),
            ("grace_steps", grace_steps, 1),
            ("reduction_factor", reduction_factor, 2),
            ("validation_interval", validation_interval, 1),
        )
        if value < least
    ]
    if mistakes:
        raise ConfigError("; ".join(mistakes))
    rungs: list[int] = []
    step = grace_steps
    while (rung := -(-step // validation_interval) * validation_interval) < max_steps:
        if not rungs or rung > rungs[-1]:
            rungs.append(rung)
        step *= reduction_factor
    return tuple(rungs)


def rung_ranks(entries: Sequence[RungEntry]) -> list[int]:
    """Rank results at a rung, 0 for the best: those that keep the constraints first, and each group by the objectives.

    Constraints are bounds on results at full budget. Early in training nearly every result breaks a bound such as
    AP >= 0.33, so by how much it does says little but how high that one metric is; ranked by that, as final results
    are, trials would be stopped by the constraint's metric alone and the objectives would not count. Which results keep
    the constraints already does count, and where none does, the objectives alone decide.

    Args:
        entries: Results of one rung.

    Returns:
        For each result the number of results that are before it, as in `search_spaces.ranking.ranks`.
    """
    kept = [entry.violation <= 0 for entry in entries]  # an undefined violation keeps nothing
    return ranks([entry.values for entry in entries], [0.0 if keeps else 1.0 for keeps in kept])


@dataclass(frozen=True)
class Rungs:
    """The stopping rule of asynchronous successive halving, for one objective or several.

    A trial that reaches a rung goes on if it ranks among the first 1 / `reduction_factor` of the results that have
    reached this rung so far, its own included; ranks as in `rung_ranks`. Nothing waits for other trials, and the
    first to reach a rung goes on.

    Source: ASHA (Li et al. 2020) in its stopping form, with ranks of several objectives as in Schmucker et al. 2021.
    Deviation from Ray's `AsyncHyperBandScheduler`, which compares with an interpolated percentile of the other results:
    here the share is rounded up to whole trials, so the two can differ on a trial that lies between the two results
    that Ray interpolates. A trial whose first report comes after several rungs counts at the last of them only.

    Attributes:
        steps: Rising optimizer steps; empty: nothing is stopped.
        reduction_factor: At least 2.
    """

    steps: tuple[int, ...]
    reduction_factor: int

    def reached(self, step: int, last: int | None) -> int | None:
        """The rung at which a report counts.

        Args:
            step: The report's optimizer step.
            last: The rung at which the trial was compared last.

        Returns:
            The highest rung up to `step`, unless the trial was compared there or later.
        """
        passed = [rung for rung in self.steps if (-1 if last is None else last) < rung <= step]
        return max(passed, default=None)

    def decide(self, others: Sequence[RungEntry], own: RungEntry) -> Decision:
        """Whether a trial goes on from a rung.

        Args:
            others: Results of all trials that reached the rung before.
            own: The trial's result there.
        """
        entries = [*others, own]
        own_rank = rung_ranks(entries)[-1]
        return "CONTINUE" if own_rank < math.ceil(len(entries) / self.reduction_factor) else "STOP"
