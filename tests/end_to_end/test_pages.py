"""MLflow's pages at the addresses that are printed, as a browser shows them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trainable.tracking import RunTracking, TrackingPages, publish, read_progress

STEPS = range(100, 600, 100)


def shown(address: str, profile: Path) -> str:
    """The page's document once its scripts have had time, fetched by a headless Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run(
        [browser, *options, "--virtual-time-budget=30000", address], capture_output=True, text=True, timeout=120
    )
    return done.stdout


def test_the_compare_and_the_metric_page_show_the_runs_and_their_numbers(server: Any, tmp_path: Path) -> None:
    server.start()
    sweep = tmp_path / "sweep"
    RunTracking.start(sweep, experiment="pages", uri=None, run_id="sweep").close("FINISHED")
    for index in range(2):
        run = RunTracking.start(
            sweep / "trials" / f"{index:04d}",
            experiment="pages",
            uri=None,
            run_id=f"trial {index}",
            parent_run_id="sweep",
            run_name=f"{index:04d} weight=2.{index}",
        )
        run.parameters({"model.head.size_aware_weight": 2 + index / 10})
        for step in STEPS:
            run.metrics({"AP_S": round(0.000311 * step * (index + 1), 6)}, step)
        run.close("FINISHED")
    experiment_id = publish(sweep, server.uri).progress.experiment_id
    progress = [read_progress(sweep / "trials" / f"{index:04d}") for index in range(2)]
    runs = [one.mlflow_run_id for one in progress if one is not None]
    pages = TrackingPages(server.uri, experiment_id)

    compare = shown(pages.compare(runs), tmp_path / "profile")
    for text in ("Comparing 2 Runs from 1 Experiment", "0000 weight=2.0", "0001 weight=2.1", *runs):
        assert text in compare
    metric = shown(pages.metric(runs, "AP_S"), tmp_path / "profile")
    for text in ("0.1555 (step=500)", "0.0622 (step=100)", "0.311 (step=500)", "0000 weight=2.0", "0001 weight=2.1"):
        assert text in metric
