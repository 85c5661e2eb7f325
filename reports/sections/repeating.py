"""How to repeat it: commands, what differs from the baseline, and what everything ran on."""

from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from reports.configurations import Configuration
from reports.document.blocks import Block, Column, Commands, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.parameter_differences import differences_table, parameter_differences
from reports.repeating_commands import sweep_commands, sweep_overrides, train_command
from reports.run_files import SPACE_FILE, Missing
from reports.runs import Run, Sweep
from search_spaces import shipped_spaces

_USUAL_FINALISTS = 3
_USUAL_SEEDS = 3
_COMMIT, _DIGEST, _DEVICE = "git.commit", "dataset.digest", "hardware.device"
_PROPERTIES = {
    _COMMIT: "commit",
    "dataset.name": "dataset",
    "dataset.path": "dataset's folder",
    _DIGEST: "dataset's digest",
    _DEVICE: "hardware",
    "hardware.host": "machine",
}
_VERSION = "version."
_MUST_AGREE = {_COMMIT: "commits", _DIGEST: "datasets", _DEVICE: "hardware"}


def section(evidence: Evidence) -> Section:
    """Commands, configuration differences and provenance.

    Args:
        evidence: The sweep's configurations.
    """
    sweep = evidence.sweep
    blocks: list[Block] = [
        *_training(evidence),
        *_searching(sweep, evidence),
        *_differences(evidence),
        *_disagreements(sweep),
        _provenance(sweep),
    ]
    if evidence.finalists:
        blocks.append(_seeds(evidence.finalists))
    return Section("repeating", "How to repeat it", blocks)


def _training(evidence: Evidence) -> Iterator[Block]:
    shown = {id(one): one for one in (evidence.best, evidence.baseline) if one is not None}
    if not shown:
        yield _warning("No run has trained to the full budget, so that there is no configuration to train again.")
    overrides = sweep_overrides(evidence.sweep.own)
    for configuration in shown.values():
        run = _representative(configuration)
        command = train_command(run, overrides)
        if isinstance(command, Missing):
            yield _warning(f"There is no command that trains {configuration.name} again: {command.reason}")
        else:
            yield Commands(f"Train {_described(configuration)} again, with seed {run.seed or 'unknown'}", command)


def _searching(sweep: Sweep, evidence: Evidence) -> Iterator[Block]:
    confirmed = [one for one in evidence.configurations if one.is_confirmed]
    rivals = sum(not one.is_baseline for one in confirmed) or _USUAL_FINALISTS
    seeds = max((len(one.confirmations) for one in confirmed), default=_USUAL_SEEDS)
    commands = sweep_commands(sweep.own, finalists=rivals, seeds=seeds)
    yield Commands("Search again, and confirm the best with new seeds", commands)
    if not sweep_overrides(sweep.own):
        yield _warning("The sweep's run does not tell what all trials share, so that the first command lacks it.")
    if sweep.own.parameters.get("space") not in shipped_spaces():
        yield Paragraph(f"{SPACE_FILE} lies among the files of the sweep's run in MLflow.", "note")
    if not confirmed:
        yield Paragraph("Nothing of this sweep has been confirmed yet; the second command does that.", "note")


def _differences(evidence: Evidence) -> Iterator[Block]:
    best, baseline = evidence.best, evidence.baseline
    if best is None or baseline is None or best is baseline:
        return
    differences = parameter_differences(_representative(baseline), _representative(best))
    if len(differences):
        title = f"What {best.name} sets differently from the baseline"
        yield differences_table("configuration_differences", title, (baseline.name, best.name), differences)
    else:
        yield Paragraph(f"{best.name} sets nothing differently from the baseline.")


def _disagreements(sweep: Sweep) -> Iterator[Paragraph]:
    """What makes runs of one sweep hard to compare."""
    runs = _runs(sweep)
    keys = [*_MUST_AGREE, *sorted({key for run in runs for key in run.tags if key.startswith(_VERSION)})]
    for key in keys:
        counts = Counter(run.tags[key] for run in runs if key in run.tags)
        if len(counts) > 1:
            what = _MUST_AGREE.get(key) or f"versions of {key.removeprefix(_VERSION)}"
            listed = ", ".join(f"{value} ({_of_runs(count)})" for value, count in counts.most_common())
            yield _warning(f"The runs of this sweep differ in their {what}: {listed}.")
    changed = sum(run.tags.get(_COMMIT, "").endswith("-dirty") for run in runs)
    if changed:
        yield _warning(f"{_of_runs(changed).capitalize()} used files that differ from those of the commit.")


def _provenance(sweep: Sweep) -> Table:
    runs = _runs(sweep)
    versions = sorted({key for run in runs for key in run.tags if key.startswith(_VERSION)})
    names = _PROPERTIES | {key: f"version of {key.removeprefix(_VERSION)}" for key in versions}
    rows = []
    for key, name in names.items():
        values = Counter(run.tags.get(key) for run in runs)
        ordered = sorted(values.items(), key=lambda item: (-item[1], item[0] or ""))
        rows += [{"property": name, "value": value, "runs": count} for value, count in ordered]
    return Table(
        "provenance",
        "What the runs were made with",
        pd.DataFrame(rows, columns=["property", "value", "runs"]),
        (Column("property", "Property"), Column("value", "Value"), Column("runs", "Runs")),
    )


def _seeds(finalists: Sequence[Configuration]) -> Table:
    rows = [
        {
            "configuration": one.name,
            "search": None if one.trial is None else one.trial.seed or None,
            "confirmation": ", ".join(run.seed or "unknown" for run in one.confirmations) or None,
        }
        for one in finalists
    ]
    return Table(
        "seeds",
        "Seeds of the finalists",
        pd.DataFrame(rows),
        (
            Column("configuration", "Configuration"),
            Column("search", "Seed in the search"),
            Column("confirmation", "Seeds of the confirmation"),
        ),
    )


def _runs(sweep: Sweep) -> tuple[Run, ...]:
    return (*sweep.trials, *sweep.confirmations)


def _representative(configuration: Configuration) -> Run:
    return configuration.trial or configuration.confirmations[0]


def _described(configuration: Configuration) -> str:
    label = f" ({configuration.label})" if configuration.label else ""
    return f"{configuration.name}{label}"


def _of_runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _warning(text: str) -> Paragraph:
    return Paragraph(text, "warning")
