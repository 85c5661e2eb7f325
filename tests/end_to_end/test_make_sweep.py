import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

ROOT = Path(__file__).parents[2]
TRIALS = 2
SHORT = "training.max_steps=4 validation.val_check_interval=2 batch_size.train=2"
SECTIONS = (
    "answer",
    "leaderboard",
    "trade-offs",
    "what-matters",
    "sizes-and-classes",
    "search-history",
    "pictures",
    "repeating",
)

pytestmark = pytest.mark.skipif(
    not (Path(sys.prefix) / "bin" / "python").exists(), reason="needs a virtual environment"
)


def make_sweep(raw: Path, demo: Path) -> str:
    # `-o install`: everything is installed where this test runs.
    command = ["make", "sweep", "-o", "install", f"VENV={sys.prefix}", f"DEMO={demo}", f"DATA={raw}"]
    done = subprocess.run(
        [*command, f"TRIALS={TRIALS}", f"OVERRIDES={SHORT}"], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def raw(shared_dir: Path) -> Path:
    return shared_dir / "data" / "figure_640x480"


@pytest.fixture(scope="module")
def demo(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make sweep` leaves on real recordings."""
    demo = tmp_path_factory.mktemp("made") / "demo"
    said = make_sweep(raw, demo)
    assert "AP_S" in said
    assert "mlflow" in said
    return demo


def published(demo: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{demo}/sweeps/mlflow.db")
    (experiment,) = (found for found in client.search_experiments() if found.name != "Default")
    return list(client.search_runs([experiment.experiment_id]))


def test_the_sweeps_trials_are_in_mlflow_with_their_results(demo: Path, raw: Path) -> None:
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
    runs = published(demo)
    assert len(runs) == 1 + TRIALS
    finished_ap = next(run.data.metrics["AP"] for run in runs if run.data.tags.get("evsweep.trial") == "0")
    assert finished_ap == pytest.approx(trials[0]["metrics"]["AP"])


def test_the_report_is_written_and_attached_to_the_sweeps_run(demo: Path, raw: Path) -> None:
    assert f"Sweep {raw.name}" in (demo / "report" / "report.html").read_text()
    (parent,) = (run for run in published(demo) if run.data.tags["evsweep.kind"] == "sweep")
    attached = MlflowClient(f"sqlite:///{demo}/sweeps/mlflow.db").list_artifacts(parent.info.run_id, "report")
    assert "report/report.html" in [file.path for file in attached]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_opens_whole_and_asks_nobody_for_anything(browser: Any, demo: Path, width: int) -> None:
    page = demo / "report" / "report.html"
    browser.open(page, width=width)
    assert browser.value("[...document.querySelectorAll('section > h2')].map(one => one.id)")[:8] == list(SECTIONS)
    assert browser.value("document.querySelectorAll('figure.failed').length") == 0
    charts = "[...document.querySelectorAll('figure.chart')].filter(box => !box.closest('details'))"
    assert browser.value(f"{charts}.length") >= 5
    assert browser.value(f"{charts}.every(box => box.querySelector('.plot .main-svg .plotbg, .plot .cartesianlayer'))")
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]


def test_a_second_time_the_result_is_shown_again(demo: Path, raw: Path) -> None:
    assert "COMPLETE" in make_sweep(raw, demo)
    assert len(published(demo)) == 1 + TRIALS
