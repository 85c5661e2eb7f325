"""The leaderboard: every trial's figures and costs, and the published runs beside this sweep's."""

from collections.abc import Iterator, Sequence
from math import inf, isnan, nan
from statistics import fmean

import pandas as pd

from reports.configurations import Configuration, short_label
from reports.costs import gpu_peak_mib, host_mib, model_parameters, time_scale, training_hours
from reports.document.blocks import Block, Column, Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.method import method
from reports.published_runs import MEDIUM_PX2, PROTOCOL, PUBLISHED_RUNS, SMALL_PX2, SOURCE
from reports.run_files import Missing
from reports.runs import Run, RunState
from reports.wording import counted
from trainable.evaluation import EvaluationProtocol

METRICS = ("AP", "AP50", "AP75", "AP_S", "AP_M", "AP_L", "AR", "AP_small_classes", "AP_class_agnostic")
_HEADINGS = {"AP_small_classes": "AP of small-object classes", "AP_class_agnostic": "AP class-agnostic"}
_STATES: dict[RunState, str] = {
    "RUNNING": "running",
    "PRUNED": "stopped at a rung",
    "STOPPED": "stopped by hand",
    "FAILED": "failed",
    "COMPLETE": "complete",
}
_COSTS = {
    "training_hours": training_hours,
    "gpu_peak_mib": gpu_peak_mib,
    "host_mib": host_mib,
    "model_parameters": model_parameters,
}


def section(evidence: Evidence) -> Section:
    """The second part of a report.

    Args:
        evidence: What is known of the sweep.
    """
    return Section("leaderboard", "Leaderboard", tuple(_blocks(evidence)))


def _blocks(evidence: Evidence) -> Iterator[Block]:
    if not evidence.sweep.trials and not evidence.configurations:
        yield Paragraph("This sweep has no trial yet.", "warning")
        return
    yield _table(evidence)
    if not evidence.judgements:
        yield Paragraph(method(evidence), "note")
    yield Paragraph(_reading(evidence), "note")
    if evidence.finalists:
        yield Details("Intervals of all figures of the finalists", (_interval_table(evidence),))
    yield from _published(evidence)


def _table(evidence: Evidence) -> Table:
    metrics = tuple(dict.fromkeys((*METRICS, *evidence.sweep.objectives)))
    rows = [_complete(evidence, one, metrics) for one in evidence.configurations]
    rows += [_incomplete(run, metrics) for run in _unfinished(evidence)]
    data = pd.DataFrame(rows)
    time_unit, units_per_hour = time_scale(data["training_hours"])
    memory = "gpu_peak_mib" if data["gpu_peak_mib"].notna().any() else "host_mib"
    where = "on the GPU" if memory == "gpu_peak_mib" else "of the host"
    figures = []
    for metric in metrics:
        judged = metric in evidence.judged_metrics
        interval = (f"{metric}_low", f"{metric}_high") if judged else None
        note = " (95 % interval)" if judged and data[f"{metric}_low"].notna().any() else ""
        figures.append(Column(metric, f"{_HEADINGS.get(metric, metric)} [%]{note}", 2, 100, interval if note else None))
        if judged and data[f"{metric}_deviation"].notna().any():
            figures.append(Column(f"{metric}_deviation", f"{metric}, SD over seeds [points]", 2, 100))
    return Table(
        name="leaderboard",
        title="All trials, those with the full budget first",
        data=data,
        columns=(
            Column("configuration", "Configuration"),
            Column("state", "State"),
            Column("seeds", "Seeds"),
            *figures,
            Column("step", "Steps", 0),
            Column("training_hours", f"Training time [{time_unit}]", 1, units_per_hour),
            Column(memory, f"Peak memory {where} [MiB]", 0),
            Column("model_parameters", "Parameters of the model [million]", 2, 1e-6),
            Column("parameters", "Searched parameters"),
        ),
        highlighted=tuple(number for number, one in enumerate(evidence.configurations) if one.is_baseline),
    )


def _complete(evidence: Evidence, one: Configuration, metrics: Sequence[str]) -> dict[str, object]:
    row: dict[str, object] = {
        "configuration": one.name,
        "state": "confirmed" if one.is_confirmed else "complete",
        "seeds": len(one.judged),
        "step": max(run.last_step for run in one.judged),
    }
    for metric in metrics:
        row[metric] = evidence.value(one, metric)
        row[f"{metric}_low"], row[f"{metric}_high"] = _interval(evidence, one, metric)
        row[f"{metric}_deviation"] = one.deviation(metric)
    row |= {name: fmean(map(cost, one.judged)) for name, cost in _COSTS.items()}
    return row | {"parameters": one.label}


def _incomplete(run: Run, metrics: Sequence[str]) -> dict[str, object]:
    row: dict[str, object] = {
        "configuration": f"trial {run.index}" if run.index is not None else f"run {run.run_id[:8]}",
        "state": _STATES[run.state],
        "seeds": 1,
        "step": run.last_step,
    }
    for metric in metrics:
        row[metric] = run.metrics.get(metric, nan)
        row[f"{metric}_low"] = row[f"{metric}_high"] = row[f"{metric}_deviation"] = nan
    row |= {name: cost(run) for name, cost in _COSTS.items()}
    return row | {"parameters": short_label(run.name)}


def _interval(evidence: Evidence, one: Configuration, metric: str) -> tuple[float, float]:
    found = evidence.estimate(one, metric) if one in evidence.finalists else None
    return (nan, nan) if found is None or isinstance(found, Missing) else (found.low, found.high)


def _unfinished(evidence: Evidence) -> list[Run]:
    """Trials of the search without the full budget, those that came farthest first."""
    first = evidence.sweep.objectives[0]
    runs = [run for run in evidence.sweep.trials if run.state != "COMPLETE"]
    return sorted(runs, key=lambda run: (-run.last_step, -run.metrics.get(first, -inf), run.index or 0, run.run_id))


def _reading(evidence: Evidence) -> str:
    """What the columns mean, and what the table leaves out."""
    parts = [
        "AP is the mean over classes and over IoU 0.50 to 0.95, and AR the recall with the most detections a frame. "
        f"{_sizes(evidence)}"
        "Trials without the full budget show their last validation, which compares with others at the same step only. "
        "Training time is that of the training steps alone, and longer where trials shared a device. Figures of "
        "several seeds are means, SD their standard deviation."
    ]
    waiting = [run for run in evidence.sweep.confirmations if run.state != "COMPLETE"]
    if waiting:
        parts.append(f"{counted(len(waiting), 'confirming run')} without the full budget is left out.")
    return " ".join(parts)


def _sizes(evidence: Evidence) -> str:
    protocol = _protocol(evidence)
    if protocol is None:
        return "AP_S, AP_M and AP_L are over small, medium and large boxes by the dataset's fixed bins. "
    small, medium, _ = protocol.area_bins
    on_sensor = " (on the sensor four times as much)" if protocol.downsample_by_factor_2 else ""
    return (
        f"AP_S, AP_M and AP_L are over boxes up to {small.upper_px2:g}, up to {medium.upper_px2:g} and above, in px² "
        f"of the model's input{on_sensor}. "
    )


def _protocol(evidence: Evidence) -> EvaluationProtocol | None:
    """What the first finalist with readable match records measured."""
    for configuration in evidence.finalists:
        for run in configuration.judged:
            if not isinstance(evidence.bootstrap(run), Missing) and not isinstance(
                records := evidence.records(run), Missing
            ):
                return records.protocol
    return None


def _interval_table(evidence: Evidence) -> Table:
    rows = []
    for one in evidence.finalists:
        for metric in dict.fromkeys((*METRICS, *evidence.sweep.objectives)):
            low, high = _interval(evidence, one, metric)
            rows.append(
                {
                    "configuration": one.name,
                    "metric": metric,
                    "heading": _HEADINGS.get(metric, metric),
                    "value": evidence.value(one, metric),
                    "low": low,
                    "high": high,
                    "deviation": one.deviation(metric),
                    "seeds": len(one.judged),
                }
            )
    return Table(
        name="finalists",
        title="Finalists with 95 % intervals",
        data=pd.DataFrame(rows),
        columns=(
            Column("configuration", "Configuration"),
            Column("heading", "Metric"),
            Column("value", "Value [%] (95 % interval)", 2, 100, ("low", "high")),
            Column("deviation", "SD over seeds [points]", 2, 100),
            Column("seeds", "Seeds"),
        ),
        shown_rows=len(rows),
    )


def _published(evidence: Evidence) -> Iterator[Block]:
    own = [one for one in (evidence.best, evidence.baseline) if one is not None]
    rows: list[dict[str, object]] = [
        {
            "run": f"this sweep: {one.name}",
            "source": "this sweep",
            "settings": one.label,
            "seeds": len(one.judged),
            **{column: evidence.value(one, metric) for column, metric in PROTOCOL.items()},
        }
        for one in dict.fromkeys(own)
    ]
    measured = any(not isnan(float(str(row["AP"]))) for row in rows)
    rows += [
        {"run": one.name, "source": "published", "settings": one.settings, "seeds": 1, **one.figures}
        for one in PUBLISHED_RUNS
    ]
    yield Table(
        name="published_runs",
        title="Published runs, class-agnostic and with the Prophesee box filter, for orientation",
        data=pd.DataFrame(rows),
        columns=(
            Column("run", "Run"),
            *(Column(column, f"{column} [%]", 2, 100) for column in PROTOCOL),
            Column("seeds", "Seeds"),
            Column("settings", "Settings"),
        ),
        highlighted=tuple(range(len(rows) - len(PUBLISHED_RUNS))),
    )
    yield Paragraph(
        f"The published figures are from other data than this sweep's ({SOURCE}) and are no baseline for it: they give "
        "the order of magnitude, and no difference to them is evidence. They count all boxes as one class and leave "
        "out boxes with a diagonal under 60 px or a side under 20 px on the full-size sensor and each recording's "
        f"first half second; their AP_S is up to {SMALL_PX2} and their AP_M up to {MEDIUM_PX2} px² of the model's "
        "input. This sweep's rows are measured in the same way, with the bins and the filter of its own dataset.",
        "note",
    )
    if own and not measured:
        yield Paragraph(
            "This sweep's runs have no figures with the Prophesee filter, so none stand beside the published ones.",
            "warning",
        )
