"""The result of an evaluation as a user reads it: with and without the box filter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import isnan, nan

from rich.table import Table

from trainable.evaluation.metric_set import Headlines, MetricSet
from trainable.evaluation.protocol import EvaluationProtocol, Json
from trainable.evaluation.scores import AREA_SUFFIXES, Scores
from trainable.object_sizes import COCO_AREA_BINS, AreaBin

_Row = tuple[str, str, Callable[[MetricSet], Scores]]
"""Label, name of the figure, and where to find it."""


@dataclass(frozen=True, slots=True)
class Metrics(Headlines):
    """The result of an evaluation; its own figures (`AP`, `AP_S`, …) are those without the box filter.

    Attributes:
        protocol: What was measured.
        unfiltered: Over all boxes: the headline.
        prophesee: With the Prophesee protocol's box filter, to compare with papers; `None` if there is no filter.
    """

    protocol: EvaluationProtocol
    unfiltered: MetricSet
    prophesee: MetricSet | None

    @property
    def _headline(self) -> MetricSet:
        return self.unfiltered

    def flat(self) -> dict[str, float]:
        """Metric name to value, for logging: figures with the box filter under "prophesee/".

        Always the same names for the same protocol; NaN where undefined.
        """
        filtered = {} if self.prophesee is None else self.prophesee.flat()
        return self.unfiltered.flat() | {f"prophesee/{name}": value for name, value in filtered.items()}

    def to_json(self) -> dict[str, Json]:
        """A dictionary for `json.dumps`, with `None` for undefined."""
        return {
            "protocol": self.protocol.to_json(),
            "unfiltered": self.unfiltered.to_json(),
            "prophesee": None if self.prophesee is None else self.prophesee.to_json(),
        }

    def table(self) -> Table:
        """The figures in percent and the numbers of truths, without and with the box filter side by side."""
        table = Table("%", "unfiltered", "prophesee", "truths", "truths, prophesee", title="Average precision")
        for column in table.columns[1:]:
            column.justify = "right"
        for section in self._sections():
            for label, measure, select in section:
                pair = [None if figures is None else select(figures) for figures in (self.unfiltered, self.prophesee)]
                table.add_row(label, *(_percent(scores, measure) for scores in pair), *map(_truths, pair))
            table.add_section()
        return table

    def _sections(self) -> Iterator[list[_Row]]:
        yield [(measure, measure, lambda figures: figures.mean.all) for measure in ("AP", "AP50", "AP75", "AR")]
        yield [
            (
                f"AP_{suffix}: {_range(area_bin)} input px²",
                "AP",
                partial(lambda suffix, figures: figures.mean.by_area[suffix], suffix),
            )
            for suffix, area_bin in zip(AREA_SUFFIXES, self.protocol.area_bins, strict=True)
        ]
        yield [
            (f"AP: {name} sensor px²", "AP", partial(lambda name, figures: figures.mean.by_sensor_area[name], name))
            for name in self.unfiltered.mean.by_sensor_area
        ]
        yield [
            ("AP class-agnostic", "AP", lambda figures: figures.class_agnostic.all),
            ("AP of small classes", "AP", lambda figures: figures.small_classes.all),
        ]
        yield [
            (f"AP of {name}", "AP", partial(lambda name, figures: figures.by_class[name].all, name))
            for name in self.protocol.class_names
        ]


def _range(area_bin: AreaBin) -> str:
    lower, upper = area_bin.lower_px2, area_bin.upper_px2
    return f"over {lower:g}" if upper >= COCO_AREA_BINS[-1].upper_px2 else f"{lower:g} to {upper:g}"


def _percent(scores: Scores | None, measure: str) -> str:
    value = nan if scores is None else getattr(scores, measure)
    return "-" if isnan(value) else f"{100 * value:.2f}"


def _truths(scores: Scores | None) -> str:
    return "-" if scores is None else str(scores.truths)
