"""Order among a sweep's trials."""

from collections.abc import Mapping, Sequence

from search_spaces.ranking import pareto_front, ranks
from sweep.goals import Goals
from sweep.rungs import rung_ranks
from sweep.trial_records import TrialRecord


def ranked_trials(records: Sequence[TrialRecord], goals: Goals) -> list[TrialRecord]:
    """Trials, the best first.

    Complete ones come by the rank of their results; then the others, those that reached a later rung first, and among
    those of one rung by the rank of their results there. Trials of equal rank stay in their order.
    """
    groups: dict[tuple[bool, int], list[TrialRecord]] = {}
    for record in records:
        complete = record.state == "COMPLETE"
        rung = -1 if complete or record.last_rung is None else record.last_rung
        groups.setdefault((complete, rung), []).append(record)
    ordered: list[TrialRecord] = []
    for group in sorted(groups, reverse=True):
        entries = [goals.entry(_compared(record)) for record in groups[group]]
        complete, _ = group
        violations = [entry.violation for entry in entries]
        places = ranks([entry.values for entry in entries], violations) if complete else rung_ranks(entries)
        pairs = sorted(zip(places, groups[group], strict=True), key=lambda pair: pair[0])
        ordered.extend(record for _, record in pairs)
    return ordered


def pareto_trials(records: Sequence[TrialRecord], goals: Goals) -> list[TrialRecord]:
    """Complete trials that keep the constraints and that no other such trial dominates, the best first."""
    complete = [record for record in ranked_trials(records, goals) if record.state == "COMPLETE"]
    entries = [goals.entry(record.last) for record in complete]
    front = pareto_front([entry.values for entry in entries], [entry.violation for entry in entries])
    return [complete[index] for index in front]


def _compared(record: TrialRecord) -> Mapping[str, float]:
    """The result by which a trial is ranked: its last one if it is complete, that at its last rung otherwise."""
    if record.state == "COMPLETE" or record.last_rung is None:
        return record.last
    return record.at_rung(record.last_rung)
