"""What matters: which parameters decide the objectives, and how finalists weigh objects by size."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import optuna
import pandas as pd

from reports.budget import first_rung
from reports.charts.chart import Axis, Chart, Series
from reports.document.blocks import Block, Column, Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.parameter_importance import LEAST_TRIALS, SHUFFLES, Importance, best_trials, importances
from reports.plain_text import clipped
from reports.runs import Sweep
from reports.search_study import LEFT_OUT, complete_trials, renamed, search_study, short_names
from reports.size_weight_curves import size_weight_blocks
from reports.study_drawings import study_drawings
from reports.wording import capitalised, counted, listed

FEW_TRIALS = 20
"""With fewer, an importance is a hint at most."""


@dataclass(frozen=True)
class _View:
    """The trials' results at one stage of the training."""

    name: str
    study: optuna.Study

    @property
    def trials(self) -> int:
        return len(complete_trials(self.study))


def section(evidence: Evidence) -> Section:
    """Importance of the parameters, the objectives along them, and the size weights of the finalists.

    Args:
        evidence: What the report rests on.
    """
    blocks = [*_parameter_blocks(evidence.sweep), *size_weight_blocks(evidence)]
    return Section("what-matters", "What matters", blocks)


def _parameter_blocks(sweep: Sweep) -> Iterator[Block]:
    if sweep.space is None:
        yield Paragraph(
            "What the trials varied cannot be read, so that nothing can be said about which parameter matters.",
            "warning",
        )
        return
    space = sweep.space
    names = short_names(space)
    views = _views(sweep)
    yield from _left_out(views[0].study)
    found = {
        (view.name, objective): importances(view.study, number)
        for view in views
        for number, objective in enumerate(sweep.objectives)
    }
    if any(found.values()):
        yield from _statements(sweep, views, found, names)
    yield from (Paragraph(text, "warning") for text in _weaknesses(views))
    if any(found.values()):
        yield from (_chart(objective, views, found, names) for objective in sweep.objectives if _any(found, objective))
        yield _table(sweep, views, found, names)
        yield Paragraph(_method(views), "note")
    for number, view in enumerate(views):
        drawings = list(study_drawings(renamed(view.study, names), sweep.objectives, space, names, view.name))
        if number:
            yield Details(f"The same {view.name}", drawings)
        else:
            yield from drawings


def _views(sweep: Sweep) -> list[_View]:
    """The end of the training, and the first rung where more trials can be compared there."""
    views = [_View("at the end of training", search_study(sweep))]
    rung = first_rung(sweep)
    if rung is not None:
        early = _View(f"at the first rung, {rung:,} steps", search_study(sweep, at_step=rung))
        if early.trials > views[0].trials:
            views.append(early)
    return views


def _left_out(study: optuna.Study) -> Iterator[Block]:
    reasons = study.user_attrs[LEFT_OUT]
    if reasons:
        more = f" So are {len(reasons) - 1} more." if len(reasons) > 1 else ""
        yield Paragraph(
            f"Not all trials can be placed in the search space: {clipped(reasons[0], 300)}.{more}", "warning"
        )


def _any(found: Mapping[tuple[str, str], Sequence[Importance]], objective: str) -> bool:
    return any(shares and _measured(shares) for (_, name), shares in found.items() if name == objective)


def _measured(shares: Sequence[Importance]) -> bool:
    return not isnan(shares[0].share)


def _statements(
    sweep: Sweep,
    views: Sequence[_View],
    found: Mapping[tuple[str, str], Sequence[Importance]],
    names: Mapping[str, str],
) -> Iterator[Block]:
    for objective in sweep.objectives:
        for view in views:
            shares = found[view.name, objective]
            if not shares:
                continue
            yield Paragraph(f"{objective} {view.name} ({counted(view.trials, 'trial')}): {_in_words(shares, names)}")
            break


def _in_words(shares: Sequence[Importance], names: Mapping[str, str]) -> str:
    if not _measured(shares):
        return "all trials have the same result, so that no parameter can matter."
    found = [
        f'"{names[one.parameter]}" ({100 * one.share:.0f} % of the importance)' for one in shares if one.above_chance
    ]
    if found:
        return f"what stands out from chance is {listed(found)}."
    first = shares[0]
    return (
        f'no parameter stands out from chance; the largest share is that of "{names[first.parameter]}", '
        f"{100 * first.share:.0f} %."
    )


def _chart(
    objective: str,
    views: Sequence[_View],
    found: Mapping[tuple[str, str], Sequence[Importance]],
    names: Mapping[str, str],
) -> Chart:
    measured = [(view, found[view.name, objective]) for view in views]
    measured = [(view, shares) for view, shares in measured if shares and _measured(shares)]
    order = list(dict.fromkeys(names[one.parameter] for _, shares in measured for one in shares))
    return Chart(
        name=f"importance_{_stem(objective)}",
        title=f"Importance of the parameters for {objective} [% of all importance]",
        alternative=". ".join(
            f"{capitalised(view.name)}, {counted(view.trials, 'trial')}: "
            + ", ".join(f"{names[one.parameter]} {100 * one.share:.0f} %" for one in shares)
            for view, shares in measured
        )
        + ".",
        x=Axis("parameter", categories=tuple(order)),
        y=Axis("importance [%]", limits=(0, 100)),
        series=[
            Series(
                f"{view.name} ({counted(view.trials, 'trial')})",
                x=[names[one.parameter] for one in shares],
                y=[100 * one.share for one in shares],
                kind="bars",
                labels=[
                    f"active in {one.trials} trials; {'above' if one.above_chance else 'not above'} chance"
                    for one in shares
                ],
                colour=number,
            )
            for number, (view, shares) in enumerate(measured)
        ],
    )


def _table(
    sweep: Sweep,
    views: Sequence[_View],
    found: Mapping[tuple[str, str], Sequence[Importance]],
    names: Mapping[str, str],
) -> Table:
    rows = []
    for objective in sweep.objectives:
        by_view = [{one.parameter: one for one in found[view.name, objective]} for view in views]
        for parameter in dict.fromkeys(name for shares in by_view for name in shares):
            row: dict[str, object] = {"objective": objective, "parameter": names[parameter], "key": parameter}
            for stage, shares in zip(("end", "rung"), by_view, strict=False):
                one = shares.get(parameter)
                row[f"{stage}_share"] = nan if one is None else one.share
                row[f"{stage}_trials"] = nan if one is None else one.trials
                row[f"{stage}_above_chance"] = None if one is None else "yes" if one.above_chance else "no"
            rows.append(row)
    columns = [Column("objective", "objective"), Column("parameter", "parameter"), Column("key", "configuration key")]
    for stage, view in zip(("end", "rung"), views, strict=False):
        columns += [
            Column(f"{stage}_share", f"{view.name} [%]", digits=0, scale=100),
            Column(f"{stage}_above_chance", "above chance"),
            Column(f"{stage}_trials", "active in trials", digits=0),
        ]
    return Table("importance", "Importance of the parameters", pd.DataFrame(rows), tuple(columns))


def _method(views: Sequence[_View]) -> str:
    compared = " and ".join(
        f"the best {best_trials(view.trials)} of {view.trials} trials {view.name}"
        for view in views
        if view.trials >= LEAST_TRIALS
    )
    text = (
        f"PED-ANOVA compares the parameters of {compared} with those of all of these; a parameter that exists under a "
        f"condition only counts where it is active. Shares add up to 100 % even where nothing matters: above chance is "
        f"what exceeds each of {SHUFFLES} shuffles of the results, which one parameter in {SHUFFLES + 1} does by "
        "chance. Values of stopped trials are never mixed with final ones, which come from much longer training. Which "
        "trials came to the end was decided by their early results, so that these show less of what makes a trial bad."
    )
    if len(views) > 1:
        text += " At the first rung every trial that came that far is compared, but early in its training."
    return text


def _weaknesses(views: Sequence[_View]) -> Iterator[str]:
    for view in views:
        trials = counted(view.trials, "trial")
        if view.trials < LEAST_TRIALS:
            yield (
                f"{trials} can be compared {view.name}: too few for importances, which are given from "
                f"{LEAST_TRIALS} trials on."
            )
        elif view.trials < FEW_TRIALS:
            yield (
                f"Importances {view.name} rest on {trials}; below {FEW_TRIALS} they are hints at most, to be tested by "
                "further trials."
            )


def _stem(metric: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", metric.lower())
