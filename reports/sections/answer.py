"""The answer: the best configuration against the baseline, how sure that is, and what would make it surer."""

import re
import shlex
from collections.abc import Callable, Iterator
from math import isnan, nan
from typing import Literal

import pandas as pd

from reports.charts.chart import Axis, Chart, Series
from reports.comparison import Verdict
from reports.document.blocks import Block, Column, Commands, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.judgement import Judgement
from reports.method import limits, method
from reports.run_files import Missing
from reports.sections.answer_sentences import (
    against_the_baseline,
    nothing_complete,
    only_the_baseline,
    other_winners,
    unfinished,
    without_baseline,
)
from reports.wording import bare_p_value, counted, listed, points, probability

WANTED_SEEDS = 3
WANTED_TOP = 3
_MOST_NAMED = 5
_MARKS: tuple[tuple[Verdict, str, int, Literal["diamond", "circle", "square"]], ...] = (
    ("better", "shown to be better", 2, "diamond"),
    ("not shown", "not shown", 0, "circle"),
    ("worse", "shown to be worse", 5, "square"),
)


def section(evidence: Evidence) -> Section:
    """The first part of a report.

    Args:
        evidence: What is known of the sweep.
    """
    return Section("answer", "The answer", tuple(_blocks(evidence)))


def _blocks(evidence: Evidence) -> Iterator[Block]:
    best, baseline = evidence.best, evidence.baseline
    if best is None:
        yield Paragraph(nothing_complete(evidence), "lead")
    elif baseline is None:
        yield Paragraph(without_baseline(evidence, best), "lead")
    elif best is baseline:
        yield Paragraph(only_the_baseline(evidence, baseline), "lead")
    else:
        yield Paragraph(against_the_baseline(evidence, best, baseline), "lead")
        if others := other_winners(evidence, best):
            yield Paragraph(others)
    if evidence.is_running:
        yield Paragraph(f"The sweep is not at its end: {unfinished(evidence)}. All of this may change.", "warning")
    for reason in dict.fromkeys(
        one.comparison.reason for one in evidence.judgements if isinstance(one.comparison, Missing)
    ):
        yield Paragraph(reason, "warning")
    yield from _next_step(evidence)
    if evidence.judgements:
        yield _table(evidence)
        yield Paragraph(method(evidence), "note")
        yield Paragraph(limits(evidence), "note")
        for metric in evidence.judged_metrics:
            yield from _chart(evidence, metric)


def _next_step(evidence: Evidence) -> Iterator[Block]:
    """What is needed before more can be shown, where that is clear; nothing while more is to come by itself."""
    best, baseline = evidence.best, evidence.baseline
    if evidence.is_running:
        return
    if best is None or best is baseline:
        if evidence.sweep.trials:
            yield Paragraph("More trials are needed, until some besides the baseline train to the full budget.")
            yield _command(
                evidence, "Add trials to the search", "extend", f"--trials {len(evidence.sweep.trials) + 16}"
            )
        return
    if baseline is None or min(len(best.judged), len(baseline.judged)) < 2:
        yield Paragraph(
            f"To know more, train the best configurations and the baseline again, with at least {WANTED_SEEDS} new "
            "seeds each. Only these new runs then count: the search's own were chosen because they came out well."
        )
        yield _confirm(evidence, WANTED_SEEDS)
        return
    unshown = [one for one in evidence.judgements if one.candidate is best and one.verdict == "not shown"]
    hopeful = [one.metric for one in unshown if _value(one) > 0]
    if len(unshown) < len(evidence.judged_metrics) or not hopeful:
        return
    needed = {metric: evidence.needed_seeds(best, baseline, metric) for metric in hopeful}
    reachable = {metric: seeds for metric, seeds in needed.items() if seeds is not None}
    if reachable:
        metric = min(reachable, key=reachable.__getitem__)
        yield Paragraph(
            f"If the difference in {metric} is as large as it seems, about {reachable[metric]} seeds of each "
            "configuration would show it. That is a rough estimate, from the spread of the few seeds so far."
        )
        yield _confirm(evidence, reachable[metric])
    else:
        yield Paragraph(
            f"More seeds alone would hardly show a difference of this size in {listed(hopeful)}: it takes more "
            "recordings in the evaluation, or a larger difference."
        )


def _confirm(evidence: Evidence, seeds: int) -> Commands:
    rivals = [one for one in evidence.configurations if not one.is_baseline]
    confirmed = sum(one.is_confirmed for one in rivals)
    top = confirmed or min(len(rivals), WANTED_TOP)
    return _command(evidence, "Confirm the best configurations", "confirm", f"--top {top} --seeds {seeds}")


def _command(evidence: Evidence, title: str, command: str, options: str) -> Commands:
    return Commands(title, f"python -m sweep {command} {shlex.quote(evidence.sweep.name)} {options}")


def _table(evidence: Evidence) -> Table:
    rows = [_row(evidence, one) for one in evidence.judgements]
    return Table(
        name="differences_to_the_baseline",
        title="Finalists against the baseline",
        data=pd.DataFrame(rows),
        columns=(
            Column("configuration", "Configuration"),
            Column("metric", "Metric"),
            Column("difference", "Difference [points] (95 % interval)", 2, 100, ("low", "high"), signed=True),
            Column("probability", "Probability of being better"),
            Column("p", "p, adjusted"),
            Column("verdict", "Verdict"),
            Column("seeds", "Seeds"),
            Column("baseline_seeds", "Baseline's seeds"),
            Column("parameters", "Parameters"),
        ),
        highlighted=tuple(number for number, one in enumerate(evidence.judgements) if one.verdict == "better"),
    )


def _row(evidence: Evidence, one: Judgement) -> dict[str, object]:
    comparison, baseline = one.comparison, evidence.baseline
    known = None if isinstance(comparison, Missing) else comparison
    seeds = len(one.candidate.judged), 0 if baseline is None else len(baseline.judged)
    return {
        "configuration": one.candidate.name,
        "metric": one.metric,
        "value": evidence.value(one.candidate, one.metric),
        "baseline_value": nan if baseline is None else evidence.value(baseline, one.metric),
        "difference": nan if known is None else known.difference.value,
        "low": nan if known is None else known.difference.low,
        "high": nan if known is None else known.difference.high,
        "probability_better": nan if known is None else known.difference.probability_positive,
        "p_value": nan if known is None else known.difference.p_value,
        "adjusted_p": one.adjusted_p,
        "verdict": one.verdict,
        "seeds": seeds[0] if known is None else known.seeds[0],
        "baseline_seeds": seeds[1] if known is None else known.seeds[1],
        "probability": None if known is None else _unless_nan(known.difference.probability_positive, probability),
        "p": _unless_nan(one.adjusted_p, bare_p_value),
        "interval_covers_seeds": known is not None and known.difference.covers_seeds,
        "recordings": 0 if known is None else known.recordings,
        "parameters": one.candidate.label,
    }


def _unless_nan(value: float, text: Callable[[float], str]) -> str | None:
    return None if isnan(value) else text(value)


def _chart(evidence: Evidence, metric: str) -> Iterator[Chart]:
    """The finalists' differences in one metric, where any is defined."""
    judged = [one for one in evidence.judgements if one.metric == metric and not isnan(_value(one))]
    if not judged:
        return
    names = tuple(one.candidate.name for one in judged)
    series = [Series("baseline", names, [0.0] * len(names), colour="muted", dashed=True)]
    for verdict, name, colour, marker in _MARKS:
        shown = [one for one in judged if one.verdict == verdict]
        ends = [(nan, nan) if isinstance(one.comparison, Missing) else one.comparison.difference[1:3] for one in shown]
        if shown:
            series.append(
                Series(
                    name,
                    [one.candidate.name for one in shown],
                    [100 * _value(one) for one in shown],
                    kind="points",
                    low=[100 * low for low, _ in ends],
                    high=[100 * high for _, high in ends],
                    labels=[one.candidate.label for one in shown],
                    colour=colour,
                    marker=marker,
                )
            )
    told = "; ".join(_told(one) for one in judged[:_MOST_NAMED])
    rest = f"; and {counted(len(judged) - _MOST_NAMED, 'more', 'more')}" if len(judged) > _MOST_NAMED else ""
    yield Chart(
        name="difference_" + re.sub("[^a-z0-9]", "_", metric.lower()),
        title=f"Difference in {metric} to the baseline, with 95 % intervals",
        alternative=f"{metric} less the baseline's, in percentage points: {told}{rest}.",
        x=Axis("configuration", categories=names),
        y=Axis(f"difference in {metric} [percentage points]"),
        series=tuple(series),
    )


def _value(one: Judgement) -> float:
    return nan if isinstance(one.comparison, Missing) else one.comparison.difference.value


def _told(one: Judgement) -> str:
    if isinstance(one.comparison, Missing):
        return f"{one.candidate.name} unknown"
    value, low, high, *_ = one.comparison.difference
    interval = "" if isnan(low) else f" ({points(low)} to {points(high)})"
    return f"{one.candidate.name} {points(value)}{interval}, {one.verdict}"
