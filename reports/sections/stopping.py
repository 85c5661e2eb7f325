"""What the rungs stopped, and whether it would plausibly have caught up."""

from collections.abc import Iterator, Sequence
from math import isnan, nan

import numpy as np
import pandas as pd

from reports.budget import rungs
from reports.charts.chart import Axis, Chart, Series
from reports.document.blocks import Block, Column, Details, Paragraph, Table
from reports.rank_correlation import RankCorrelation
from reports.runs import Sweep
from reports.stopping_review import RungReview, review_rungs
from reports.wording import counted, listed

FEW_FINAL = 10
"""Final results below which what was made up among them says little about other trials."""


def stopping(sweep: Sweep) -> Iterator[Block]:
    """How many trials trained how far, what each rung stopped, and whether its order was that of the end.

    Args:
        sweep: The sweep.
    """
    reviews = review_rungs(sweep)
    if not reviews:
        yield Paragraph(
            "No trial has reached a rung yet."
            if rungs(sweep)
            else "The sweep had no rungs: no trial was stopped early."
        )
        return
    objective = sweep.objectives[0]
    yield _survival_chart(sweep)
    yield _rung_table(reviews, objective)
    for review in reviews:
        if review.stopped:
            yield Paragraph(_catching_up(review, objective))
    yield Paragraph(
        "Only trials that the rungs let through have an end. They were the best early, and lie closer together than "
        "all trials did, so that the order among them changes more easily than it would among all; how a trial with "
        "a bad start ends was never seen. Kendall's τ is 1 where the order stays, 0 where it is lost; its intervals "
        "are approximate."
        + (" The rungs judged all objectives together; this is about the first." if len(sweep.objectives) > 1 else ""),
        "note",
    )
    stopped = _stopped_table(reviews, objective)
    if stopped is not None:
        yield Details("Every trial that was stopped at a rung", [stopped])


def _survival_chart(sweep: Sweep) -> Chart:
    last = np.array([run.last_step for run in sweep.trials])
    steps = np.unique([0, *last])
    end = int(steps[-1])
    still = [int((last > step).sum()) for step in steps[:-1]] + [int((last == end).sum())]
    reached = listed([f"{int((last >= step).sum()):,} came to {step:,}" for step in rungs(sweep)])
    return Chart(
        name="trials_by_steps",
        title="Trials still training after so many steps",
        alternative=f"Of {counted(len(last), 'trial')} {reached} steps, and {still[-1]:,} to {end:,}.",
        x=Axis("optimizer steps"),
        y=Axis("trials", limits=(0, len(last))),
        series=[Series("trials", x=steps.astype(float).tolist(), y=[float(count) for count in still], kind="steps")],
        vertical_lines=tuple((step, f"rung {step:,}") for step in rungs(sweep)),
    )


def _rung_table(reviews: Sequence[RungReview], objective: str) -> Table:
    rows = []
    for review in reviews:
        stopped = [one.value for one in review.stopped if not isnan(one.value)]
        rows.append(
            {
                "step": review.step,
                "reached": review.reached,
                "stopped": len(review.stopped),
                "best_stopped": max(stopped, default=nan),
                "lowest_going_on": review.lowest_going_on,
                **_correlation("next", review.to_next),
                **_correlation("end", review.to_end),
                "overtaking_share": review.to_end.share_overtaking,
                "largest_gap": review.to_end.largest_gap if review.to_end.trials > 1 else nan,
            }
        )
    columns = (
        Column("step", "rung [steps]", digits=0),
        Column("reached", "reached", digits=0),
        Column("stopped", "stopped", digits=0),
        Column("best_stopped", f"best stopped {objective} [%]", digits=2, scale=100),
        Column("lowest_going_on", "lowest going on [%]", digits=2, scale=100),
        Column("next_tau", "τ with the next stage", digits=2, interval=("next_low", "next_high")),
        Column("end_tau", "τ with the end", digits=2, interval=("end_low", "end_high")),
        Column("end_trials", "trials with an end", digits=0),
        Column("overtaking_share", "overtook another later [%]", digits=0, scale=100),
        Column("largest_gap", "most made up [points]", digits=2, scale=100),
    )
    return Table(
        "rungs", f"What each rung stopped, and whether {objective} there told the end", pd.DataFrame(rows), columns
    )


def _correlation(key: str, found: RankCorrelation) -> dict[str, float]:
    return {
        f"{key}_tau": found.tau,
        f"{key}_low": found.low,
        f"{key}_high": found.high,
        f"{key}_trials": found.trials,
    }


def _catching_up(review: RungReview, objective: str) -> str:
    stopped = counted(len(review.stopped), "trial was stopped", "trials were stopped")
    text = f"At {review.step:,} steps, {stopped} of {review.reached:,} that came there. "
    end, close = review.to_end, review.might_have_won
    if close is None:
        there = "none that passed it has" if end.trials == 0 else "only one that passed it has"
        return f"{text}Whether any would have caught up cannot be said: {there} trained to the end."
    order = "" if isnan(end.tau) else f" (τ = {end.tau:.2f}{_ends(end)})"
    number = counted(close, "stopped trial was", "stopped trials were") if close else "No stopped trial was"
    if end.overtaking:
        text += (
            f"Of {end.trials:,} with a final result {end.overtaking:,} overtook another one later{order}, making up "
            f"{100 * end.largest_gap:.2f} points of {objective} at most. {number} no farther than that behind the one "
            f"that ended best{', and might have caught up with it' if close else ''}."
        )
    else:
        text += (
            f"None of {end.trials:,} with a final result overtook another one later{order}. {number} as good here as "
            "the one that ended best, or better."
        )
    return text + (" So few final results tell little about other trials." if end.trials < FEW_FINAL else "")


def _ends(correlation: RankCorrelation) -> str:
    return "" if isnan(correlation.low) else f" [{correlation.low:.2f}, {correlation.high:.2f}]"


def _stopped_table(reviews: Sequence[RungReview], objective: str) -> Table | None:
    rows = [
        {
            "trial": one.run.index,
            "name": one.run.name,
            "step": review.step,
            "value": one.value,
            "behind_best": one.behind_best,
            "within_largest_gap": None
            if review.might_have_won is None or isnan(one.behind_best)
            else "yes"
            if one.behind_best <= review.to_end.largest_gap
            else "no",
        }
        for review in reviews
        for one in review.stopped
    ]
    if not rows:
        return None
    columns = (
        Column("trial", "trial", digits=0),
        Column("name", "name"),
        Column("step", "stopped at [steps]", digits=0),
        Column("value", f"{objective} there [%]", digits=2, scale=100),
        Column("behind_best", "behind the later best [points]", digits=2, scale=100),
        Column("within_largest_gap", "might have caught up"),
    )
    return Table("stopped_trials", "Trials stopped at rungs", pd.DataFrame(rows), columns)
