"""Precision by size and class, against the metrics of the same match records."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from reports.evidence import Evidence
from reports.precision import ConfigurationPrecision, configuration_precision, mean_of_defined
from reports.run_files import Missing, read_match_records
from reports.runs import Run, Sweep
from trainable.evaluation import MatchRecords, Metrics, metrics_from_records

MakeRun = Callable[..., Run]
MakeSweep = Callable[..., Sweep]


@pytest.fixture(scope="module")
def runs(make_run: MakeRun) -> list[Run]:
    """Two seeds of one configuration."""
    return [make_run(number, phase="confirm", seed=number, quality=0.5, finalist=0) for number in (1, 2)]


def precision_of(runs: list[Run], bare_sweep: MakeSweep) -> ConfigurationPrecision | Missing:
    evidence = Evidence(bare_sweep([], confirmations=runs))
    return configuration_precision(evidence, evidence.configurations[0])


def metrics_of(run: Run) -> Metrics:
    records = read_match_records(run)
    assert isinstance(records, MatchRecords)
    return metrics_from_records(records)


def test_means_of_the_curves_are_the_average_precisions(runs: list[Run], bare_sweep: MakeSweep) -> None:
    found = precision_of(runs, bare_sweep)
    assert isinstance(found, ConfigurationPrecision)
    assert found.runs == 2
    metrics = [metrics_of(run) for run in runs]

    def mean(name: str) -> float:
        return float(np.mean([one.flat()[name] for one in metrics]))

    of_all = mean_of_defined(found.average, axis=1)
    filtered = mean_of_defined(found.average_filtered, axis=1)
    for place, name in enumerate(("AP", "AP_S", "AP_M", "AP_L")):
        assert of_all[place] == pytest.approx(mean(name), abs=1e-12)
        assert filtered[place] == pytest.approx(mean(f"prophesee/{name}"), abs=1e-12)
    assert found.curve(None, None).mean() == pytest.approx(mean("AP"), abs=1e-12)
    assert found.curve(0.5, None).mean() == pytest.approx(mean("AP50"), abs=1e-12)
    for class_id, name in enumerate(found.protocol.class_names):
        assert found.curve(None, class_id).mean() == pytest.approx(mean(f"AP_class/{name}"), abs=1e-12)
        assert found.truths[0, class_id] == mean(f"count/truths_class/{name}")
    for place, area_bin in enumerate(found.protocol.sensor_area_bins, start=4):
        assert of_all[place] == pytest.approx(mean(f"AP_sensor/{area_bin.name}"), abs=1e-12)
        assert found.truths[place].sum() == mean(f"count/truths_sensor/{area_bin.name}")


def test_a_run_without_records_is_left_out_of_the_mean(
    runs: list[Run], make_run: MakeRun, bare_sweep: MakeSweep
) -> None:
    lost = make_run(3, phase="confirm", seed=3, quality=0.5, finalist=0, left_out=["match_records"])
    found = precision_of([*runs, lost], bare_sweep)
    assert isinstance(found, ConfigurationPrecision)
    assert found.runs == 2
    assert isinstance(precision_of([lost], bare_sweep), Missing)


def test_runs_that_were_evaluated_on_other_truths_are_not_averaged(runs: list[Run], bare_sweep: MakeSweep) -> None:
    class Edited(Evidence):
        def records(self, run: Run) -> MatchRecords | Missing:
            records = super().records(run)
            if run is runs[0] or isinstance(records, Missing):
                return records
            return replace(records, protocol=replace(records.protocol, small_object_classes=()))

    evidence = Edited(bare_sweep([], confirmations=runs))
    found = configuration_precision(evidence, evidence.configurations[0])
    assert isinstance(found, Missing)
    assert "not evaluated alike" in found.reason
