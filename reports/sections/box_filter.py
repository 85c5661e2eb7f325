"""The figures with and without the Prophesee box filter, and what it removes."""

from collections.abc import Iterator, Sequence
from math import isnan, nan

import pandas as pd

from reports.document.blocks import Block, Column, Paragraph, Table
from reports.evidence import Evidence
from reports.precision import ConfigurationPrecision, mean_of_defined
from reports.sections.size_rows import bins, difference, keys
from reports.uncertainty import Estimate
from reports.wording import counted, listed, points


def box_filter_blocks(evidence: Evidence, found: Sequence[ConfigurationPrecision]) -> Iterator[Block]:
    """What the filter removes, and what that does to AP.

    Args:
        evidence: What the report rests on.
        found: One configuration, or the baseline and the best.
    """
    box_filter = found[0].protocol.box_filter
    if box_filter is None:
        yield Paragraph("The dataset has no Prophesee box filter, so that there is nothing with it to compare.", "note")
        return
    truths, left = int(found[0].truths[0].sum()), int(found[0].truths_filtered[0].sum())
    small, small_left = int(found[0].truths[1].sum()), int(found[0].truths_filtered[1].sum())
    text = (
        f"The Prophesee filter, with which papers report, leaves out boxes with a side below "
        f"{box_filter.min_side_px:g} or a diagonal below {box_filter.min_diagonal_px:g} sensor px and the first "
        f"{box_filter.skip_first_us / 1e6:g} s of a recording: {truths - left:,} of {counted(truths, 'truth')}, among "
        f"them {small - small_left:,} of {counted(small, 'small one')} (S)."
    )
    if len(found) == 2:
        said = []
        for metric in ("AP", "AP_S"):
            pair = [difference(evidence, found, f"{prefix}{metric}") for prefix in ("", "prophesee/")]
            said.append(f"{metric} {_with_ends(pair[0])} without the filter and {_with_ends(pair[1])} with it")
        text += f" The best configuration differs from the baseline in {listed(said)} (points, 95 % interval)."
    yield Paragraph(text)
    yield _filter_table(found)


def _with_ends(estimate: Estimate) -> str:
    if isnan(estimate.value):
        return "undefined"
    if isnan(estimate.low):
        return points(estimate.value)
    return f"{points(estimate.value)} [{points(estimate.low)}, {points(estimate.high)}]"


def _filter_table(found: Sequence[ConfigurationPrecision]) -> Table:
    rows = []
    for place, (name, _) in enumerate(bins(found[0].protocol)):
        truths, left = int(found[0].truths[place].sum()), int(found[0].truths_filtered[place].sum())
        row: dict[str, object] = {
            "size": name,
            "truths": truths,
            "removed": truths - left,
            "removed_share": (truths - left) / truths if truths else nan,
        }
        for key, one in zip(keys(found), found, strict=True):
            row[key] = mean_of_defined(one.average, axis=1)[place]
            row[f"{key}_filtered"] = mean_of_defined(one.average_filtered, axis=1)[place]
        rows.append(row)
    columns = [
        Column("size", "size"),
        Column("truths", "truths", digits=0),
        Column("removed", "removed by the filter", digits=0),
        Column("removed_share", "removed [%]", digits=1, scale=100),
    ]
    for key, one in zip(keys(found), found, strict=True):
        columns += [
            Column(key, f"AP of {one.configuration.name} [%]", digits=2, scale=100),
            Column(f"{key}_filtered", "with the filter [%]", digits=2, scale=100),
        ]
    return Table("box_filter", "AP with and without the Prophesee filter", pd.DataFrame(rows), tuple(columns))
