"""The metrics of the Prophesee protocol, computed once with its own code over pycocotools."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainable.evaluation import GEN1_BOX_FILTER, GEN4_BOX_FILTER, Metrics, MetricSet, evaluate

CASES = {
    "gen4_ds2": (("pedestrian", "two-wheeler", "car"), GEN4_BOX_FILTER, True),
    "gen4": (("pedestrian", "two-wheeler", "car"), GEN4_BOX_FILTER, False),
    "gen1": (("car", "pedestrian"), GEN1_BOX_FILTER, False),
}


@pytest.fixture(scope="module", params=CASES)
def golden(request: pytest.FixtureRequest, shared_dir: Path) -> tuple[Metrics, dict[str, dict[str, float]]]:
    class_names, box_filter, half = CASES[request.param]
    with np.load(shared_dir / "golden" / "evaluation.npz") as data:
        frames = {
            kind: [
                data[f"{request.param}_{kind}"][data[f"{request.param}_{kind}_frame"] == frame] for frame in range(150)
            ]
            for kind in ("gt", "dt")
        }
    metrics = evaluate(
        frames["gt"], frames["dt"], class_names=class_names, box_filter=box_filter, downsample_by_factor_2=half
    )
    expected = json.loads((shared_dir / "golden" / "evaluation.json").read_text())
    return metrics, expected[request.param]


@pytest.mark.parametrize("kind", ["unfiltered", "prophesee"])
def test_metrics_equal_those_of_the_prophesee_protocol(
    golden: tuple[Metrics, dict[str, dict[str, float]]], kind: str
) -> None:
    metrics, expected = golden
    figures: MetricSet = getattr(metrics, kind)
    for name, value in expected[kind].items():
        actual = getattr(figures, name.replace("AP_50", "AP50").replace("AP_75", "AP75"))
        assert actual == pytest.approx(np.nan if value == -1 else value, abs=1e-9, nan_ok=True), name


def test_headline_is_the_unfiltered_figure(golden: tuple[Metrics, dict[str, dict[str, float]]]) -> None:
    metrics, expected = golden
    np.testing.assert_allclose(metrics.AP, expected["unfiltered"]["AP"], rtol=0, atol=1e-9)
    assert abs(metrics.AP - expected["prophesee"]["AP"]) > 1e-3
