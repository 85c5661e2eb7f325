"""Fronts, costs and the growth of what was found."""

from collections.abc import Callable
from math import nan

import pytest

from reports.charts.chart import Chart
from reports.document.blocks import Paragraph, Section, Table
from reports.evidence import Evidence
from reports.sections.trade_offs import section

Make = Callable[..., Evidence]


def chart(found: Section, name: str = "ap_against_ap_s") -> Chart:
    return next(block for block in found.blocks if isinstance(block, Chart) and block.name == name)


def warnings(found: Section) -> list[str]:
    return [block.text for block in found.blocks if isinstance(block, Paragraph) and block.kind == "warning"]


@pytest.fixture(scope="module")
def found(make_evidence: Make, trial: Callable) -> Section:
    figures = ((20.0, 30.0), (22.0, 29.0), (21.0, 31.0), (19.0, 28.0))
    trials = [
        trial({"AP_S": [ap_s], "AP": [ap]}, known_point="" if index else "baseline")
        for index, (ap_s, ap) in enumerate(figures)
    ]
    return section(make_evidence(trials))


def test_the_front_is_what_no_other_beats_in_both(found: Section) -> None:
    table = next(block for block in found.blocks if isinstance(block, Table))
    assert list(table.data["configuration"]) == ["trial 2", "trial 1"]
    [front] = [series for series in chart(found).series if series.name == "Pareto front"]
    assert [*front.x, *front.y] == pytest.approx([28, 29, 31, 22, 21, 19])
    assert front.kind == "steps"
    assert chart(found).alternative == (
        "Of 4 complete configurations, 2 are beaten by no other in both AP and AP_S: trial 2 (AP 31.00 %, AP_S 21.00 "
        "%) and trial 1 (AP 29.00 %, AP_S 22.00 %). The baseline is at AP 30.00 % and AP_S 20.00 %."
    )


def test_finalists_have_intervals_and_the_baseline_a_mark_of_its_own(found: Section) -> None:
    series = {one.name: one for one in chart(found).series}
    assert len(series["finalists"].x) == 3
    assert all(
        low < y < high
        for low, y, high in zip(*(series["baseline"].low, series["baseline"].y, series["baseline"].high), strict=True)
    )
    assert {one.marker for one in (series["finalists"], series["baseline"])} == {"square", "diamond"}


def test_costs_that_were_not_recorded_are_said_to_be_missing(found: Section) -> None:
    assert warnings(found) == [
        "Not drawn: AP_S against peak memory of the host and training time; no complete trial has both of a pair "
        "recorded."
    ]


def test_the_hypervolume_grows_as_computed_by_hand(found: Section) -> None:
    [steps] = chart(found, "hypervolume").series
    assert list(steps.x) == [100, 200, 300, 400]
    assert list(steps.y) == pytest.approx(
        [6.0, 0.01 * (20 * 30 + 2 * 29), 0.01 * (21 * 31 + 1 * 29), 0.01 * (21 * 31 + 29)]
    )
    assert "the hypervolume is 6.80 % of what perfect results would cover" in chart(found, "hypervolume").alternative


def test_what_breaks_a_constraint_is_not_on_the_front(make_evidence: Make, trial: Callable) -> None:
    trials = [trial({"AP_S": [20.0], "AP": [30.0]}), trial({"AP_S": [25.0], "AP": [20.0]})]
    tables = [
        block for block in section(make_evidence(trials, constraints=("AP>=0.25",))).blocks if isinstance(block, Table)
    ]
    assert list(tables[0].data["configuration"]) == ["trial 0"]
    assert "no complete configuration that keeps the constraints is better" in tables[0].title


def test_without_small_boxes_there_is_no_front(make_evidence: Make, trial: Callable) -> None:
    found = section(make_evidence([trial({"AP_S": [nan], "AP": [30.0]})]))
    assert warnings(found)[0] == "AP and AP_S are not both defined for any complete trial, so there is no front."


def test_before_the_first_complete_trial_there_is_nothing_to_weigh_up(make_evidence: Make, trial: Callable) -> None:
    found = section(make_evidence([trial({}, state="RUNNING")]))
    assert warnings(found) == ["No trial has trained to the full budget yet, so there is nothing to weigh up."]


def test_real_runs_are_drawn_against_memory_and_time(make_sweep: Callable) -> None:
    found = section(Evidence(make_sweep(finalists=()), resamples=20))
    assert chart(found, "ap_s_against_memory").x.title == "peak memory of the host [MiB]"
    assert "1,000 MiB" in chart(found, "ap_s_against_memory").alternative
    assert chart(found, "ap_s_against_training_time").x.title == "training time [min]"
