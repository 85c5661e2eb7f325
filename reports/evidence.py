"""What a report's statements rest on: the configurations, and the statistics of those that came into question."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from reports.bootstrap import BootstrappedMetrics, bootstrap_metrics
from reports.comparison import Comparison, compare, figure
from reports.configurations import Configuration, configurations
from reports.judgement import Judgement, judge
from reports.needed_seeds import needed_seeds
from reports.resamples import draw_resamples
from reports.run_files import Missing, read_match_records
from reports.runs import Run, Sweep
from reports.uncertainty import Estimate
from trainable.evaluation import MatchRecords

MOST_FINALISTS = 12
UNCONFIRMED_FINALISTS = 5
"""Few, as nothing is shown by a single seed, and intervals take their time."""
JUDGED_METRICS = ("AP_S", "AP")
"""What the answer is given in, besides the sweep's objectives."""
MOST_THREADS = 8
"""Runs bootstrapped at once; each takes some hundred MiB meanwhile."""
_KEPT_RECORDS = 8


class Evidence:
    """The configurations of a sweep, with intervals and comparisons as they are asked for.

    Only finalists are meant to be bootstrapped: it takes seconds a run. They are the confirmed configurations, or the
    best ones while none but the baseline is confirmed, and always the baseline.

    Args:
        sweep: The sweep.
        resamples: Number of resamples of the recordings, the same ones for all runs.
        seed: Of the resamples.

    Attributes:
        sweep: The sweep.
        configurations: Every configuration with a complete run, the best first.
        baseline: What the others are compared with.
        best: The first by the order of `configurations` that is not the baseline; the baseline where it is the only
            one.
        finalists: Those whose intervals and differences are worth computing, the best first.
        resamples: Number of resamples of the recordings.
        problems: What was missing, as sentences: those of the sweep, and what this class found since.
    """

    def __init__(self, sweep: Sweep, *, resamples: int = 1000, seed: int = 0) -> None:
        self.sweep = sweep
        self.configurations = configurations(sweep)
        self.baseline = next((one for one in self.configurations if one.is_baseline), None)
        rivals = [one for one in self.configurations if not one.is_baseline]
        self.best = rivals[0] if rivals else self.baseline
        chosen = [one for one in rivals if one.is_confirmed][: MOST_FINALISTS - 1] or rivals[:UNCONFIRMED_FINALISTS]
        self.finalists = tuple(one for one in self.configurations if one.is_baseline or one in chosen)
        self.problems = list(sweep.problems)
        self.resamples = resamples
        self._seed = seed
        self._records: OrderedDict[str, MatchRecords | Missing] = OrderedDict()
        self._bootstraps: dict[str, BootstrappedMetrics | Missing] = {}

    @property
    def is_running(self) -> bool:
        """Whether more results are to come."""
        runs = (self.sweep.own, *self.sweep.trials, *self.sweep.confirmations)
        return any(run.state == "RUNNING" for run in runs)

    @property
    def judged_metrics(self) -> tuple[str, ...]:
        """The sweep's objectives, AP_S and AP: what every finalist is compared with the baseline in."""
        return tuple(dict.fromkeys((*self.sweep.objectives, *JUDGED_METRICS)))

    @cached_property
    def judgements(self) -> tuple[Judgement, ...]:
        """Every finalist against the baseline in every judged metric; empty without a baseline."""
        baseline = self.baseline
        if baseline is None:
            return ()
        rivals = [one for one in self.finalists if one is not baseline]
        return judge(rivals, self.judged_metrics, lambda one, metric: self.compare(one, baseline, metric))

    def estimate(self, configuration: Configuration, metric: str) -> Estimate | Missing:
        """A configuration's metric with its interval, from those judged runs whose match records can be read."""
        runs = self._usable(metric, configuration)
        return runs if isinstance(runs, Missing) else figure(runs[0], metric)

    def value(self, configuration: Configuration, metric: str) -> float:
        """A configuration's metric: what its interval is about where there is one, else the mean over its runs."""
        found = self.estimate(configuration, metric) if configuration in self.finalists else None
        return found.value if isinstance(found, Estimate) else configuration.mean(metric)

    def compare(self, candidate: Configuration, baseline: Configuration, metric: str) -> Comparison | Missing:
        """How far apart two configurations are, on the same resamples of the recordings."""
        runs = self._usable(metric, candidate, baseline)
        return runs if isinstance(runs, Missing) else compare(runs[0], runs[1], metric)

    def needed_seeds(self, candidate: Configuration, baseline: Configuration, metric: str) -> int | None:
        """How many seeds of both would show their difference; none where that cannot be told, or is out of reach."""
        runs = self._usable(metric, candidate, baseline)
        if isinstance(runs, Missing):
            return None
        return needed_seeds(runs[0], runs[1], metric, comparisons=max(1, len(self.judgements)))

    def records(self, run: Run) -> MatchRecords | Missing:
        """A run's match records; the last few that were asked for are kept."""
        if run.run_id not in self._records:
            found = read_match_records(run)
            if isinstance(found, Missing):
                self._note(found.reason)
            self._records[run.run_id] = found
            if len(self._records) > _KEPT_RECORDS:
                self._records.popitem(last=False)
        self._records.move_to_end(run.run_id)
        return self._records[run.run_id]

    def bootstrap(self, run: Run) -> BootstrappedMetrics | Missing:
        """A run's metrics in all resamples; computed once, the first time for all runs of finalists on all cores."""
        if run.run_id not in self._bootstraps:
            runs = {one.run_id: one for finalist in self.finalists for one in finalist.judged} | {run.run_id: run}
            wanted = [one for one in runs.values() if one.run_id not in self._bootstraps]
            with ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), MOST_THREADS)) as threads:
                found = threads.map(self._bootstrapped, wanted)
                self._bootstraps |= {one.run_id: metrics for one, metrics in zip(wanted, found, strict=True)}
        metrics = self._bootstraps[run.run_id]
        if isinstance(metrics, Missing):
            self._note(metrics.reason)
        return metrics

    def _bootstrapped(self, run: Run) -> BootstrappedMetrics | Missing:
        records = read_match_records(run)
        if isinstance(records, Missing):
            return records
        if not records.sequence_names:
            return Missing(f"The match records of {run.name!r} hold no recording.")
        drawn = draw_resamples(len(records.sequence_names), resamples=self.resamples, seed=self._seed)
        return bootstrap_metrics(records, drawn)

    def _usable(self, metric: str, *wanted: Configuration) -> tuple[list[BootstrappedMetrics], ...] | Missing:
        """The bootstraps of each configuration's runs, which all have the metric and the same recordings."""
        arms: list[list[BootstrappedMetrics]] = []
        for configuration in wanted:
            found = [self.bootstrap(run) for run in configuration.judged]
            arm = [one for one in found if not isinstance(one, Missing)]
            reasons = [one.reason for one in found if isinstance(one, Missing)]
            if not arm:
                return Missing(reasons[0])
            if any(metric not in one.names for one in arm):
                return Missing(f"{configuration.name}: its evaluation did not measure {metric}.")
            arms.append(arm)
        names = " and ".join(configuration.name for configuration in wanted)
        return unlike(f"The runs of {names}", [one for arm in arms for one in arm]) or tuple(arms)

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def unlike(who: str, runs: Sequence[BootstrappedMetrics]) -> Missing | None:
    """Why runs cannot be compared: other recordings, or another way to measure; none where they can."""
    counts = list(dict.fromkeys(run.recordings for run in runs))
    if len(counts) > 1:
        numbers = " and ".join(str(len(one)) for one in counts)
        return Missing(
            f"{who} were evaluated on different recordings ({numbers} of them), so that no difference between them can "
            "be told from one between recordings."
        )
    if any(run.protocol != runs[0].protocol for run in runs):
        return Missing(
            f"{who} were evaluated with different classes, size bins, box filters or caps on detections, so that their "
            "metrics do not mean the same."
        )
    return None
