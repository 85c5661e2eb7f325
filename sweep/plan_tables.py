"""Prints a plan as tables."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search_spaces.json_values import compact
from sweep.plan_contents import Plan
from sweep.standings import duration
from trainable.units import GIB, MIB


def show(plan: Plan, console: Console) -> None:
    """Print a plan: what is searched, the rungs, what was measured, and what that comes to."""
    console.print(f"[bold]{escape(plan.name)}[/]: {escape(plan.description)}", highlight=False)
    console.print(
        f"maximises {' and '.join(plan.objectives)}"
        + (f" where {' and '.join(plan.constraints)}" if plan.constraints else "")
        + f"; search {plan.search}, scheduler {plan.scheduler}",
        highlight=False,
        markup=False,
    )
    console.print(_searched(plan))
    console.print(_rungs(plan))
    if plan.costs:
        console.print(_costs(plan))
    console.print(_totals(plan))
    for note in plan.notes:
        console.print(f"Note: {note}", highlight=False, markup=False, soft_wrap=True)


def _searched(plan: Plan) -> Table:
    table = _table(f"Space {plan.space}", "key", "values", "searched")
    for dimension in plan.searched:
        condition = f"if {dimension.condition}" if dimension.condition else "always"
        table.add_row(*map(escape, (dimension.key, dimension.values, condition)))
    for key, value in plan.fixed.items():
        table.add_row(escape(key), escape(compact(value)), "fixed")
    if plan.known_points:
        table.caption = f"tried first: {', '.join(plan.known_points[: plan.trials])}"
        table.caption_justify = "left"
    return table


def _rungs(plan: Plan) -> Table:
    table = _table("Trials", ">step", ">trials there", ">go on", ">share")
    for rung in plan.rungs[:-1]:
        table.add_row(
            f"{rung.step:,}", _count(rung.arriving), _count(rung.continuing), f"{rung.continuing / rung.arriving:.0%}"
        )
    last = plan.rungs[-1]
    table.add_row(f"{last.step:,}", _count(last.arriving), "complete", f"{last.arriving / plan.trials:.0%} of all")
    if len(plan.rungs) > 1:
        table.caption = "expected, if nothing is known of the order in which good and bad trials come"
        table.caption_justify = "left"
    return table


def _costs(plan: Plan) -> Table:
    table = _table(
        f"Measured on this machine's {plan.device}",
        "network",
        ">million weights",
        ">rows",
        ">s a step",
        ">s a validation batch",
        ">peak MiB",
        ">checkpoint MiB",
    )
    for cost in plan.costs:
        table.add_row(
            escape(cost.label),
            f"{cost.parameters / 1e6:.1f}",
            f"{cost.rows}",
            _figure(cost.step_s, 3),
            _figure(cost.evaluation_batch_s, 3),
            _figure(cost.peak_mib, 0),
            f"{cost.checkpoint_bytes / MIB:,.0f}",
        )
    return table


def _totals(plan: Plan) -> Table:
    table = Table(title="In all, about", title_justify="left", box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{plan.steps:,.0f}", "optimizer steps")
    each = "" if plan.validation_batches is None else f" of {plan.validation_batches:,} batches"
    table.add_row(f"{plan.validations:,.0f}", f"validations{each}, one every {plan.validation_interval:,} steps")
    estimate = plan.estimate
    if estimate is not None:
        table.add_row(f"{estimate.at_once}", "trials at once")
        table.add_row(f"{estimate.device_hours:,.2f}", f"{plan.device}-hours")
        table.add_row(duration(3600 * estimate.wall_hours), "from beginning to end")
    table.add_row(f"{plan.disk_bytes / GIB:,.2f}", "GiB of disk")
    return table


def _table(title: str, *columns: str) -> Table:
    """A table; `>` before a column's name aligns it to the right."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    return table


def _figure(value: float | None, digits: int) -> str:
    return "does not fit" if value is None else f"{value:,.{digits}f}"


def _count(expected: float) -> str:
    return f"{expected:,.0f}" if expected == round(expected) else f"{expected:,.1f}"
