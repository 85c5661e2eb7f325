"""What the tags of a sweep's runs say: which belong where, how they ended, and which metrics matter."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from reports.runs import Run, RunState, Sweep
from reports.stored_runs import StoredRun
from search_spaces.objectives import HEADLINE_METRICS, parse_constraint
from trainable.errors import ConfigError

MOST_CURVES = 80
MOST_LISTED = 5
CURVES = (
    *HEADLINE_METRICS,
    *("AP_small_classes", "AP_class_agnostic", "prophesee/AP", "prophesee/AP_S"),
    *("train/loss", "train/mean_size_weight", "count/frames"),
)
CURVE_FAMILIES = ("speed/", "memory/", "best/", "trials/", "confirm/")
PHASE_TAG = "evsweep.phase"
PHASES = {"trials": "trial", "confirm": "confirming run"}

_STATES: Mapping[str, RunState] = {"FINISHED": "COMPLETE", "KILLED": "STOPPED", "FAILED": "FAILED"}
_STOPPED_AT_RUNG = ("stopped at the rung", "stopped early")


def ending(run: StoredRun) -> tuple[RunState, str]:
    """Where a run stands, and why it ended where it did not simply complete."""
    reason = run.tags.get("evsweep.status_reason", "")
    state = _STATES.get(run.status, "RUNNING")
    if state == "STOPPED" and reason.startswith(_STOPPED_AT_RUNG):
        state = "PRUNED"
    return state, reason if state in ("PRUNED", "STOPPED", "FAILED") else ""


def metrics_with_curves(runs: Sequence[StoredRun]) -> list[str]:
    """Which metrics are read as curves: the known ones first, and a bounded number in all.

    Args:
        runs: A sweep's parent run and those below it, or one run.
    """
    there = {name for run in runs for name in run.metrics}
    known = (*CURVES, *_words(runs[0].tags, "evsweep.objectives"), *_constrained(runs[0].tags))
    families = sorted(name for name in there if name.startswith(CURVE_FAMILIES))
    return [name for name in dict.fromkeys((*known, *families)) if name in there][:MOST_CURVES]


def of_phase(runs: Iterable[Run], phase: str) -> tuple[Run, ...]:
    """Runs of one phase by index, those without one last."""
    own = [run for run in runs if run.tags.get(PHASE_TAG) == phase]
    return tuple(sorted(own, key=lambda run: (run.index is None, run.index or 0, run.started_ms, run.run_id)))


def problems(sweep: Sweep, below: Sequence[Run]) -> Iterator[str]:
    """Sentences about what the tags of a sweep's runs lack.

    Args:
        sweep: The sweep.
        below: All runs nested under its parent run.
    """
    stray = [run.name for run in below if run.tags.get(PHASE_TAG) not in PHASES]
    if stray:
        yield f"Left out, as the tag {PHASE_TAG} is neither trials nor confirm: {_listed(stray)}."
    for runs, what in ((sweep.trials, "trial"), (sweep.confirmations, "confirming run")):
        unnumbered = [run.name for run in runs if run.index is None]
        if unnumbered:
            yield f"Without a number in the tag evsweep.trial, a {what}: {_listed(unnumbered)}."
        counts = Counter(run.index for run in runs)
        repeated = [run.name for run in runs if run.index is not None and counts[run.index] > 1]
        if repeated:
            yield f"With the number of another {what}: {_listed(repeated)}."
    measured = {name for run in below for name in run.metrics}
    unknown = [name for name in sweep.objectives if name not in measured]
    if unknown and any(run.state == "COMPLETE" for run in below):
        yield f"Objectives of which no run has a value: {_listed(unknown)}."


def _words(tags: Mapping[str, str], tag: str) -> list[str]:
    return [word for text in tags.get(tag, "").split(",") if (word := text.strip())]


def _constrained(tags: Mapping[str, str]) -> Iterator[str]:
    for text in _words(tags, "evsweep.constraints"):
        with suppress(ConfigError):
            yield parse_constraint(text).metric


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(map(repr, names[:MOST_LISTED])) + more
