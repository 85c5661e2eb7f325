"""What a report says first, word for word."""

from collections.abc import Callable
from math import nan

import pytest
from scipy.stats import t

from reports.charts.chart import Chart
from reports.document.blocks import Commands, Paragraph, Table
from reports.evidence import Evidence
from reports.multiple import holm
from reports.sections.answer import section
from trainable.evaluation import EvaluationProtocol

Make = Callable[..., Evidence]


def texts(evidence: Evidence, kind: str = "lead") -> list[str]:
    return [block.text for block in section(evidence).blocks if isinstance(block, Paragraph) and block.kind == kind]


def commands(evidence: Evidence) -> list[str]:
    return [block.text for block in section(evidence).blocks if isinstance(block, Commands)]


def table(evidence: Evidence) -> Table:
    return next(block for block in section(evidence).blocks if isinstance(block, Table))


def test_a_gain_that_three_seeds_show_is_told_with_its_numbers(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 19.9, 20.1, 20.0], "AP": [30, 30, 31, 29]}, "rate=0.01", known_point="baseline"),
            trial({"AP_S": [29.0, 22.0, 22.1, 21.9], "AP": [30, 30.5, 31.5, 29.5]}, "rate=0.02"),
        ]
    )
    assert texts(evidence) == [
        "Trial 1 (rate=0.02) is better than the baseline in AP_S. AP_S: +2.00 percentage points, from 20.00 % to 22.00 "
        "% (95 % interval +1.77 to +2.23, probability of being better over 99.9 %, adjusted p < 0.001); shown. AP: "
        "+0.50 percentage points, from 30.00 % to 30.50 % (95 % interval -1.77 to +2.77, probability of being better "
        "71.3 %, adjusted p = 0.573); not shown. Behind this stand 3 seeds of trial 1 and 3 of the baseline."
    ]
    assert commands(evidence) == []


def test_differences_and_their_ends_are_those_computed_by_hand(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 19.0, 21.0], "AP": [30.0] * 3}, known_point="baseline", wobble=1.0),
            trial({"AP_S": [25.0, 22.0, 24.0], "AP": [30.0] * 3}, wobble=3.0),
        ]
    )
    row = table(evidence).data.iloc[0]
    assert row["difference"] == pytest.approx(0.03)
    # Resamples swing by 2 points, 16 recordings; the seeds of both arms have a variance of 2, two of them each.
    by_recordings, by_seeds = 4 * 1000 / 999 * 16 / 15, 2.0
    spread = by_recordings**2 / 15 + by_seeds**2 / 2
    degrees = max((by_recordings + by_seeds) ** 2 / spread, 2)
    half = 0.01 * (by_recordings + by_seeds) ** 0.5 * t.ppf(0.975, degrees)
    assert (row["low"], row["high"]) == pytest.approx((0.03 - half, 0.03 + half))
    assert (row["seeds"], row["baseline_seeds"], row["recordings"]) == (2, 2, 16)


def test_one_seed_never_wins_however_far_ahead(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0], "AP": [30.0]}, known_point="baseline"),
            trial({"AP_S": [60.0], "AP": [80.0]}, "rate=0.02", wobble=1.1),
            trial({"AP_S": [50.0], "AP": [70.0]}, "rate=0.03", wobble=1.1),
        ],
        name="of ours",
    )
    [lead] = texts(evidence)
    assert lead.startswith(
        "Trial 1 (rate=0.02) is not shown to be better than the baseline: each was trained with one seed, and two "
        "trainings of one configuration differ too. It has the highest AP_S of the 2 complete configurations besides "
        "the baseline. AP_S: +40.00 percentage points"
    )
    assert "; not shown, with one seed. AP: " in lead
    assert lead.endswith("Behind this stand 1 seed of trial 1 and 1 of the baseline.")
    assert commands(evidence) == ["python -m sweep confirm 'of ours' --top 2 --seeds 3"]
    assert set(table(evidence).data["verdict"]) == {"not shown"}
    assert table(evidence).highlighted == ()
    assert "so its figures are too high on average" in texts(evidence, "note")[1]


def test_the_searchs_own_run_does_not_count_beside_confirming_ones(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [10.0, 20.0, 20.0], "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [90.0, 20.5, 20.5], "AP": [30.0] * 3}),
        ]
    )
    assert table(evidence).data["difference"].iloc[0] == pytest.approx(0.005)
    assert table(evidence).data["seeds"].iloc[0] == 2


def test_a_difference_that_chance_explains_comes_with_the_seeds_that_would_show_it(
    make_evidence: Make, trial: Callable
) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 19.0, 20.0, 21.0], "AP": [30.0] * 4}, known_point="baseline"),
            trial({"AP_S": [22.0, 21.0, 22.0, 23.0], "AP": [29.0] * 4}),
        ]
    )
    # A variance of 2 / n, and p counts twice: with 4 seeds t = 2.83 of 6 degrees, p = 0.030; with 5 3.16 of 8, 0.013.
    [lead] = texts(evidence)
    assert "is not shown to be better than the baseline: chance may explain the difference." in lead
    assert commands(evidence) == ["python -m sweep confirm first --top 1 --seeds 5"]
    assert "about 5 seeds of each configuration" in texts(evidence, "normal")[0]


def test_where_only_recordings_help_no_seeds_are_asked_for(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 20.1, 20.0, 19.9], "AP": [30.0] * 4}, known_point="baseline"),
            trial({"AP_S": [22.0, 22.1, 22.0, 21.9], "AP": [29.0] * 4}, wobble=5),
        ]
    )
    assert commands(evidence) == []
    assert texts(evidence, "normal") == [
        "More seeds alone would hardly show a difference of this size in AP_S: it takes more recordings in the "
        "evaluation, or a larger difference."
    ]


def test_all_finalists_in_all_objectives_share_one_adjustment(make_evidence: Make, trial: Callable) -> None:
    rivals = [trial({"AP_S": [20.0 + n, 21 + n, 22 + n], "AP": [30.0, 30 + n, 31 - n]}) for n in range(3)]
    base = trial({"AP_S": [20.0, 20.0, 21.0], "AP": [30.0, 30.0, 31.0]}, known_point="baseline")
    data = table(make_evidence([base, *rivals])).data
    assert len(data) == 6
    assert list(data["adjusted_p"]) == pytest.approx(list(holm(data["p_value"])))
    smallest = data["p_value"].idxmin()
    assert data["adjusted_p"][smallest] == pytest.approx(6 * data["p_value"][smallest])


def test_a_loss_is_told_as_one_and_another_winner_is_named(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 20.0, 20.1], "AP": [30.0, 30.0, 30.1]}, known_point="baseline"),
            trial({"AP_S": [20.1, 20.2, 20.0], "AP": [20.0, 20.0, 20.1]}),
            trial({"AP_S": [20.0, 20.0, 20.1], "AP": [40.0, 40.0, 40.1]}),
        ]
    )
    [lead] = texts(evidence)
    assert lead.startswith("Trial 1 is worse than the baseline in AP. It has the highest AP_S of the 2 confirmed")
    assert texts(evidence, "normal") == ["Shown to be better than the baseline: trial 2 in AP."]


def test_without_a_baseline_the_best_is_told_and_how_to_get_one(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence([trial({"AP_S": [20.0], "AP": [30.0]}, "rate=1"), trial({"AP_S": [19.0], "AP": [31.0]})])
    assert texts(evidence) == [
        "There is no complete baseline to compare with, so nothing is shown to be better than it. Trial 0 (rate=1) has "
        "the highest AP_S of the 2 complete configurations. It reaches AP_S 20.00 % (95 % interval 17.80 to 22.20) and "
        "AP 30.00 % (95 % interval 27.80 to 32.20), with 1 seed behind it."
    ]
    assert commands(evidence) == ["python -m sweep confirm first --top 2 --seeds 3"]
    assert not any(isinstance(block, (Table, Chart)) for block in section(evidence).blocks)


def test_a_baseline_alone_is_told_with_the_fate_of_the_others(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0], "AP": [30.0]}, known_point="baseline"),
            *[trial({"AP_S": [2.0]}, state="PRUNED")] * 2,
            trial({}, state="FAILED"),
        ]
    )
    assert texts(evidence) == [
        "Only the baseline has trained to the full budget, so there is nothing to compare it with. It reaches AP_S "
        "20.00 % (95 % interval 17.80 to 22.20) and AP 30.00 % (95 % interval 27.80 to 32.20), with 1 seed behind it. "
        "Of the others, 2 were stopped at a rung and 1 failed."
    ]
    assert commands(evidence) == ["python -m sweep extend first --trials 20"]


def test_while_nothing_is_complete_the_states_are_told(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [trial({}, state="RUNNING"), trial({}, state="RUNNING"), trial({}, state="PRUNED")], state="RUNNING"
    )
    assert texts(evidence) == [
        "There is nothing to compare yet: of 3 trials none has trained to the full budget; 2 are running and 1 was "
        "stopped at a rung."
    ]
    assert texts(evidence, "warning") == ["The sweep is not at its end: 2 trials are running. All of this may change."]
    assert commands(evidence) == []
    assert texts(make_evidence([])) == ["This sweep has no trial yet, so there is nothing to compare."]


def test_while_it_runs_no_next_step_is_asked_for(make_evidence: Make, trial: Callable) -> None:
    trials = [trial({"AP_S": [20.0], "AP": [30.0]}), trial({}, state="RUNNING", known_point="baseline")]
    assert commands(make_evidence(trials)) == []
    assert len(commands(make_evidence(trials[:1]))) == 1


def test_the_best_of_several_confirmed_ones_is_said_to_look_a_little_too_good(
    make_evidence: Make, trial: Callable
) -> None:
    figures = {"AP_S": [20.0] * 3, "AP": [30.0] * 3}
    rivals = [trial(figures), trial(figures)]
    evidence = make_evidence([trial(figures, known_point="baseline"), *rivals])
    assert "trial 1 came out best of 2 confirmed configurations" in texts(evidence, "note")[1]
    evidence = make_evidence([trial(figures, known_point="baseline"), rivals[0]])
    assert "came out best" not in texts(evidence, "note")[1]


def test_without_match_records_figures_stand_without_a_verdict(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 20.0, 21.0], "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [20.0, 30.0, 31.0], "AP": [40.0] * 3}, without_records=(0, 1, 2)),
        ]
    )
    [lead] = texts(evidence)
    assert "is not shown to be better than the baseline: they cannot be compared." in lead
    assert "AP_S: 30.50 % against 20.50 %; how sure that is cannot be said." in lead
    assert texts(evidence, "warning") == ["The match records of 0002 are missing."]
    assert not any(isinstance(block, Chart) for block in section(evidence).blocks)


def test_a_lost_seed_is_left_out_and_said(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 20.0, 21.0], "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [20.0, 30.0, 31.0, 70.0], "AP": [40.0] * 4}, without_records=(3,)),
        ]
    )
    [lead] = texts(evidence)
    assert "AP_S: +10.00 percentage points, from 20.50 % to 30.50 %" in lead
    assert "match records are missing for some runs of trial 1" in texts(evidence, "note")[1]


def test_runs_on_different_recordings_are_not_compared(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0] * 3, "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [30.0] * 3, "AP": [40.0] * 3}, recordings=("another", "and another")),
        ]
    )
    assert texts(evidence, "warning") == [
        "The runs of trial 1 and baseline were evaluated on different recordings (2 and 16 of them), so that no "
        "difference between them can be told from one between recordings."
    ]


def test_runs_that_were_measured_in_another_way_are_not_compared(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0] * 3, "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [30.0] * 3, "AP": [40.0] * 3}, protocol=EvaluationProtocol(("car",))),
        ]
    )
    assert texts(evidence, "warning") == [
        "The runs of trial 1 and baseline were evaluated with different classes, size bins, box filters or caps on "
        "detections, so that their metrics do not mean the same."
    ]


def test_a_metric_without_any_truth_is_undefined_and_the_other_still_judged(
    make_evidence: Make, trial: Callable
) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [nan] * 3, "AP": [30.0, 30.0, 30.1]}, known_point="baseline"),
            trial({"AP_S": [nan] * 3, "AP": [30.0, 30.0, 30.1]}),
            trial({"AP_S": [nan] * 3, "AP": [40.0, 40.0, 40.1]}),
        ]
    )
    [lead] = texts(evidence)
    assert lead.startswith(
        "Trial 2 is better than the baseline in AP. AP_S is undefined: no labelled box of the evaluation counts for it."
        " AP: +10.00"
    )
    charts = [block.name for block in section(evidence).blocks if isinstance(block, Chart)]
    assert charts == ["difference_ap"]


def test_a_metric_that_is_no_objective_is_judged_too(make_evidence: Make, trial: Callable) -> None:
    figures = {"AP_S": [20.0] * 3, "AP": [30.0] * 3, "AR": [40.0] * 3}
    evidence = make_evidence([trial(figures, known_point="baseline"), trial(figures)], objectives=("AR",))
    assert list(table(evidence).data["metric"]) == ["AR", "AP_S", "AP"]


def test_a_best_one_that_breaks_a_constraint_says_so(make_evidence: Make, trial: Callable) -> None:
    figures = {"AP_S": [20.0] * 3, "AP": [30.0] * 3}
    evidence = make_evidence([trial(figures, known_point="baseline"), trial(figures)], constraints=("AP>=0.5",))
    assert "No such configuration keeps all constraints; it breaks AP>=0.5." in texts(evidence)[0]


def test_a_best_one_that_breaks_a_constraint_has_not_the_highest_figures(make_evidence: Make, trial: Callable) -> None:
    trials = [trial({"AP_S": [20.0], "AP": [30.0]}, known_point="baseline")]
    trials += [trial({"AP_S": [20.0], "AP": [45.0]}), trial({"AP_S": [25.0], "AP": [30.0]})]
    lead = texts(make_evidence(trials, constraints=("AP>=0.5",)))[0]
    assert "It comes closest to the constraints of the 2 complete configurations besides the baseline." in lead
    assert "highest" not in lead


def test_a_winner_that_breaks_a_constraint_says_so(make_evidence: Make, trial: Callable) -> None:
    trials = [trial({"AP_S": [20.0, 20.1, 19.9], "AP": [30.0] * 3}, known_point="baseline")]
    trials += [trial({"AP_S": [30.0, 30.1, 29.9], "AP": [30.0] * 3})]
    lead = texts(make_evidence(trials, constraints=("AP>=0.5",)))[0]
    assert "better than the baseline in AP_S. No such configuration keeps all constraints; it breaks AP>=0.5." in lead


def test_the_chart_shows_every_finalist_with_its_interval_and_verdict(make_evidence: Make, trial: Callable) -> None:
    evidence = make_evidence(
        [
            trial({"AP_S": [20.0, 20.0, 20.1], "AP": [30.0] * 3}, known_point="baseline"),
            trial({"AP_S": [30.0, 30.0, 30.1], "AP": [30.0] * 3}),
            trial({"AP_S": [20.0, 20.0, 20.1], "AP": [30.0] * 3}, wobble=2),
        ]
    )
    chart = next(block for block in section(evidence).blocks if isinstance(block, Chart))
    assert chart.x.categories == ("trial 1", "trial 2")
    assert [(series.name, list(series.x)) for series in chart.series] == [
        ("baseline", ["trial 1", "trial 2"]),
        ("shown to be better", ["trial 1"]),
        ("not shown", ["trial 2"]),
    ]
    assert list(chart.series[1].y) == pytest.approx([10.0])
    assert "trial 1 +10.00 (" in chart.alternative
