"""Numbers and lists as a report's sentences say them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import isnan

from reports.runs import Run, RunState

_STATES: dict[RunState, tuple[str, str]] = {
    "RUNNING": ("is running", "are running"),
    "PRUNED": ("was stopped at a rung", "were stopped at a rung"),
    "STOPPED": ("was stopped by hand", "were stopped by hand"),
    "FAILED": ("failed", "failed"),
    "COMPLETE": ("is complete", "are complete"),
}


def percent(share: float) -> str:
    """A share in percent: `23.10 %`."""
    return "undefined" if isnan(share) else f"{100 * share:.2f} %"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign: `+2.31`."""
    return f"{round(100 * difference, 2) + 0.0:+.2f}"


def probability(share: float) -> str:
    """A probability in percent; never 0 or 100."""
    if share > 0.999:
        return "over 99.9 %"
    return "below 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def p_value(value: float) -> str:
    """A p-value: `p = 0.012`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def bare_p_value(value: float) -> str:
    """A p-value below a heading that says what it is: `0.012`, `< 0.001`."""
    return p_value(value).removeprefix("p ").removeprefix("= ")


def utc_time(time_ms: int, *, seconds: bool = False) -> str:
    """A time in ms since 1970: `2026-11-22 02:45 UTC`; a store may hold one that no calendar has."""
    try:
        return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d {'%H:%M:%S' if seconds else '%H:%M'}} UTC"
    except (ValueError, OverflowError, OSError):
        return "at an unknown time"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 seed`, `3 seeds`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), *words[-1:]] if len(words) > 1 else words)


def capitalised(text: str) -> str:
    """With a capital in front, as a sentence begins."""
    return text[:1].upper() + text[1:]


def states_in_words(runs: Iterable[Run]) -> str:
    """How many runs are in which state: `3 are running and 1 failed`."""
    counts = Counter(run.state for run in runs)
    return listed(
        [f"{counts[state]:,} {words[counts[state] != 1]}" for state, words in _STATES.items() if counts[state]]
    )
