"""What a run cost: training time, memory and parameters, as far as they were recorded."""

import re
from collections.abc import Iterable
from math import inf, nan

import numpy as np

from reports.runs import Run


def training_hours(run: Run) -> float:
    """Time spent in training steps; NaN where speed was not recorded.

    Added up from the speed of every logged stretch of steps, so that validations, waiting and what a killed process did
    in vain are left out. Trials that share a device slow each other, which this time holds.
    """
    curve = run.curves.get("speed/steps_per_second")
    if curve is None or not len(curve.steps) or curve.steps[0] <= 0 or not (curve.values > 0).all():
        return nan
    return float((np.diff(curve.steps, prepend=0) / curve.values).sum()) / 3600


def time_scale(hours: Iterable[float]) -> tuple[str, float]:
    """The unit in which times are shown, and how many of it are an hour: minutes where all are below two hours."""
    return ("h", 1.0) if any(value >= 2 for value in hours) else ("min", 60.0)


def gpu_peak_mib(run: Run) -> float:
    """The most memory that its tensors took on a GPU; NaN without a GPU."""
    return _highest(run, "memory/gpu_peak_mib")


def host_mib(run: Run) -> float:
    """The most memory that its process held on the host, as far as logged; NaN where it was not."""
    return _highest(run, "memory/host_mib")


def model_parameters(run: Run) -> float:
    """Number of trained parameters; NaN where unknown."""
    text = run.tags.get("model.parameters", "")
    return float(text) if re.fullmatch(r"\d{1,15}", text) else nan


def _highest(run: Run, metric: str) -> float:
    curve = run.curves.get(metric)
    highest = max(
        curve.values.max() if curve is not None and len(curve.values) else -inf, run.metrics.get(metric, -inf)
    )
    return nan if highest == -inf else float(highest)
