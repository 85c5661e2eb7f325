import json
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

ROOT = Path(__file__).parents[2]
TRIALS = 2
SHORT = "training.max_steps=4 validation.val_check_interval=2 batch_size.train=2"


def make_sweep(raw: Path, demo: Path) -> str:
    # `-o install`: everything is installed where this test runs.
    command = ["make", "sweep", "-o", "install", f"VENV={sys.prefix}", f"DEMO={demo}", f"DATA={raw}"]
    done = subprocess.run(
        [*command, f"TRIALS={TRIALS}", f"OVERRIDES={SHORT}"], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not (Path(sys.prefix) / "bin" / "python").exists(), reason="needs a virtual environment")
def test_make_sweep_searches_on_real_recordings_and_a_second_time_shows_the_result(
    shared_dir: Path, tmp_path: Path
) -> None:
    raw, demo = shared_dir / "data" / "figure_640x480", tmp_path / "demo"
    first = make_sweep(raw, demo)
    assert "AP_S" in first
    assert "mlflow" in first
    status = subprocess.run(
        [sys.executable, "-m", "sweep", "status", raw.name, "--storage", demo / "sweeps", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    trials = json.loads(status.stdout)["trials"]
    assert len(trials) == TRIALS
    assert trials[0]["state"] == "COMPLETE"

    client = MlflowClient(f"sqlite:///{demo}/sweeps/mlflow.db")
    (experiment,) = (found for found in client.search_experiments() if found.name != "Default")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1 + TRIALS
    finished_ap = next(run.data.metrics["AP"] for run in runs if run.data.tags.get("evsweep.trial") == "0")
    assert finished_ap == pytest.approx(trials[0]["metrics"]["AP"])

    report = demo / "report" / "report.html"
    assert f"Sweep {raw.name}" in report.read_text()
    (parent,) = (run for run in runs if run.data.tags["evsweep.kind"] == "sweep")
    assert "report/report.html" in [file.path for file in client.list_artifacts(parent.info.run_id, "report")]

    second = make_sweep(raw, demo)
    assert len(client.search_runs([experiment.experiment_id])) == 1 + TRIALS
    assert "COMPLETE" in second
