"""Two runs, or the best configurations of two sweeps, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from reports.bootstrap import BootstrappedMetrics
from reports.comparison import compare, figure
from reports.configurations import Configuration, short_label
from reports.document.blocks import Block, Column, Document, Paragraph, Section, Table
from reports.evidence import JUDGED_METRICS, Evidence, unlike
from reports.multiple import holm
from reports.parameter_differences import differences_table, parameter_differences
from reports.run_files import Missing
from reports.runs import Run, Sweep
from reports.sections.pictures import Shown, picture_blocks
from reports.uncertainty import Estimate
from reports.wording import bare_p_value, counted, probability, states_in_words

_METRICS = (
    *JUDGED_METRICS,
    *("AP50", "AP75", "AP_M", "AP_L", "AR", "AP_small_classes", "AP_class_agnostic", "prophesee/AP", "prophesee/AP_S"),
)


@dataclass(frozen=True, eq=False)
class Side:
    """One of two that are compared.

    Attributes:
        name: For the reader.
        configuration: Whose runs are compared.
        evidence: What their metrics come from.
    """

    name: str
    configuration: Configuration
    evidence: Evidence

    @property
    def run(self) -> Run:
        """The run whose parameters stand for all."""
        return self.configuration.trial or self.configuration.judged[0]

    def bootstraps(self) -> list[BootstrappedMetrics] | Missing:
        """The metrics of those runs that have them, one a seed; or why none has."""
        found = [self.evidence.bootstrap(run) for run in self.configuration.judged]
        usable = [one for one in found if not isinstance(one, Missing)]
        reasons = [one.reason for one in found if isinstance(one, Missing)]
        return usable or Missing(f"{self.name}: {reasons[0]}")


def side_of_sweep(evidence: Evidence) -> Side | Missing:
    """The best configuration of a sweep.

    Args:
        evidence: The sweep's configurations.
    """
    best, sweep = evidence.best, evidence.sweep
    if best is None:
        return Missing(
            f"No trial of {sweep.name} has trained to the full budget, so that it has no best configuration."
        )
    return Side(f"{sweep.name}, {best.name}", best, evidence)


def side_of_run(run: Run) -> Side:
    """A run by itself, whether it is complete or not.

    Args:
        run: The run.
    """
    alone = Configuration(run.name, short_label(run.name), run, (), is_baseline=False)
    return Side(run.name, alone, Evidence(Sweep(run, (run,), (), None)))


def comparison_document(reference: Side, candidate: Side) -> Document:
    """The comparison as a document of its own.

    Args:
        reference: What is compared with.
        candidate: What is compared.
    """
    section = Section("comparison", "Comparison", list(comparison_blocks(reference, candidate)))
    seeds = (counted(len(side.configuration.judged), "run") for side in (candidate, reference))
    return Document(f"{candidate.name} against {reference.name}", " against ".join(seeds), [section])


def comparison_blocks(reference: Side, candidate: Side, *, prefix: str = "") -> Iterator[Block]:
    """Parameters that differ, differences in the metrics, and pictures.

    Args:
        reference: What is compared with.
        candidate: What is compared.
        prefix: Put before the names of tables and pictures, which are unique in a document.
    """
    for sentence in unfinished(reference, candidate):
        yield Paragraph(sentence, "warning")
    differences = parameter_differences(reference.run, candidate.run)
    names = reference.name, candidate.name
    if len(differences):
        yield differences_table(f"{prefix}parameter_differences", "Parameters that differ", names, differences)
    else:
        yield Paragraph("Both have the same parameters.")
    metrics = metric_differences(reference, candidate)
    if isinstance(metrics, Missing):
        yield Paragraph(metrics.reason, "warning")
    else:
        yield metrics_table(f"{prefix}metric_differences", names, metrics)
        yield Paragraph(_METHOD, "note")
    shown = (Shown(side.name, side.configuration.judged) for side in (reference, candidate))
    yield from picture_blocks(*shown, prefix=prefix)


def unfinished(*sides: Side) -> Iterator[str]:
    """A sentence for each side with runs that have not trained to the full budget."""
    for side in sides:
        runs = [run for run in side.configuration.judged if run.state != "COMPLETE"]
        if runs:
            yield f"{side.name}: {states_in_words(runs)}, after {runs[0].last_step:,} steps; its figures are not final."


_METHOD = (
    "Intervals are 95 % ones: recordings were drawn with replacement many times, the same ones for both, and where "
    "there are several seeds their spread is added; of a single seed they are about these very weights. p-values are "
    "adjusted for all metrics of this table by Holm's method. With one seed on either side no difference is called "
    "shown."
)


def metric_differences(reference: Side, candidate: Side) -> pd.DataFrame | Missing:
    """Every headline metric of both, and the candidate's less the reference's; a row a metric."""
    arms = [side.bootstraps() for side in (reference, candidate)]
    for arm in arms:
        if isinstance(arm, Missing):
            return arm
    before, after = (arm for arm in arms if not isinstance(arm, Missing))
    mismatch = unlike(f"{reference.name} and {candidate.name}", [*before, *after])
    if mismatch is not None:
        return mismatch
    names = [name for name in _METRICS if all(name in one.names for one in (*before, *after))]
    compared = [compare(after, before, name) for name in names]
    adjusted = holm([one.difference.p_value for one in compared])
    return pd.DataFrame(
        [
            {
                "metric": name,
                **_columns("reference", figure(before, name)),
                **_columns("candidate", figure(after, name)),
                **_columns("difference", one.difference),
                "probability_better": one.difference.probability_positive,
                "p_adjusted": p_value,
                "verdict": one.verdict(p_value),
                "reference_seeds": one.seeds[1],
                "candidate_seeds": one.seeds[0],
                "recordings": one.recordings,
            }
            for name, one, p_value in zip(names, compared, map(float, adjusted), strict=True)
        ]
    )


def metrics_table(name: str, names: tuple[str, str], metrics: pd.DataFrame) -> Table:
    """The metrics for a document.

    Args:
        name: Stem of its files.
        names: Of the reference and of the candidate.
        metrics: As from `metric_differences`.
    """
    return Table(
        name,
        f"{names[1]} against {names[0]}, percent, with 95 % intervals",
        metrics.assign(
            probability=metrics["probability_better"].map(probability, na_action="ignore"),
            p=metrics["p_adjusted"].map(bare_p_value, na_action="ignore"),
        ),
        (
            Column("metric", "Metric"),
            Column("reference", names[0], 2, 100, ("reference_low", "reference_high")),
            Column("candidate", names[1], 2, 100, ("candidate_low", "candidate_high")),
            Column("difference", "Difference [points]", 2, 100, ("difference_low", "difference_high"), signed=True),
            Column("verdict", "Verdict"),
            Column("probability", "Probability of being better"),
            Column("p", "p, adjusted"),
        ),
    )


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
