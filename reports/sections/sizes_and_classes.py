"""By size and class: where the best configuration gains and loses, precision over recall, and the Prophesee filter."""

import re
from collections.abc import Iterator, Sequence
from math import isnan

import numpy as np
import pandas as pd

from reports.charts.chart import Axis, Chart, Series
from reports.document.blocks import Block, Column, Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.precision import ConfigurationPrecision, configuration_precision, mean_of_defined
from reports.run_files import Missing
from reports.sections.box_filter import box_filter_blocks
from reports.sections.size_rows import bins, difference, estimate, first_fine, keys
from reports.uncertainty import Estimate
from reports.wording import counted, listed, percent
from trainable.evaluation import RECALL_THRESHOLDS

FEW_TRUTHS = 30
"""An AP over fewer truths moves by points with single boxes."""

_ALL_CLASSES = "mean over classes"
_PERCENT = Axis("AP [%]")


def section(evidence: Evidence) -> Section:
    """AP by size and class, precision-recall curves, and the figures with the Prophesee filter.

    Args:
        evidence: What the report rests on.
    """
    return Section("sizes-and-classes", "By size and class", list(_blocks(evidence)))


def _blocks(evidence: Evidence) -> Iterator[Block]:
    wanted = list(dict.fromkeys(one for one in (evidence.baseline, evidence.best) if one is not None))
    if not wanted:
        yield Paragraph("No trial has come to its end yet, so that there is nothing to compare by size.", "warning")
        return
    found: list[ConfigurationPrecision] = []
    for configuration in wanted:
        one = configuration_precision(evidence, configuration)
        if isinstance(one, Missing):
            yield Paragraph(f"AP by size and class is missing. {one.reason}", "warning")
        elif found and (one.protocol != found[0].protocol or not np.array_equal(one.truths, found[0].truths)):
            yield Paragraph(
                f"{one.configuration.name} was evaluated on other truths or with other bins than "
                f"{found[0].configuration.name}, and is left out here.",
                "warning",
            )
        else:
            found.append(one)
    if not found:
        return
    yield Paragraph(_basis(found), "note")
    yield _size_chart(evidence, found)
    yield _size_table(evidence, found)
    yield _class_chart(found)
    yield _class_table(found)
    yield Paragraph(_small_counts(found[0]), "note")
    yield _recall_chart(found, None)
    names = found[0].protocol.class_names
    charts = [_recall_chart(found, number) for number in range(len(names)) if found[0].truths[0, number]]
    yield Details("Precision over recall of each class", charts)
    yield from box_filter_blocks(evidence, found)


def _basis(found: Sequence[ConfigurationPrecision]) -> str:
    protocol = found[0].protocol
    px2 = protocol.input_px_per_sensor_px**-2
    runs = listed([f"{counted(one.runs, 'run')} of {one.configuration.name}" for one in found])
    return (
        f"Means over {runs}. Fine bins are areas in sensor px²; S, M and L are the dataset's bins in px² of the "
        f"model's input, each of which is {px2:g} sensor px². Bins are fixed, whatever thresholds a loss used."
    )


def _size_chart(evidence: Evidence, found: Sequence[ConfigurationPrecision]) -> Chart:
    protocol = found[0].protocol
    first = first_fine(protocol)
    names = [one.name for one in protocol.sensor_area_bins]
    series, said = [], []
    for number, one in enumerate(found):
        estimates = [estimate(evidence, one, f"AP_sensor/{name}") for name in names]
        values = mean_of_defined(one.average, axis=1)[first:]
        series.append(
            Series(
                one.configuration.name,
                x=names,
                y=(100 * values).tolist(),
                kind="bars",
                low=[100 * one_estimate.low for one_estimate in estimates],
                high=[100 * one_estimate.high for one_estimate in estimates],
                labels=[f"{truths:,} truths" for truths in one.truths[first:].sum(axis=1)],
                colour=number,
            )
        )
        figures = [f"{percent(value)} at {name}" for name, value in zip(names, values, strict=True)]
        said.append(f"{one.configuration.name}: {listed(figures)}")
    return Chart(
        name="ap_by_size",
        title="AP by object size [%], with 95 % intervals",
        alternative=f"{'; '.join(said)} sensor px².",
        x=Axis("box area [sensor px²]", categories=tuple(names)),
        y=_PERCENT,
        series=series,
    )


def _size_table(evidence: Evidence, found: Sequence[ConfigurationPrecision]) -> Table:
    rows = []
    for place, (name, suffix) in enumerate(bins(found[0].protocol)):
        row: dict[str, object] = {"size": name, "truths": int(found[0].truths[place].sum())}
        for key, one in zip(keys(found), found, strict=True):
            row |= _with_interval(key, estimate(evidence, one, f"AP{suffix}"))
            row[key] = mean_of_defined(one.average, axis=1)[place]
        if len(found) == 2:
            row |= _with_interval("difference", difference(evidence, found, f"AP{suffix}"))
            row["difference"] = float(row["best"]) - float(row["baseline"])  # type: ignore[arg-type]
        rows.append(row)
    columns = [Column("size", "size"), Column("truths", "truths", digits=0)]
    columns += [
        Column(key, f"{one.configuration.name} [%]", digits=2, scale=100, interval=(f"{key}_low", f"{key}_high"))
        for key, one in zip(keys(found), found, strict=True)
    ]
    if len(found) == 2:
        ends = ("difference_low", "difference_high")
        columns.append(Column("difference", "difference [points]", digits=2, scale=100, interval=ends, signed=True))
    return Table("ap_by_size", "AP by object size, mean over classes", pd.DataFrame(rows), tuple(columns))


def _with_interval(key: str, estimate: Estimate) -> dict[str, object]:
    return {key: estimate.value, f"{key}_low": estimate.low, f"{key}_high": estimate.high}


def _class_chart(found: Sequence[ConfigurationPrecision]) -> Chart:
    """The difference in AP by class and size; the only configuration's AP where there is one."""
    protocol = found[0].protocol
    first = first_fine(protocol)
    names = [one.name for one in protocol.sensor_area_bins]
    shown = found[-1].average - found[0].average if len(found) == 2 else found[0].average
    with_truths = [number for number in range(len(protocol.class_names)) if found[0].truths[0, number]]
    compared = " less ".join(one.configuration.name for one in reversed(found))
    title = "Difference in AP by class and object size [points]" if len(found) == 2 else "AP by class and size [%]"
    cells = [
        (100 * shown[first + place, number], number, place) for number in with_truths for place in range(len(names))
    ]
    cells = sorted((cell for cell in cells if not isnan(cell[0])), reverse=True)
    sign = "+" if len(found) == 2 else ""
    ends = [f"{value:{sign}.2f} for {protocol.class_names[number]} at {names[place]}" for value, number, place in cells]
    return Chart(
        name="ap_by_class_and_size",
        title=f"{title}: {compared}",
        alternative=(
            f"The highest value is {ends[0]} sensor px², the lowest {ends[-1]} sensor px²."
            if ends
            else "No class has truths."
        ),
        x=Axis("box area [sensor px²]", categories=tuple(names)),
        y=Axis("difference in AP [points]") if len(found) == 2 else _PERCENT,
        series=[
            Series(
                protocol.class_names[number],
                x=names,
                y=(100 * shown[first:, number]).tolist(),
                kind="bars",
                labels=[f"{truths:,} truths" for truths in found[0].truths[first:, number]],
            )
            for number in with_truths
        ],
    )


def _class_table(found: Sequence[ConfigurationPrecision]) -> Table:
    protocol = found[0].protocol
    rows = []
    for number, class_name in enumerate(protocol.class_names):
        for place, (name, _) in enumerate(bins(protocol)):
            if 0 < place < first_fine(protocol):
                continue
            row: dict[str, object] = {"class": class_name, "size": name, "truths": int(found[0].truths[place, number])}
            row |= {key: one.average[place, number] for key, one in zip(keys(found), found, strict=True)}
            if len(found) == 2:
                row["difference"] = found[1].average[place, number] - found[0].average[place, number]
            rows.append(row)
    columns = [Column("class", "class"), Column("size", "size"), Column("truths", "truths", digits=0)]
    columns += [
        Column(key, f"{one.configuration.name} [%]", digits=2, scale=100)
        for key, one in zip(keys(found), found, strict=True)
    ]
    if len(found) == 2:
        columns.append(Column("difference", "difference [points]", digits=2, scale=100, signed=True))
    whole = tuple(number for number, row in enumerate(rows) if row["size"] == "all")
    return Table(
        "ap_by_class_and_size", "AP by class and object size", pd.DataFrame(rows), tuple(columns), highlighted=whole
    )


def _small_counts(one: ConfigurationPrecision) -> str:
    cells = one.truths[first_fine(one.protocol) :]
    few, none = int(((cells > 0) & (cells < FEW_TRUTHS)).sum()), int((cells == 0).sum())
    return (
        f"Of {cells.size} cells of class and size {none} have no truths and {few} fewer than {FEW_TRUTHS}, whose AP "
        "moves by points with single boxes. Differences of single cells are not tested, and the intervals above hold "
        "for each size alone: with so many, some are large by chance."
    )


def _recall_chart(found: Sequence[ConfigurationPrecision], class_id: int | None) -> Chart:
    of = _ALL_CLASSES if class_id is None else found[0].protocol.class_names[class_id]
    series, said = [], []
    for number, one in enumerate(found):
        for label, iou in (("IoU 0.50", 0.5), ("mean over IoU 0.50 to 0.95", None)):
            curve = one.curve(iou, class_id)
            name = f"{one.configuration.name}, {label}"
            series.append(
                Series(
                    name,
                    x=(100 * RECALL_THRESHOLDS).tolist(),
                    y=(100 * curve).tolist(),
                    colour=number,
                    dashed=iou is None,
                )
            )
            said.append(f"{name}: precision {percent(curve[50])} at a recall of 50 %, area {percent(curve.mean())}")
    return Chart(
        name="precision_recall" if class_id is None else f"precision_recall_{class_id}_{_stem(of)}",
        title=f"Precision over recall, {of} [%]",
        alternative=f"{'; '.join(said)}.",
        x=Axis("recall [%]", limits=(0, 100)),
        y=Axis("precision [%]", limits=(0, 100)),
        series=series,
    )


def _stem(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
