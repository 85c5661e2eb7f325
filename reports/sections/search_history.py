"""How the search went: learning curves, what was stopped and whether rightly so, what it cost, and what failed."""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from reports.document.blocks import Block, Column, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.plain_text import clipped
from reports.runs import Run, Sweep
from reports.sections.learning_curves import learning_curves
from reports.sections.spending import STATE_NAMES, spending
from reports.sections.stopping import stopping
from reports.wording import counted, states_in_words


def section(evidence: Evidence) -> Section:
    """Learning curves, rungs, cost and failures.

    Args:
        evidence: What the report rests on.
    """
    return Section("search-history", "How the search went", list(_blocks(evidence)))


def _blocks(evidence: Evidence) -> Iterator[Block]:
    sweep = evidence.sweep
    yield Paragraph(_summary(sweep), "warning" if sweep.own.state == "RUNNING" else "normal")
    if not sweep.trials:
        return
    yield from learning_curves(evidence)
    yield from stopping(sweep)
    yield from spending(sweep)
    yield from _failures(sweep)


def _summary(sweep: Sweep) -> str:
    if not sweep.trials:
        return "The search has no trials yet."
    text = f"Of {counted(len(sweep.trials), 'trial')} of the search {states_in_words(sweep.trials)}."
    if sweep.confirmations:
        confirming = counted(len(sweep.confirmations), "run")
        text += f" Of {confirming} that confirm finalists with new seeds {states_in_words(sweep.confirmations)}."
    if sweep.own.state == "RUNNING":
        text += " The sweep is still running, so that everything here is as of now."
    elif sweep.own.state != "COMPLETE" and sweep.own.reason:
        text += f" The sweep ended early: {clipped(sweep.own.reason, 200)}."
    return text


def _failures(sweep: Sweep) -> Iterator[Block]:
    runs = (*sweep.trials, *sweep.confirmations)
    broken = [run for run in runs if run.state in ("FAILED", "STOPPED")]
    short_of_memory = [run for run in runs if _out_of_memory(run)]
    if not broken and not short_of_memory:
        yield Paragraph("No trial failed, was stopped by hand or ran out of GPU memory.")
    if broken:
        yield Table(
            "failures", "Trials that failed or were stopped by hand", pd.DataFrame(map(_failure, broken)), _FAILURE
        )
    if short_of_memory:
        yield Table(
            "out_of_memory",
            "Trials that ran out of GPU memory and went on with smaller micro-batches",
            pd.DataFrame(map(_memory_row, short_of_memory)),
            (
                Column("trial", "trial", digits=0),
                Column("phase", "phase"),
                Column("name", "name"),
                Column("times", "times out of memory", digits=0),
                Column("micro_batch", "rows at once since"),
                Column("state", "state"),
            ),
        )
        yield Paragraph(
            "Gradients of micro-batches add up to the same effective batch, so that these trials stay comparable.",
            "note",
        )
    yield Paragraph(_resumes(runs), "note")


def _resumes(runs: Sequence[Run]) -> str:
    """Which trials were gone on with from a checkpoint."""
    told = [(run, run.tags.get("evsweep.resumes", "")) for run in runs]
    counts = [(run, int(text)) for run, text in told if re.fullmatch("[0-9]{1,9}", text)]
    refused = "Proposals that repeated an earlier trial and were refused before they began are not recorded."
    if not counts:
        return f"No trial had to go on from a checkpoint. {refused}"
    total, most = sum(count for _, count in counts), max(counts, key=lambda pair: pair[1])
    return (
        f"{counted(len(counts), 'trial')} went on from a checkpoint after an interruption, {counted(total, 'time')} in "
        f"all, most often {clipped(most[0].name, 60)} ({counted(most[1], 'time')}); each stayed one run. {refused}"
    )


_FAILURE = (
    Column("trial", "trial", digits=0),
    Column("phase", "phase"),
    Column("name", "name"),
    Column("state", "state"),
    Column("step", "last validation [steps]", digits=0),
    Column("reason", "reason"),
)


def _failure(run: Run) -> dict[str, object]:
    return {
        "trial": run.index,
        "phase": run.tags.get("evsweep.phase"),
        "name": run.name,
        "state": STATE_NAMES[run.state],
        "step": run.last_step,
        "reason": clipped(run.reason, 300) or None,
    }


def _out_of_memory(run: Run) -> int:
    text = run.tags.get("evsweep.out_of_memory", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _memory_row(run: Run) -> dict[str, object]:
    return {
        "trial": run.index,
        "phase": run.tags.get("evsweep.phase"),
        "name": run.name,
        "times": _out_of_memory(run),
        "micro_batch": run.tags.get("evsweep.micro_batch"),
        "state": STATE_NAMES[run.state],
    }
