"""By size and class: counts, differences and the filter, against the metrics of the same match records."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reports import evidence
from reports.charts.chart import Chart
from reports.document.blocks import Details, Paragraph, Section, Table
from reports.evidence import Evidence
from reports.run_files import read_match_records
from reports.runs import Run, Sweep
from reports.sections.sizes_and_classes import section
from trainable.evaluation import MatchRecords, metrics_from_records

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]

BEST = {"model.head.size_aware_loss": True, "model.head.size_aware_weight": 3.0}


@pytest.fixture(scope="module")
def runs(make_run: MakeRun) -> list[Run]:
    """The baseline and a better trial, each confirmed with two seeds."""
    common = {"phase": "confirm", "state": "COMPLETE"}
    return [
        make_run(0, seed=1, quality=0.4, baseline=True, finalist=0, **common),
        make_run(1, seed=2, quality=0.4, baseline=True, finalist=0, **common),
        make_run(2, seed=1, quality=0.7, finalist=3, parameters=BEST, **common),
        make_run(3, seed=2, quality=0.7, finalist=3, parameters=BEST, **common),
    ]


@pytest.fixture(scope="module")
def made(runs: list[Run], bare_sweep: MakeSweep) -> Section:
    return section(Evidence(bare_sweep([], confirmations=runs), resamples=200))


def flats(runs: list[Run]) -> list[dict[str, float]]:
    records = [read_match_records(run) for run in runs]
    return [metrics_from_records(one).flat() for one in records if isinstance(one, MatchRecords)]


def table(made: Section, name: str) -> Table:
    return next(block for block in made.blocks if isinstance(block, Table) and block.name == name)


def test_sizes_hold_the_mean_over_seeds_of_each_configuration_and_their_difference(
    made: Section, runs: list[Run]
) -> None:
    data = table(made, "ap_by_size").data.set_index("size")
    baseline, best = flats(runs[:2]), flats(runs[2:])
    for size, metric in (
        ("all", "AP"),
        ("S: 0 to 256 input px²", "AP_S"),
        ("576-1024 sensor px²", "AP_sensor/576-1024"),
    ):
        row = data.loc[size]
        expected = [np.mean([one[metric] for one in arm]) for arm in (baseline, best)]
        assert [row["baseline"], row["best"]] == pytest.approx(expected, abs=1e-12)
        assert row["difference"] == pytest.approx(expected[1] - expected[0], abs=1e-12)
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        assert 0 <= row["baseline_low"] <= row["baseline"] <= row["baseline_high"] <= 1
    assert data.loc["all", "truths"] == baseline[0]["count/truths"]


def test_classes_hold_every_cell_with_its_truths(made: Section, runs: list[Run]) -> None:
    data = table(made, "ap_by_class_and_size").data
    flat = flats(runs[:1])[0]
    whole = data[data["size"] == "all"].set_index("class")
    assert {name: row["truths"] for name, row in whole.iterrows()} == {
        name: flat[f"count/truths_class/{name}"] for name in ("pedestrian", "two wheeler", "vehicle")
    }
    mean = np.mean([one["AP_class/vehicle"] for one in flats(runs[2:])])
    assert whole.loc["vehicle", "best"] == pytest.approx(mean, abs=1e-12)
    fine = data[data["size"] != "all"].groupby("size")["truths"].sum()
    assert fine["0-256 sensor px²"] == flat["count/truths_sensor/0-256"]


def test_the_filters_removals_are_counted_and_both_figures_given(made: Section, runs: list[Run]) -> None:
    data = table(made, "box_filter").data.set_index("size")
    flat = flats(runs[:1])[0]
    assert data.loc["all", "removed"] == flat["prophesee/count/truths_removed"]
    assert data.loc["all", "truths"] - data.loc["all", "removed"] == flat["prophesee/count/truths"]
    expected = np.mean([one["prophesee/AP_S"] for one in flats(runs[2:])])
    assert data.loc["S: 0 to 256 input px²", "best_filtered"] == pytest.approx(expected, abs=1e-12)
    said = next(block.text for block in made.blocks if isinstance(block, Paragraph) and "Prophesee" in block.text)
    assert f"{flat['prophesee/count/truths_removed']:.0f} of {flat['count/truths']:.0f} truths" in said
    assert "side below 5 or a diagonal below 15 sensor px and the first 0.5 s" in said


def test_precision_over_recall_is_drawn_for_all_and_for_each_class(made: Section, runs: list[Run]) -> None:
    overall = next(block for block in made.blocks if isinstance(block, Chart) and block.name == "precision_recall")
    means = {line.name: np.mean(line.y) / 100 for line in overall.series}
    expected = np.mean([one["AP"] for one in flats(runs[2:])])
    assert means["trial 3, mean over IoU 0.50 to 0.95"] == pytest.approx(expected, abs=1e-12)
    details = next(block for block in made.blocks if isinstance(block, Details))
    assert [chart.title for chart in details.blocks if isinstance(chart, Chart)] == [
        f"Precision over recall, {name} [%]" for name in ("pedestrian", "two wheeler", "vehicle")
    ]


def test_whose_pixels_an_area_is_in_is_always_said(made: Section) -> None:
    for name in ("ap_by_size", "ap_by_class_and_size", "box_filter"):
        sizes = set(table(made, name).data["size"]) - {"all"}
        assert all(size.endswith(("sensor px²", "input px²")) for size in sizes)
    assert any("each of which is 4 sensor px²" in block.text for block in made.blocks if isinstance(block, Paragraph))


def test_the_baseline_alone_is_shown_without_differences(runs: list[Run], bare_sweep: MakeSweep) -> None:
    alone = section(Evidence(bare_sweep([], confirmations=runs[:2]), resamples=50))
    assert "difference" not in table(alone, "ap_by_size").data
    assert "best" not in table(alone, "box_filter").data


def test_what_is_missing_is_said_and_the_rest_is_shown(
    runs: list[Run], make_run: MakeRun, bare_sweep: MakeSweep, bare_run: MakeRun
) -> None:
    lost = make_run(4, phase="confirm", seed=1, finalist=5, parameters=BEST, left_out=["match_records"])
    half = section(Evidence(bare_sweep([], confirmations=[*runs[:2], lost]), resamples=50))
    assert any(isinstance(block, Paragraph) and block.kind == "warning" for block in half.blocks)
    assert table(half, "ap_by_size").data["baseline"].notna().any()
    nothing = section(Evidence(bare_sweep([bare_run(0, {"AP_S": {100: 0.1}}, state="RUNNING")])))
    assert [block.kind for block in nothing.blocks if isinstance(block, Paragraph)] == ["warning"]


def test_a_single_recording_has_figures_without_intervals(
    runs: list[Run], bare_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_recording(run: Run) -> MatchRecords:
        records = read_match_records(run)
        assert isinstance(records, MatchRecords)
        return replace(records, sequence_names=("only",), frame_sequence=records.frame_sequence * 0)

    monkeypatch.setattr(evidence, "read_match_records", one_recording)
    data = table(section(Evidence(bare_sweep([], confirmations=runs), resamples=50)), "ap_by_size").data
    assert data["difference"].notna().any()
    assert data["difference_low"].isna().all()
