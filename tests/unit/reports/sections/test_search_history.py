"""How the search went: what its sentences, tables and charts say of trials whose course is written down by hand."""

import time
from collections.abc import Callable, Sequence
from math import nan

import numpy as np
import pytest

from reports.charts.chart import Chart
from reports.document.blocks import Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.runs import Run, Sweep
from reports.sections.learning_curves import MOST_CURVES, MOST_POINTS
from reports.sections.search_history import section

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]


def texts(made: Section) -> str:
    return "\n".join(block.text for block in made.blocks if isinstance(block, Paragraph))


def table(made: Section, name: str) -> Table:
    blocks = [inner for block in made.blocks for inner in (block.blocks if isinstance(block, Details) else [block])]
    return next(block for block in blocks if isinstance(block, Table) and block.name == name)


def chart(made: Section, name: str) -> Chart:
    return next(block for block in made.blocks if isinstance(block, Chart) and block.name == name)


@pytest.fixture
def trials(bare_run: MakeRun) -> list[Run]:
    baseline = {"evsweep.known_point": "baseline"}
    return [
        bare_run(0, {"AP_S": {100: 0.30, 200: 0.35, 400: 0.40}}, tags=baseline, steps_per_second=1),
        bare_run(1, {"AP_S": {100: 0.20, 200: 0.36, 400: 0.50}}, steps_per_second=1),
        bare_run(2, {"AP_S": {100: 0.15}}, state="PRUNED", steps_per_second=1),
        bare_run(3, {"AP_S": {100: 0.05}}, state="PRUNED", steps_per_second=1),
        bare_run(4, {"AP_S": {100: 0.19, 200: 0.21}}, state="PRUNED", steps_per_second=1),
        bare_run(
            5, {"AP_S": {100: 0.25}}, state="FAILED", reason="loss became NaN", tags={"evsweep.out_of_memory": "2"}
        ),
    ]


def test_what_the_rungs_stopped_is_told_with_what_was_made_up(trials: list[Run], bare_sweep: MakeSweep) -> None:
    made = section(Evidence(bare_sweep(trials)))
    assert "At 100 steps, 2 trials were stopped of 6 that came there. Of 2 with a final result 1 overtook" in texts(
        made
    )
    assert "making up 10.00 points of AP_S at most. 1 stopped trial was no farther than that behind" in texts(made)
    assert "So few final results tell little" in texts(made)
    rungs = table(made, "rungs").data
    assert rungs["reached"].tolist() == [6, 3]
    assert rungs["stopped"].tolist() == [2, 1]
    assert rungs["overtaking_share"].tolist() == [0.5, 0.0]
    stopped = table(made, "stopped_trials").data
    assert stopped["trial"].tolist() == [2, 3, 4]
    assert stopped["within_largest_gap"].tolist() == ["yes", "no", "no"]


def test_steps_and_hours_are_told_as_spent_and_saved(trials: list[Run], bare_sweep: MakeSweep) -> None:
    made = section(Evidence(bare_sweep(trials)))
    assert "The search trained 1,300 steps, 0.36 trial-hours. Stopping trials at rungs saved 800 steps" in texts(made)
    assert "38 % of the steps that the search would have taken had it trained these to" in texts(made)
    cost = table(made, "search_cost").data.set_index("trials")
    assert cost.loc["stopped at a rung", "steps_saved"] == 300 + 300 + 200
    assert cost.loc["the search", "hours"] == pytest.approx(1300 / 3600)
    assert cost.loc["failed", "steps_saved"] == 0


def test_failures_and_lack_of_memory_are_listed_with_their_reasons(trials: list[Run], bare_sweep: MakeSweep) -> None:
    made = section(Evidence(bare_sweep(trials)))
    assert table(made, "failures").data["reason"].tolist() == ["loss became NaN"]
    assert table(made, "out_of_memory").data["times"].tolist() == [2]
    assert "No trial failed" in texts(section(Evidence(bare_sweep(trials[:5]))))


def test_trials_that_had_to_go_on_are_counted(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    whole = bare_run(0, {"AP": {100: 0.1}})
    assert "No trial had to go on" in texts(section(Evidence(bare_sweep([whole]))))
    counts = enumerate(("1", "2", "9" * 5000, "²"), start=1)
    others = [bare_run(index, {"AP": {100: 0.1}}, tags={"evsweep.resumes": count}) for index, count in counts]
    made = texts(section(Evidence(bare_sweep([whole, *others]))))
    assert "2 trials went on from a checkpoint after an interruption, 3 times in all" in made


def test_curves_name_baseline_and_best_and_leave_gaps_between_others(trials: list[Run], bare_sweep: MakeSweep) -> None:
    curves = chart(section(Evidence(bare_sweep(trials))), "learning_curves")
    lines = {line.name: line for line in curves.series if line.kind == "line"}
    unfinished = "not trained to the end, with its last validation"
    assert list(lines) == [unfinished, "baseline", "trial 1"]
    assert lines["trial 1"].y == pytest.approx([20, 36, 50])
    assert lines[unfinished].y == pytest.approx([25, nan, 19, 21, nan, 15, nan, 5], nan_ok=True)
    ends = next(line for line in curves.series if line.kind == "points")
    assert (list(ends.x), list(ends.labels)) == ([100, 200, 100, 100], [f"trial {index}" for index in (5, 4, 2, 3)])
    assert [step for step, _ in curves.vertical_lines] == [100, 200]


def test_trials_still_training_fall_where_trials_end(trials: list[Run], bare_sweep: MakeSweep) -> None:
    still = chart(section(Evidence(bare_sweep(trials))), "trials_by_steps").series[0]
    assert (list(still.x), list(still.y)) == ([0, 100, 200, 400], [6, 3, 2, 2])


def test_a_running_sweep_and_one_that_ended_early_are_called_so(trials: list[Run], bare_sweep: MakeSweep) -> None:
    assert "still running" in texts(section(Evidence(bare_sweep(trials, state="RUNNING"))))
    made = section(Evidence(bare_sweep(trials)))
    assert "Of 6 trials of the search 3 were stopped at a rung, 1 failed and 2 are complete." in texts(made)


def odd(bare_run: MakeRun) -> list[list[Run]]:
    nothing = bare_run(0, {}, state="FAILED")
    return [
        [],
        [nothing],
        [bare_run(0, {}, state="RUNNING"), nothing],
        [bare_run(0, {"AP": {100: 0.1}}, state="PRUNED")],
        [bare_run(0, {"AP_S": {70: 0.1}}, state="PRUNED"), bare_run(1, {"AP_S": {90: 0.1}}, state="STOPPED")],
        [bare_run(0, {"AP_S": {400: 0.1}}), bare_run(1, {"AP_S": {400: 0.1}})],
        [bare_run(0, {"AP_S": {100: 0.1}}, tags={"evsweep.out_of_memory": "²", "evsweep.trial": "x"})],
    ]


@pytest.mark.parametrize("case", range(7))
@pytest.mark.parametrize("settings", [{}, {"rungs": [100]}, {"rungs": "nonsense", "gpus_per_trial": "?"}])
def test_whatever_is_missing_nothing_is_raised(
    case: int, settings: dict[str, object], bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    sweep = bare_sweep(odd(bare_run)[case], settings=settings)
    assert section(Evidence(sweep)).blocks


def many(bare_run: MakeRun, trials: int) -> Sequence[Run]:
    rng = np.random.default_rng(0)
    runs = []
    for index in range(trials):
        ends = index % 10 == 0
        last = 40_000 if ends else int(rng.choice([1000, 9000]))
        steps = range(100, last + 1, 100)
        values = {step: float(rng.random()) for step in steps}
        state = "COMPLETE" if ends else "PRUNED"
        runs.append(bare_run(index, {"AP_S": values}, state=state, max_steps=40_000, steps_per_second=4))
    return runs


def test_many_trials_are_thinned_on_the_page_and_whole_in_the_tables(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    evidence = Evidence(bare_sweep(many(bare_run, 1000), settings={"rungs": [1000, 9000]}))
    began = time.process_time()
    made = section(evidence)
    assert time.process_time() - began < 5
    points = sum(len(line.x) for line in chart(made, "learning_curves").series)
    assert points <= (2 * MOST_CURVES + 2) * (MOST_POINTS + 2)
    assert f"spread evenly by their last value, {MOST_CURVES} at most" in texts(made)
    assert len(table(made, "stopped_trials").data) == 900
