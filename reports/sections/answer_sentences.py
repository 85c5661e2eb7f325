"""The answer in words: the best configuration against the baseline, and what may be said of it."""

from collections.abc import Sequence
from math import isnan

from reports.comparison import Comparison
from reports.configurations import Configuration
from reports.evidence import Evidence
from reports.judgement import Judgement
from reports.run_files import Missing
from reports.uncertainty import Estimate
from reports.wording import capitalised, counted, listed, p_value, percent, points, probability, states_in_words


def named(configuration: Configuration) -> str:
    """A configuration with its parameters: `trial 3 (weight=2.31 small=812)`."""
    return f"{configuration.name} ({configuration.label})" if configuration.label else configuration.name


def nothing_complete(evidence: Evidence) -> str:
    """What to say while no run has trained to the full budget."""
    trials = evidence.sweep.trials
    if not trials:
        return "This sweep has no trial yet, so there is nothing to compare."
    return (
        f"There is nothing to compare yet: of {counted(len(trials), 'trial')} none has trained to the full budget; "
        f"{states_in_words(trials)}."
    )


def only_the_baseline(evidence: Evidence, baseline: Configuration) -> str:
    """What to say where there is no other configuration."""
    others = [run for run in evidence.sweep.trials if run.state != "COMPLETE"]
    fate = f" Of the others, {states_in_words(others)}." if others else ""
    return (
        "Only the baseline has trained to the full budget, so there is nothing to compare it with. It reaches "
        f"{figures(evidence, baseline)}, with {counted(len(baseline.judged), 'seed')} behind it.{fate}"
    )


def without_baseline(evidence: Evidence, best: Configuration) -> str:
    """What to say where no complete run is marked as the baseline."""
    seeds = counted(len(best.judged), "seed")
    return (
        "There is no complete baseline to compare with, so nothing is shown to be better than it. "
        f"{capitalised(named(best))} {_place(evidence, best)} It reaches {figures(evidence, best)}, with {seeds} "
        "behind it."
    )


def against_the_baseline(evidence: Evidence, best: Configuration, baseline: Configuration) -> str:
    """The answer: what is shown of the best configuration, with the numbers."""
    judgements = [one for one in evidence.judgements if one.candidate is best]
    better = [one.metric for one in judgements if one.verdict == "better"]
    worse = [one.metric for one in judgements if one.verdict == "worse"]
    headline = f"{capitalised(named(best))} is "
    if better:
        headline += f"better than the baseline in {listed(better)}{f', and worse in {listed(worse)}' if worse else ''}."
        headline += _broken(evidence, best)
    elif worse:
        headline += f"worse than the baseline in {listed(worse)}. It {_place(evidence, best)}"
    else:
        why = _why_not_shown(best, baseline, judgements)
        headline += f"not shown to be better than the baseline: {why} It {_place(evidence, best)}"
    sentences = [_difference(evidence, one, baseline) for one in judgements]
    seeds = f"Behind this stand {counted(len(best.judged), 'seed')} of {best.name} and {len(baseline.judged)} of the "
    return " ".join([headline, *sentences, f"{seeds}baseline."])


def unfinished(evidence: Evidence) -> str:
    """What still runs: `3 trials and 2 confirming runs are running`."""
    sweep = evidence.sweep
    phases = (("trial", sweep.trials), ("confirming run", sweep.confirmations))
    running = {noun: sum(run.state == "RUNNING" for run in runs) for noun, runs in phases}
    told = [counted(number, noun) for noun, number in running.items() if number]
    return f"{listed(told)} {'is' if sum(running.values()) == 1 else 'are'} running" if told else "it is running"


def figures(evidence: Evidence, configuration: Configuration) -> str:
    """A configuration's figures with their intervals: `AP_S 23.10 % (95 % interval 20.0 to 26.2) and AP 40.00 %`."""
    return listed([f"{metric} {_figure(evidence, configuration, metric)}" for metric in evidence.judged_metrics])


def broken_constraints(evidence: Evidence, configuration: Configuration) -> list[str]:
    """The sweep's bounds that a configuration does not keep."""
    bounds = evidence.sweep.constraints
    return [str(bound) for bound in bounds if bound.violation({bound.metric: configuration.mean(bound.metric)}) > 0]


def _figure(evidence: Evidence, configuration: Configuration, metric: str) -> str:
    found = evidence.estimate(configuration, metric)
    if isinstance(found, Missing):
        return percent(configuration.mean(metric))
    if isnan(found.low):
        return percent(found.value)
    return f"{percent(found.value)} (95 % interval {100 * found.low:.2f} to {100 * found.high:.2f})"


def _place(evidence: Evidence, best: Configuration) -> str:
    """Where the best one stands among the others: `has the highest AP_S of …`."""
    rivals = [one for one in evidence.configurations if not one.is_baseline and one.is_confirmed == best.is_confirmed]
    leading = next((name for name in evidence.sweep.objectives if not isnan(best.mean(name))), None)
    if leading is None:
        return "stands here for the others, as no objective is defined."
    kind = "confirmed" if best.is_confirmed else "complete"
    broken = _broken(evidence, best)
    besides = " besides the baseline" if evidence.baseline is not None else ""
    if len(rivals) == 1:
        return f"is the only {kind} configuration{besides}.{broken}"
    if broken:
        return f"comes closest to the constraints of the {len(rivals):,} {kind} configurations{besides}.{broken}"
    keeping = " that keep the constraints" if evidence.sweep.constraints else ""
    return f"has the highest {leading} of the {len(rivals):,} {kind} configurations{besides}{keeping}."


def _broken(evidence: Evidence, best: Configuration) -> str:
    """Which constraints the best one breaks, as none of its kind then keeps all; empty where it breaks none."""
    broken = broken_constraints(evidence, best)
    return f" No such configuration keeps all constraints; it breaks {listed(broken)}." if broken else ""


def _why_not_shown(best: Configuration, baseline: Configuration, judgements: Sequence[Judgement]) -> str:
    if all(isinstance(one.comparison, Missing) for one in judgements):
        return "they cannot be compared."
    if len(best.judged) < 2 and len(baseline.judged) < 2:
        return "each was trained with one seed, and two trainings of one configuration differ too."
    if min(len(best.judged), len(baseline.judged)) < 2:
        lone = best if len(best.judged) < 2 else baseline
        return f"{lone.name} was trained with one seed, and two trainings of one configuration differ too."
    return "chance may explain the difference."


def _difference(evidence: Evidence, one: Judgement, baseline: Configuration) -> str:
    metric, comparison = one.metric, one.comparison
    means = evidence.value(one.candidate, metric), evidence.value(baseline, metric)
    if isinstance(comparison, Missing):
        if any(map(isnan, means)):
            return f"{metric}: {percent(means[0])} against {percent(means[1])}."
        return f"{metric}: {percent(means[0])} against {percent(means[1])}; how sure that is cannot be said."
    difference = comparison.difference
    if isnan(difference.value):
        return f"{metric} is undefined: no labelled box of the evaluation counts for it."
    moved = f"{metric}: {points(difference.value)} percentage points, from {percent(means[1])} to {percent(means[0])}"
    if isnan(difference.low):
        return f"{moved}; how sure that is cannot be said from {counted(comparison.recordings, 'recording')}."
    return f"{moved} ({_sureness(difference, one.adjusted_p)}); {_verdict(one, comparison)}."


def _sureness(difference: Estimate, adjusted_p: float) -> str:
    return (
        f"95 % interval {points(difference.low)} to {points(difference.high)}, probability of being better "
        f"{probability(difference.probability_positive)}, adjusted {p_value(adjusted_p)}"
    )


def _verdict(one: Judgement, comparison: Comparison) -> str:
    if min(comparison.seeds) < 2:
        return "not shown, with one seed"
    return "not shown" if one.verdict == "not shown" else "shown"


def other_winners(evidence: Evidence, best: Configuration) -> str:
    """Other finalists that are shown to be better in something; empty without any."""
    too = " too" if any(one.candidate is best and one.verdict == "better" for one in evidence.judgements) else ""
    found: dict[str, list[str]] = {}
    for one in evidence.judgements:
        if one.candidate is not best and one.verdict == "better":
            found.setdefault(one.candidate.name, []).append(one.metric)
    texts = [f"{name} in {listed(metrics)}" for name, metrics in found.items()]
    return f"Shown to be better than the baseline{too}: {listed(texts)}." if texts else ""
