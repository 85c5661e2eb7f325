"""The first objective over training, with the rungs."""

from collections.abc import Iterator, Sequence
from math import isnan, nan

import numpy as np

from reports.budget import final_value, rungs
from reports.charts.chart import Axis, Chart, Series
from reports.configurations import Configuration
from reports.document.blocks import Block, Paragraph
from reports.evidence import Evidence
from reports.runs import Curve, Run, Sweep
from reports.wording import counted, listed, percent

MOST_CURVES = 40
"""Of one kind that are drawn; more only make a page large and a chart grey."""
MOST_POINTS = 60
"""Of one curve."""


def learning_curves(evidence: Evidence) -> Iterator[Block]:
    """Chart of the learning curves: the baseline and the best by name, others for context.

    Args:
        evidence: What the report rests on.
    """
    sweep, objective = evidence.sweep, evidence.sweep.objectives[0]
    drawn = [(run, curve) for run in sweep.trials if (curve := run.curves.get(objective)) and len(curve.steps)]
    if not drawn:
        yield Paragraph(f"No trial has recorded {objective} yet, so that there are no learning curves.", "warning")
        return
    named = [
        (configuration.name, run, run.curves[objective])
        for configuration in _shown_by_name(evidence)
        if (run := _run_of(configuration)) is not None and objective in run.curves
    ]
    context = [(run, curve) for run, curve in drawn if all(run is not other for _, other, _ in named)]
    to_end = [pair for pair in context if pair[0].state == "COMPLETE"]
    others = [pair for pair in context if pair[0].state != "COMPLETE"]
    series = []
    if to_end:
        x, y = _joined([curve for _, curve in _spread_by_value(to_end)])
        series.append(Series("other trials, trained to the end", x, y, colour="muted"))
    if others:
        series += _unfinished(_spread_by_value(others))
    for number, (name, _, curve) in enumerate(named):
        x, y = _joined([curve])
        series.append(Series(name, x, y, colour=number))
    yield Chart(
        name="learning_curves",
        title=f"{objective} over training [%]",
        alternative=_curves_in_words(sweep, objective),
        x=Axis("optimizer steps"),
        y=Axis(f"{objective} [%]"),
        series=series,
        vertical_lines=tuple((step, f"rung {step:,}") for step in rungs(sweep)),
    )
    if max(len(to_end), len(others)) > MOST_CURVES:
        yield Paragraph(
            f"Drawn are the baseline, the best and, spread evenly by their last value, {MOST_CURVES} at most of the "
            f"other trials that trained to the end ({len(to_end):,}) and of those that did not ({len(others):,}); "
            f"curves of many validations are thinned to {MOST_POINTS}.",
            "note",
        )


def _unfinished(pairs: Sequence[tuple[Run, Curve]]) -> list[Series]:
    """Their lines, and a mark where each ends, which is all that there is of a trial with a single validation."""
    name = "not trained to the end, with its last validation"
    x, y = _joined([curve for _, curve in pairs])
    ends = [float(curve.steps[-1]) for _, curve in pairs], [100 * float(curve.values[-1]) for _, curve in pairs]
    labels = [f"trial {run.index}" for run, _ in pairs]
    return [
        Series(name, x, y, colour="muted", dashed=True),
        Series(name, *ends, kind="points", labels=labels, colour="muted", marker="cross"),
    ]


def _shown_by_name(evidence: Evidence) -> list[Configuration]:
    return list(dict.fromkeys(one for one in (evidence.baseline, evidence.best) if one is not None))


def _run_of(configuration: Configuration) -> Run | None:
    """The search's own run where there is one: its curve is comparable with the others' rungs."""
    return configuration.trial or next(iter(configuration.confirmations), None)


def _spread_by_value(pairs: Sequence[tuple[Run, Curve]]) -> list[tuple[Run, Curve]]:
    ranked = sorted(pairs, key=lambda pair: (-float(pair[1].values[-1]), pair[0].index or 0))
    places = np.linspace(0, len(ranked) - 1, min(len(ranked), MOST_CURVES)).round().astype(int)
    return [ranked[place] for place in np.unique(places)]


def _joined(curves: Sequence[Curve]) -> tuple[list[float], list[float]]:
    """Several curves as one line with gaps, in percent."""
    x: list[float] = []
    y: list[float] = []
    for curve in curves:
        count = len(curve.steps)
        places = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))
        if x:
            x.append(x[-1])
            y.append(nan)
        x += curve.steps[places].astype(float).tolist()
        y += (100 * curve.values[places]).tolist()
    return x, y


def _curves_in_words(sweep: Sweep, objective: str) -> str:
    final = sorted(value for run in sweep.trials if not isnan(value := final_value(run, objective)))
    steps = rungs(sweep)
    text = f"{counted(len(sweep.trials), 'trial')}; "
    if len(final) == 1:
        text += f"one trained to the end, with {objective} {percent(final[0])}"
    elif final:
        text += f"{len(final):,} trained to the end, with {objective} from {percent(final[0])} to {percent(final[-1])}"
    else:
        text += f"none has trained to the end with a value of {objective}"
    return text + (f"; rungs at {listed([f'{step:,}' for step in steps])} steps." if steps else "; no rungs.")
