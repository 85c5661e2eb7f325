"""How a report's intervals and p-values came about, and what limits the conclusions from them."""

from math import isnan

from reports.bootstrap import BootstrappedMetrics
from reports.configurations import Configuration
from reports.evidence import Evidence
from reports.run_files import Missing
from reports.wording import counted, listed

FEW_RECORDINGS = 10
"""Below so many, intervals are wide and rest on few scenes."""


def method(evidence: Evidence) -> str:
    """The method in three sentences."""
    rivals = [one for one in evidence.finalists if not one.is_baseline]
    family = f"({counted(len(rivals), 'finalist')} in {listed(evidence.judged_metrics)})" if rivals else "(none here)"
    return (
        f"Intervals come from a bootstrap: {evidence.resamples:,} times, as many recordings as there are were drawn "
        "with replacement, the same ones for all runs, and every metric was computed again, so that a difference of "
        "two configurations is paired by recording; to that variance the variance among seeds is added where a "
        "configuration was trained with several, and the interval is Student's. "
        f"Configurations that were trained again with new seeds are judged by those runs alone, and one seed on either "
        "side is never enough to call a difference shown. "
        "p-values are adjusted by Holm's method for all comparisons with the baseline together "
        f"{family}, and below 0.05 a difference counts as shown."
    )


def limits(evidence: Evidence) -> str:
    """What limits the conclusions about the best configuration."""
    parts = list(_limits(evidence))
    return f"What limits this: {'; '.join(parts)}." if parts else ""


def _limits(evidence: Evidence) -> list[str]:
    best, baseline = evidence.best, evidence.baseline
    if best is None or baseline is None:
        return []
    parts = []
    if min(len(best.judged), len(baseline.judged)) < 2:
        parts.append(
            "with one seed, an interval holds for these very weights on other recordings, not for another training"
        )
    confirmed = sum(one.is_confirmed and not one.is_baseline for one in evidence.configurations)
    if confirmed > 1:
        parts.append(
            f"{best.name} came out best of {confirmed} confirmed configurations, so its figures are a little too high "
            "on average"
        )
    if not best.is_confirmed:
        complete = len(evidence.configurations)
        parts.append(
            f"{best.name} was chosen among {counted(complete, 'complete configuration')} because it came out well, so "
            "its figures are too high on average"
        )
    parts += _recordings(evidence, best, baseline)
    lost = [one for one in (best, baseline) if len(_readable(evidence, one)) < len(one.judged)]
    parts += [f"match records are missing for some runs of {one.name}" for one in lost]
    return parts


def _recordings(evidence: Evidence, best: Configuration, baseline: Configuration) -> list[str]:
    runs = [found for one in (best, baseline) for found in _readable(evidence, one)]
    if not runs:
        return []
    number = min(len(run.recordings) for run in runs)
    effective = {
        metric: min(float(run.effective_recordings[run.row(metric)]) for run in runs)
        for metric in evidence.judged_metrics
        if all(metric in run.names for run in runs)
    }
    told = [f"{value:.1f} for {metric}" for metric, value in effective.items() if not isnan(value)]
    text = f"the evaluation has {counted(number, 'recording')}"
    if told:
        text += f", worth {listed(told)} if labels were spread evenly over them"
    few = min((value for value in effective.values() if not isnan(value)), default=number) < FEW_RECORDINGS
    return [f"{text}, and so few make intervals rough" if few else text]


def _readable(evidence: Evidence, configuration: Configuration) -> list[BootstrappedMetrics]:
    found = [evidence.bootstrap(run) for run in configuration.judged]
    return [one for one in found if not isinstance(one, Missing)]
