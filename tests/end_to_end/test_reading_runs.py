"""The same sweep read from a tracking server and from its database."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient

from reports import served_runs
from reports.run_files import Missing, read_config
from reports.runs import Curve, Run, Sweep
from reports.tracking_reader import TrackingReader
from search_spaces import load_space
from trainable.config import compose
from trainable.errors import TrackingError
from trainable.tracking import RunTracking, publish
from trainable.tracking.attach import attach_files

TRIALS = 7
STEPS = range(100, 700, 100)
SCRIPT = "<script>alert(1)</script> ' \" % ü"


@pytest.fixture(scope="module")
def published(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a sweep whose runs are on the server, with curves, a configuration and figures that are undefined."""
    folder = tmp_path_factory.mktemp("sweep")
    config = compose(["dataset=demo", "dataset.path=no data needed", "+experiment=demo"])
    parent = RunTracking.start(
        folder,
        experiment="traffic",
        uri=None,
        run_name=SCRIPT,
        tags={"evsweep.kind": "sweep", "evsweep.objectives": "AP_S, AP"},
    )
    parent.metrics({"best/AP": 0.5}, 700)
    (folder / "space.yaml").write_text(yaml.safe_dump(load_space("demo").to_dict(), sort_keys=False))
    parent.artifact(folder / "space.yaml")
    for index in range(TRIALS):
        run = folder / "trials" / f"{index:04d}"
        tracking = RunTracking.start(
            run,
            experiment="traffic",
            uri=None,
            run_name=f"{index:04d} {SCRIPT}",
            parent_run_id=parent.run_id,
            tags={"evsweep.kind": "trial", "evsweep.phase": "trials", "evsweep.trial": str(index)},
        )
        tracking.parameters(config.to_dict())
        (run / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
        tracking.artifact(run / "config.yaml")
        for step in STEPS:
            figures = {name: (index + 1) / step for name in ("AP", "AP_S", "train/loss", "speed/steps_per_second")}
            tracking.metrics({**figures, "AP_L": float("nan"), "not/read": 1.0}, step)
        if index < TRIALS - 1:
            tracking.close("FINISHED" if index % 2 else "KILLED", "" if index % 2 else "stopped early at step 600")
    parent.close("FINISHED")
    server.start()
    publish(folder, server.uri)
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("traffic").experiment_id
    own = next(run.info.run_id for run in client.search_runs([experiment]) if run.info.run_name == SCRIPT)
    by_hand = client.create_run(experiment, run_name="by hand", tags={"mlflow.parentRunId": own}).info.run_id
    for step, value in enumerate((float("inf"), float("nan"), 0.5, 1.7976931348623157e308)):
        client.log_metric(by_hand, "AP", value, step=step)
    client.set_tag(by_hand, "evsweep.phase", "confirm")
    deleted = client.create_run(experiment, run_name="deleted", tags={"mlflow.parentRunId": own}).info.run_id
    client.delete_run(deleted)
    return folder


def plain(sweep: Sweep) -> dict[str, object]:
    """All of a sweep that can be compared, apart from where it was read from."""

    def plain_curve(curve: Curve) -> tuple[bytes, bytes, type, type]:
        return curve.steps.tobytes(), curve.values.tobytes(), curve.steps.dtype.type, curve.values.dtype.type

    def plain_run(run: Run) -> dict[str, object]:
        curves = {name: plain_curve(curve) for name, curve in run.curves.items()}
        return {**asdict(replace(run, artifacts=None, curves={})), "curves": curves}  # type: ignore[arg-type]

    return {
        "own": plain_run(sweep.own),
        "trials": [plain_run(run) for run in sweep.trials],
        "confirmations": [plain_run(run) for run in sweep.confirmations],
    }


def test_a_server_and_its_database_give_the_same(
    server: Any, published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(served_runs, "RUNS_PER_PAGE", 3)
    monkeypatch.setattr(served_runs, "RUNS_PER_CALL", 3)
    monkeypatch.setattr(served_runs, "POINTS_PER_CALL", 10)
    with TrackingReader(server.uri) as reader:
        served = reader.sweep(SCRIPT)
        assert served.space == load_space("demo")
        assert [run.index for run in served.trials] == list(range(TRIALS))
        assert [run.state for run in served.trials[-3:]] == ["PRUNED", "COMPLETE", "RUNNING"]
        assert len(served.confirmations) == 1
        assert served.confirmations[0].curves["AP"].steps.tolist() == [2]
        assert np.array_equal(served.trials[1].curves["AP_S"].values, 2 / np.array(STEPS))
        assert reader.kind(SCRIPT) == "sweep"
        assert reader.run(served.trials[0].name).run_id == served.trials[0].run_id
        with pytest.raises(TrackingError, match=r"no run 'nothing'.*nearest"):
            reader.run("nothing")
        with pytest.raises(TrackingError, match="no sweep named"):
            reader.sweep("f" * 32)

        trial = served.trials[0]
        assert trial.artifacts.paths() == ("config.yaml",)
        file = trial.artifacts.file("config.yaml")
        assert file is not None
        assert trial.artifacts.file("config.yaml") == file
        assert file.read_bytes() == (published / "trials" / "0000" / "config.yaml").read_bytes()
        assert not isinstance(read_config(trial), Missing)
        (tmp_path / "report.html").write_text("done")
        attach_files(server.uri, served.own.run_id, tmp_path, "report")
        with TrackingReader(server.uri) as again:
            assert "report/report.html" in again.sweep(SCRIPT).own.artifacts.paths()

    assert not file.exists()
    with TrackingReader(f"sqlite:///{server.database}") as reader:
        direct = reader.sweep(SCRIPT)
        assert plain(direct) == plain(served)
        # The database says that a server has the files, and not which.
        assert isinstance(read_config(direct.trials[0]), Missing)


def test_a_server_that_dies_is_an_error_within_seconds(server: Any, published: Path) -> None:
    with TrackingReader(server.uri) as reader:
        server.kill()
        begin_s = time.monotonic()
        with pytest.raises(TrackingError, match="cannot be read"):
            reader.sweep(SCRIPT)
    assert time.monotonic() - begin_s < 20
