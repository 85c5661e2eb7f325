"""What matters: the section's statements, tables and charts."""

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np
import pytest

from reports.charts.chart import Chart
from reports.charts.study_chart import StudyChart
from reports.document.blocks import Block, Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.runs import Run, Sweep
from reports.sections.importance import section
from search_spaces import load_space

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]


def flat(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from flat(block.blocks)


def texts(section: Section) -> str:
    return "\n".join(block.text for block in flat(section.blocks) if isinstance(block, Paragraph))


def made(trials: int, complete: int, bare_run: MakeRun, bare_sweep: MakeSweep) -> Sweep:
    """Trials whose results follow from the weight alone; `complete` of them trained to the end."""
    space, random, rng = load_space("size_aware"), Random(1), np.random.default_rng(1)
    runs = []
    for index in range(trials):
        point = dict(space.fixed)
        for dimension in space.dimensions:
            if dimension.is_active(point):
                point[dimension.key] = dimension.draw(random, point)
        value = 0.3 - 0.02 * abs(point["model.head.size_aware_weight"] - 2.5) + 0.0005 * rng.random()
        ends = index < complete
        curve = {100: value / 2, 400: value} if ends else {100: value / 2}
        state = "COMPLETE" if ends else "PRUNED"
        runs.append(bare_run(index, {"AP_S": curve, "AP": curve}, state=state, parameters=point))
    return bare_sweep(runs, space=space, objectives=("AP_S", "AP"))


def test_the_parameter_that_decides_is_named_with_the_trials_behind_it(
    bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    found = section(Evidence(made(60, 40, bare_run, bare_sweep)))
    assert 'AP_S at the end of training (40 trials): what stands out from chance is "weight" (' in texts(found)
    table = next(block for block in found.blocks if isinstance(block, Table) and block.name == "importance")
    first = table.data.iloc[0]
    assert (first["parameter"], first["end_above_chance"], first["rung_above_chance"]) == ("weight", "yes", "yes")
    assert (first["end_trials"], first["rung_trials"]) == (40, 60)
    medium = table.data[table.data["parameter"] == "medium / small"].iloc[0]
    assert 0 < medium["end_trials"] < 40
    assert not [
        block
        for block in found.blocks
        if isinstance(block, Paragraph) and block.kind == "warning" and "hints" in block.text
    ]


def test_few_trials_are_called_a_hint_and_fewer_give_no_importance(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    assert "hints at most" in texts(section(Evidence(made(15, 15, bare_run, bare_sweep))))
    few = section(Evidence(made(4, 3, bare_run, bare_sweep)))
    assert "3 trials can be compared at the end of training: too few" in texts(few)
    assert not [block for block in few.blocks if isinstance(block, Table) and block.name == "importance"]


def test_values_of_stopped_trials_are_never_taken_for_final_ones(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    found = section(Evidence(made(30, 1, bare_run, bare_sweep)))
    text = texts(found)
    assert "1 trial can be compared at the end of training: too few" in text
    assert "at the first rung, 100 steps (30 trials)" in text
    assert "Fewer than two trials have results at the end of training, so that no slices are drawn." in text


@pytest.mark.parametrize("trials", [6, 60])
def test_optunas_charts_can_be_drawn_for_page_and_print(trials: int, bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    from matplotlib import pyplot

    style = dict(pyplot.rcParams)
    found = section(Evidence(made(trials, trials // 2, bare_run, bare_sweep)))
    charts = [block for block in flat(found.blocks) if isinstance(block, StudyChart)]
    assert len({chart.name for chart in charts}) == len(charts)
    assert any(chart.name.startswith("contour_") for chart in charts) == (trials >= 6)
    for chart in charts[:3] + charts[-1:]:
        page = chart.for_page().to_json()
        assert len(page) < 300_000
        assert "%" in chart.alternative
        assert chart.for_print().axes
    assert pyplot.get_fignums() == []
    assert dict(pyplot.rcParams) == style


def test_trials_keep_their_numbers_in_optunas_charts(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = made(40, 40, bare_run, bare_sweep)
    later = bare_sweep(sweep.trials[25:], space=sweep.space, objectives=sweep.objectives)
    chart = next(block for block in section(Evidence(later)).blocks if isinstance(block, StudyChart))
    numbers = {int(number) for trace in chart.for_page().data for number in trace.marker.color}
    assert numbers == set(range(25, 40))


@pytest.mark.parametrize("index", [None, "999999999"])
def test_a_number_that_no_sweep_reaches_is_not_counted_up_to(
    index: str | None, bare_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    sweep = made(10, 10, bare_run, bare_sweep)
    sweep.trials[3].tags["evsweep.trial"] = index or ""
    chart = next(block for block in section(Evidence(sweep)).blocks if isinstance(block, StudyChart))
    assert len(chart.for_page().data[0].x) == 10


def test_missing_things_are_said_and_nothing_is_raised(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    without_space = bare_sweep([bare_run(0, {"AP_S": {400: 0.1}})])
    assert "cannot be read" in texts(section(Evidence(without_space)))
    empty = bare_sweep([], space=load_space("size_aware"))
    assert "0 trials can be compared" in texts(section(Evidence(empty)))
    equal = bare_sweep(
        [bare_run(index, {"AP_S": {400: 0.0}}, parameters={"training.weight_decay": 0}) for index in range(20)],
        space=load_space("optimizer"),
    )
    assert "was not recorded" in texts(section(Evidence(equal)))


def test_equal_results_make_no_parameter_matter(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = made(30, 30, bare_run, bare_sweep)
    for run in sweep.trials:
        run.curves["AP_S"].values[:] = 0.0
    found = section(Evidence(sweep))
    assert "no parameter can matter" in texts(found)
    assert [chart.name for chart in found.blocks if isinstance(chart, Chart)] == ["importance_ap"]


def test_a_thousand_trials_take_a_few_seconds(bare_run: MakeRun, bare_sweep: MakeSweep) -> None:
    sweep = made(1000, 60, bare_run, bare_sweep)
    began = time.process_time()
    section(Evidence(sweep))
    assert time.process_time() - began < 15
