import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from reports.compare import (
    Side,
    comparison_blocks,
    comparison_document,
    metric_differences,
    metrics_table,
    side_of_run,
    side_of_sweep,
)
from reports.document.blocks import Paragraph, Table
from reports.document.cells import shown_rows
from reports.evidence import Evidence
from reports.parameter_differences import parameter_differences
from reports.run_files import Missing
from reports.runs import Run, Sweep
from reports.terminal import show_comparison

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]


@pytest.fixture(scope="module")
def sides(make_run: MakeRun) -> tuple[Side, Side]:
    weak = make_run(0, quality=0.2, parameters={"model.head.size_aware_loss": False})
    strong = make_run(1, quality=0.8, parameters={"model.head.size_aware_loss": True, "training.learning_rate": 0.02})
    return side_of_run(weak), side_of_run(strong)


def printed(*sides: Side) -> str:
    text = io.StringIO()
    show_comparison(*sides, Console(file=text, width=200))
    return text.getvalue()


def side(evidence: Evidence) -> Side:
    found = side_of_sweep(evidence)
    assert isinstance(found, Side)
    return found


def test_only_parameters_that_differ_are_named_and_none_about_where_a_run_lies(make_run: MakeRun) -> None:
    one = make_run(parameters={"training.learning_rate": 0.001})
    other = make_run(parameters={"training.learning_rate": 0.002})
    other = replace(other, parameters={**other.parameters, "run_dir": "/elsewhere", "added": "1"})
    found = parameter_differences(one, other)
    assert found.to_dict("list") == {
        "key": ["added", "training.learning_rate"],
        "reference": [None, "0.001"],
        "candidate": ["1", "0.002"],
    }


def test_a_run_against_itself_differs_in_nothing(make_run: MakeRun) -> None:
    run = make_run()
    metrics = metric_differences(side_of_run(run), side_of_run(run))
    assert not isinstance(metrics, Missing)
    assert (metrics["difference"] == 0).all()
    assert "Both have the same parameters." in printed(side_of_run(run), side_of_run(run))


def test_differences_are_the_candidates_less_the_references(sides: tuple[Side, Side]) -> None:
    metrics = metric_differences(*sides)
    assert not isinstance(metrics, Missing)
    rows = metrics.set_index("metric")
    for name in ("AP", "AP_S", "prophesee/AP"):
        before, after = (one.run.metrics[name] for one in sides)
        assert rows.loc[name, "difference"] == pytest.approx(after - before)
        assert rows.loc[name, "reference"] == pytest.approx(before)
        assert rows.loc[name, "difference_low"] < after - before < rows.loc[name, "difference_high"]
    assert set(metrics["verdict"]) == {"not shown"}, "one seed proves nothing"


def test_with_several_seeds_on_both_sides_a_large_difference_is_shown(make_sweep: MakeSweep) -> None:
    weak = make_sweep(name="old", trials=3, states=["COMPLETE"] * 3, qualities=[0.1, 0.1, 0.1], finalists=(0, 1))
    strong = make_sweep(name="new", trials=3, states=["COMPLETE"] * 3, qualities=[0.1, 0.9, 0.9], finalists=(0, 1))
    reference, candidate = side(Evidence(weak)), side(Evidence(strong))
    assert (reference.name, candidate.name) == ("old, trial 1", "new, trial 1")
    metrics = metric_differences(reference, candidate)
    assert not isinstance(metrics, Missing)
    assert metrics.set_index("metric").loc["AP", "verdict"] == "better"
    assert metrics["candidate_seeds"].tolist() == [3] * len(metrics)
    table = metrics_table("metric_differences", ("old", "new"), metrics)
    rows = {row.cells[0].text: [cell.text for cell in row.cells[-2:]] for row in shown_rows(table)}
    assert rows["AP"] == ["over 99.9 %", "< 0.001"], "never told as certain"


def test_a_run_that_was_stopped_is_compared_and_marked(make_run: MakeRun) -> None:
    stopped, complete = side_of_run(make_run(3, state="PRUNED")), side_of_run(make_run(4))
    said = [block.text for block in comparison_blocks(stopped, complete) if isinstance(block, Paragraph)]
    assert any("stopped at a rung, after 100 steps" in text for text in said)
    assert "its figures are not final" in printed(stopped, complete)


def test_missing_records_are_a_sentence_and_the_parameters_are_still_compared(make_run: MakeRun) -> None:
    bare = side_of_run(make_run(5, left_out=["match_records"], parameters={"training.learning_rate": 0.5}))
    text = printed(bare, side_of_run(make_run(6)))
    assert "training.learning_rate" in text
    assert "match_records" in text
    blocks = list(comparison_blocks(bare, side_of_run(make_run(6))))
    assert any(isinstance(block, Table) and block.name == "parameter_differences" for block in blocks)


def test_a_sweep_without_a_complete_trial_has_no_side(make_sweep: MakeSweep) -> None:
    running = make_sweep(trials=1, states=["RUNNING"], finalists=(), name="young")
    found = side_of_sweep(Evidence(running))
    assert isinstance(found, Missing)
    assert "young" in found.reason


def test_hostile_names_and_values_reach_the_terminal_as_plain_text(make_run: MakeRun) -> None:
    hostile = "[red]\x1b[2J<script>\u202e"
    run = make_run(7, name=hostile)
    run = replace(run, parameters={**run.parameters, "model.fpn.name": hostile})
    text = printed(side_of_run(make_run(8)), side_of_run(run))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def test_the_document_names_both_and_the_order_of_the_difference(sides: tuple[Side, Side]) -> None:
    document = comparison_document(*sides)
    assert document.title == f"{sides[1].name} against {sides[0].name}"
    assert [section.name for section in document.sections] == ["comparison"]
