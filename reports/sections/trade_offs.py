"""Trade-offs: accuracy over all boxes against small ones, and what small ones cost in memory and time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan, nan
from statistics import fmean
from typing import Literal

import pandas as pd

from reports.charts.chart import Axis, Chart, Series
from reports.configurations import Configuration
from reports.costs import gpu_peak_mib, host_mib, time_scale, training_hours
from reports.document.blocks import Block, Column, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.run_files import Missing
from reports.runs import Run
from reports.search_volume import search_volume
from reports.sections.answer_sentences import broken_constraints
from reports.wording import counted, listed, percent
from search_spaces.ranking import pareto_front

_MOST_NAMED = 5


def section(evidence: Evidence) -> Section:
    """The third part of a report.

    Args:
        evidence: What is known of the sweep.
    """
    return Section("trade-offs", "Trade-offs", tuple(_blocks(evidence)))


@dataclass(frozen=True, eq=False)
class _Axis:
    """What AP_S is drawn against."""

    name: str
    title: str
    of: Callable[[Configuration], float]
    scale: float = 1.0

    @property
    def quantity(self) -> str:
        return self.title.partition(" [")[0]

    def told(self, configuration: Configuration) -> str:
        return f"{self.scale * self.of(configuration):,.4g} {self.title.partition(' [')[2].rstrip(']')}"


def _blocks(evidence: Evidence) -> Iterator[Block]:
    if not evidence.configurations:
        yield Paragraph("No trial has trained to the full budget yet, so there is nothing to weigh up.", "warning")
        return
    yield from _front(evidence)
    runs = [run for one in evidence.configurations for run in one.judged]
    on_gpu = any(not isnan(gpu_peak_mib(run)) for run in runs)
    where, memory = ("on the GPU", gpu_peak_mib) if on_gpu else ("of the host", host_mib)
    unit, units_per_hour = time_scale(map(training_hours, runs))
    costs = (
        _Axis("memory", f"peak memory {where} [MiB]", partial(_mean, memory)),
        _Axis("training_time", f"training time [{unit}]", partial(_mean, training_hours), units_per_hour),
    )
    missing = []
    for axis in costs:
        chart = _cost_chart(evidence, axis)
        if chart is None:
            missing.append(axis.quantity)
        else:
            yield chart
    if missing:
        yield Paragraph(
            f"Not drawn: AP_S against {listed(missing)}; no complete trial has both of a pair recorded.", "warning"
        )
    yield from _volume(evidence)


def _front(evidence: Evidence) -> Iterator[Block]:
    """AP against AP_S: which complete configurations no other one beats in both."""
    ap, ap_s = _Axis("ap", "AP [%]", partial(evidence.value, metric="AP"), 100), partial(evidence.value, metric="AP_S")
    known = [one for one in evidence.configurations if not isnan(ap.of(one)) and not isnan(ap_s(one))]
    if not known:
        yield Paragraph("AP and AP_S are not both defined for any complete trial, so there is no front.", "warning")
        return
    violations = [float(len(broken_constraints(evidence, one))) for one in known]
    places = pareto_front([(ap.of(one), ap_s(one)) for one in known], violations)
    front = sorted((known[place] for place in places), key=ap.of)
    told = [f"{one.name} (AP {percent(ap.of(one))}, AP_S {percent(ap_s(one))})" for one in reversed(front)]
    if len(told) > _MOST_NAMED:
        told[_MOST_NAMED - 1 :] = [f"{len(told) - _MOST_NAMED + 1} more"]
    beaten = (
        f"{len(front)} {'is' if len(front) == 1 else 'are'} beaten by no other{_keeping(evidence)} in both AP and AP_S"
    )
    text = f"Of {counted(len(known), 'complete configuration')}, {beaten}: {listed(told)}."
    if len(known) == 1:
        text = f"The only complete configuration is {listed(told)}."
    baseline = evidence.baseline
    if baseline in known and baseline not in front:
        text += f" The baseline is at AP {percent(ap.of(baseline))} and AP_S {percent(ap_s(baseline))}."
    yield Chart(
        name="ap_against_ap_s",
        title="AP_S against AP, with the Pareto front and 95 % intervals of AP_S",
        alternative=text if front else "No complete configuration keeps all constraints, so there is no front.",
        x=Axis(ap.title),
        y=Axis("AP_S [%]"),
        series=[*_edge(front, known, ap.of, ap_s), *_clouds(evidence, known, ap)],
    )
    if front:
        yield _front_table(evidence, front[::-1])


def _keeping(evidence: Evidence) -> str:
    return " that keeps the constraints" if evidence.sweep.constraints else ""


def _edge(
    front: Sequence[Configuration],
    known: Sequence[Configuration],
    ap: Callable[[Configuration], float],
    ap_s: Callable[[Configuration], float],
) -> list[Series]:
    """The most AP_S that some configuration has with at least so much AP, from the lowest AP to the highest."""
    if not front:
        return []
    x = [min(map(ap, known)), *map(ap, front)]
    y = [*map(ap_s, front), min(map(ap_s, known))]
    return [Series("Pareto front", [100 * one for one in x], [100 * one for one in y], "steps", colour=0, dashed=True)]


def _front_table(evidence: Evidence, front: Sequence[Configuration]) -> Table:
    rows = [
        {
            "configuration": one.name,
            "AP": evidence.value(one, "AP"),
            "AP_S": evidence.value(one, "AP_S"),
            "seeds": len(one.judged),
            "parameters": one.label,
        }
        for one in front
    ]
    return Table(
        name="pareto_front",
        title=f"The Pareto front: no complete configuration{_keeping(evidence)} is better in both AP and AP_S",
        data=pd.DataFrame(rows),
        columns=(
            Column("configuration", "Configuration"),
            Column("AP", "AP [%]", 2, 100),
            Column("AP_S", "AP_S [%]", 2, 100),
            Column("seeds", "Seeds"),
            Column("parameters", "Parameters"),
        ),
        highlighted=tuple(number for number, one in enumerate(front) if one.is_baseline),
    )


def _cost_chart(evidence: Evidence, axis: _Axis) -> Chart | None:
    """AP_S against what it costs; none where no configuration has both."""
    ap_s = partial(evidence.value, metric="AP_S")
    known = [one for one in evidence.configurations if not isnan(axis.of(one)) and not isnan(ap_s(one))]
    if not known:
        return None
    best, cheapest = max(known, key=ap_s), min(known, key=axis.of)
    text = f"The highest AP_S, {percent(ap_s(best))}, is that of {best.name} with {axis.told(best)}"
    if cheapest is not best:
        text += f"; {cheapest.name} has the least, {axis.told(cheapest)}, at {percent(ap_s(cheapest))}"
    return Chart(
        name=f"ap_s_against_{axis.name}",
        title=f"AP_S against {axis.quantity}",
        alternative=f"{text}.",
        x=Axis(axis.title),
        y=Axis("AP_S [%]"),
        series=_clouds(evidence, known, axis),
    )


def _clouds(evidence: Evidence, known: Sequence[Configuration], axis: _Axis) -> list[Series]:
    """The complete configurations as points: others, finalists and the baseline."""
    finalists = [one for one in known if one in evidence.finalists and not one.is_baseline]
    others = [one for one in known if one not in evidence.finalists]
    baseline = [one for one in known if one is evidence.baseline]
    groups: tuple[tuple[str, list[Configuration], int | Literal["muted"], Literal["circle", "square", "diamond"]], ...]
    groups = (
        ("other complete trials", others, "muted", "circle"),
        ("finalists", finalists, 1, "square"),
        ("baseline", baseline, 2, "diamond"),
    )
    return [_points(evidence, name, shown, axis, colour, marker) for name, shown, colour, marker in groups if shown]


def _points(
    evidence: Evidence,
    name: str,
    shown: Sequence[Configuration],
    axis: _Axis,
    colour: int | Literal["muted"],
    marker: Literal["circle", "square", "diamond"],
) -> Series:
    estimates = [evidence.estimate(one, "AP_S") if one in evidence.finalists else None for one in shown]
    ends = [(nan, nan) if one is None or isinstance(one, Missing) else (one.low, one.high) for one in estimates]
    some = any(not isnan(low) for low, _ in ends)
    return Series(
        name,
        [axis.scale * axis.of(one) for one in shown],
        [100 * evidence.value(one, "AP_S") for one in shown],
        kind="points",
        low=[100 * low for low, _ in ends] if some else None,
        high=[100 * high for _, high in ends] if some else None,
        labels=[f"{one.name} {one.label}".strip() for one in shown],
        colour=colour,
        marker=marker,
    )


def _mean(cost: Callable[[Run], float], configuration: Configuration) -> float:
    return fmean(map(cost, configuration.judged))


def _volume(evidence: Evidence) -> Iterator[Block]:
    """How what was found grew with the training steps spent."""
    curve, objectives = search_volume(evidence.sweep), listed(evidence.sweep.objectives)
    if not len(curve.steps):
        return
    final = float(curve.values[-1])
    early = int(curve.steps[(curve.values >= 0.95 * final).argmax()])
    origin = f"({', '.join('0' for _ in evidence.sweep.objectives)})"
    yield Chart(
        name="hypervolume",
        title=f"Hypervolume of {objectives} over the training steps of all trials",
        alternative=(
            f"After {int(curve.steps[-1]):,} training steps the hypervolume is {percent(final)} of what perfect "
            f"results would cover; 95 % of that was reached after {early:,} steps."
        ),
        x=Axis("training steps of all trials that have ended"),
        y=Axis("hypervolume [% of the perfect one]"),
        series=(
            Series("hypervolume", [float(step) for step in curve.steps], [100 * one for one in curve.values], "steps"),
        ),
    )
    yield Paragraph(
        f"Hypervolume: what share of all conceivable results in {objectives} is no better than some trial's, from the "
        f"reference point {origin}. It is exact, and of the search's trials with the full budget that keep the "
        "constraints, in the order in which they ended; the steps of a stopped trial count too.",
        "note",
    )
