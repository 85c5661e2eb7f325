"""The table of all trials, and the published runs beside it."""

from collections.abc import Callable
from math import nan

import pandas as pd
import pytest

from reports.document.blocks import Block, Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.runs import Sweep
from reports.sections.leaderboard import section

Make = Callable[..., Evidence]


def table(found: Section, name: str = "leaderboard") -> Table:
    def flat(blocks: object) -> list[Block]:
        return [one for block in blocks for one in ([block, *block.blocks] if isinstance(block, Details) else [block])]

    return next(block for block in flat(found.blocks) if isinstance(block, Table) and block.name == name)


def notes(found: Section, kind: str = "note") -> list[str]:
    return [block.text for block in found.blocks if isinstance(block, Paragraph) and block.kind == kind]


@pytest.fixture(scope="module")
def evidence(make_sweep: Callable[..., Sweep]) -> Evidence:
    return Evidence(make_sweep(), resamples=100)


def test_confirmed_ones_come_first_then_complete_ones_then_those_that_were_stopped(evidence: Evidence) -> None:
    data = table(section(evidence)).data
    assert list(data["configuration"][:4]) == ["trial 2", "baseline", "trial 7", "trial 1"]
    assert list(data["state"]) == ["confirmed"] * 2 + ["complete"] * 2 + ["stopped at a rung"] * 4
    assert list(data["seeds"]) == [3, 3, 1, 1, 1, 1, 1, 1]
    assert list(data["step"]) == [200] * 4 + [100] * 4
    assert table(section(evidence)).highlighted == (1,)


def test_figures_are_means_over_confirming_runs_with_interval_and_deviation(evidence: Evidence) -> None:
    row = table(section(evidence)).data.iloc[0]
    runs = [run for run in evidence.sweep.confirmations if run.config_hash == evidence.sweep.trials[2].config_hash]
    figures = pd.Series([run.metrics["AP_S"] for run in runs])
    assert row["AP_S"] == pytest.approx(figures.mean())
    assert row["AP_S_deviation"] == pytest.approx(figures.std(ddof=1))
    assert row["AP_S_low"] < row["AP_S"] < row["AP_S_high"]


def test_stopped_trials_show_their_last_validation_without_interval(evidence: Evidence) -> None:
    data = table(section(evidence)).data.set_index("configuration")
    run = evidence.sweep.trials[3]
    assert data.loc["trial 3", "AP50"] == run.metrics["AP50"]
    assert pd.isna(data.loc["trial 3", ["AP_low", "AP_deviation", "gpu_peak_mib"]]).all()


def test_costs_come_from_the_recorded_curves(evidence: Evidence) -> None:
    row = table(section(evidence)).data.set_index("configuration").loc["trial 1"]
    assert row["training_hours"] == pytest.approx((100 / 5.5 + 100 / 6) / 3600)
    assert row["host_mib"] == 1000
    assert row["model_parameters"] == float(evidence.sweep.trials[1].tags["model.parameters"])
    shown = {column.key: column.heading for column in table(section(evidence)).columns}
    assert shown["training_hours"] == "Training time [min]"
    assert shown["host_mib"] == "Peak memory of the host [MiB]"


def test_every_figure_of_the_finalists_has_an_interval(evidence: Evidence) -> None:
    data = table(section(evidence), "finalists").data
    assert set(data["configuration"]) == {"trial 2", "baseline"}
    assert (data["low"] < data["high"]).all()
    assert {"AR", "AP75", "AP_small_classes", "AP_class_agnostic"} <= set(data["metric"])


def test_sizes_say_in_whose_pixels(evidence: Evidence) -> None:
    [reading] = [text for text in notes(section(evidence)) if "px²" in text and "AR" in text]
    assert "up to 256, up to 1024 and above, in px² of the model's input (on the sensor four times as much)" in reading


def test_published_runs_stand_apart_under_the_published_protocol(evidence: Evidence) -> None:
    published = table(section(evidence), "published_runs")
    assert list(published.data["run"][:2]) == ["this sweep: trial 2", "this sweep: baseline"]
    runs = evidence.configurations[0].judged
    expected = sum(run.metrics["prophesee/AP_class_agnostic_S"] for run in runs) / 3
    assert published.data["AP_S"][0] == pytest.approx(expected)
    by_run = published.data.set_index("run")
    assert list(by_run.loc["3scale_baseline_100k", ["AP", "AP_S", "AP_L"]]) == [0.3402, 0.1728, 0.5694]
    assert list(by_run.loc["patch2_4scale_sizeaware_200k", ["AP50", "AP75", "AP_M"]]) == pytest.approx(
        [0.6472, 0.2599, 0.3219]
    )
    assert len(by_run) == 2 + 5
    assert any("no difference to them is evidence" in text for text in notes(section(evidence)))


def test_without_the_published_protocol_nothing_of_this_sweep_stands_beside(
    make_evidence: Make, trial: Callable
) -> None:
    found = section(make_evidence([trial({"AP_S": [20.0], "AP": [30.0]})]))
    assert pd.isna(table(found, "published_runs").data["AP"][0])
    assert notes(found, "warning") == [
        "This sweep's runs have no figures with the Prophesee filter, so none stand beside the published ones."
    ]


def test_what_is_undefined_or_missing_is_so_in_the_table(make_evidence: Make, trial: Callable) -> None:
    found = section(make_evidence([trial({"AP_S": [nan], "AP": [30.0]}), trial({}, state="FAILED")]))
    data = table(found).data
    assert pd.isna(data["AP_S"]).all()
    assert data["AP"][0] == 0.3
    assert list(data["state"]) == ["complete", "failed"]


def test_the_method_stands_here_where_the_answer_has_no_table(make_evidence: Make, trial: Callable) -> None:
    alone = section(make_evidence([trial({"AP_S": [20.0], "AP": [30.0]})]))
    compared = section(make_evidence([trial({"AP": [1.0]}, known_point="baseline"), trial({"AP": [2.0]})]))
    assert [any("bootstrap" in text for text in notes(found)) for found in (alone, compared)] == [True, False]


def test_an_empty_sweep_has_no_table(make_evidence: Make) -> None:
    assert notes(section(make_evidence([])), "warning") == ["This sweep has no trial yet."]
