import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from reports.run_files import Missing, read_config, read_match_records
from reports.runs import Run, Sweep
from reports.tracking_reader import TrackingReader
from trainable.errors import TrackingError

Publish = Callable[..., Sweep]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a store that the tests of this module share."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def made(store: str, publish_sweep: Publish) -> Sweep:
    """A sweep named "demo" as it was published."""
    return publish_sweep(store, trials=4, finalists=(0,), seeds=2)


@pytest.fixture(scope="module")
def read(store: str, made: Sweep) -> Iterator[Sweep]:
    """The same sweep as it was read."""
    with TrackingReader(store) as reader:
        yield reader.sweep("demo")


@pytest.fixture
def hostile(store: str, made: Sweep) -> Iterator[tuple[MlflowClient, str, str]]:
    """A sweep in the same experiment, of runs that somebody wrote by hand; its client, experiment and parent run."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("traffic").experiment_id
    parent = client.create_run(experiment, run_name="by hand", tags={"evsweep.kind": "sweep"}).info.run_id
    yield client, experiment, parent
    client.delete_run(parent)


def add(client: MlflowClient, experiment: str, parent: str, name: str, **tags: str) -> str:
    tags = {f"evsweep.{tag}": text for tag, text in tags.items()}
    return client.create_run(experiment, run_name=name, tags={"mlflow.parentRunId": parent, **tags}).info.run_id


def all_runs(sweep: Sweep) -> tuple[Run, ...]:
    return sweep.own, *sweep.trials, *sweep.confirmations


def test_a_published_sweep_is_read_as_it_was_made(made: Sweep, read: Sweep) -> None:
    assert read.problems == ()
    assert read.space == made.space
    assert read.objectives == made.objectives
    assert (len(read.trials), len(read.confirmations)) == (4, 2)
    for was, now in zip(all_runs(made), all_runs(read), strict=True):
        assert (now.name, now.state, now.reason) == (was.name, was.state, was.reason)
        assert (now.index, now.seed, now.is_baseline) == (was.index, was.seed, was.is_baseline)
        assert now.parameters == was.parameters
        assert was.tags.items() <= now.tags.items()
        assert now.metrics == pytest.approx(dict(was.metrics), rel=0, abs=0)
        assert now.curves.keys() == was.curves.keys()
        for name, curve in was.curves.items():
            assert np.array_equal(now.curves[name].steps, curve.steps)
            assert np.array_equal(now.curves[name].values, curve.values)
        assert now.artifacts.paths() == was.artifacts.paths()
        for path in was.artifacts.paths():
            theirs, ours = was.artifacts.file(path), now.artifacts.file(path)
            assert theirs is not None
            assert ours is not None
            assert ours.read_bytes() == theirs.read_bytes()
        assert (now.ended_ms is None) == (now.state == "RUNNING")


def test_files_in_a_folder_of_this_machine_are_not_copied(store: str, read: Sweep) -> None:
    file = read.trials[0].artifacts.file("config.yaml")
    assert file is not None
    assert file.is_relative_to(Path(store.removeprefix("sqlite:///")).parent / "mlartifacts")


def test_a_sweep_and_a_run_are_found_by_their_ids(store: str, read: Sweep) -> None:
    with TrackingReader(store) as reader:
        assert reader.sweep(read.own.run_id).own.run_id == read.own.run_id
        assert reader.run(read.trials[2].run_id).name == read.trials[2].name
        assert reader.run(read.trials[2].name).curves["AP"].steps.tolist() == [100, 200]
        assert reader.kind("demo") == reader.kind(read.own.run_id) == "sweep"
        assert reader.kind(read.trials[0].name) == reader.kind(read.trials[0].run_id) == "run"


def test_names_that_are_not_there_are_answered_with_the_nearest(store: str, read: Sweep) -> None:
    trial = read.trials[0]
    with TrackingReader(store) as reader:
        with pytest.raises(TrackingError, match=r"no sweep named 'dmeo'.*nearest.*'demo'"):
            reader.sweep("dmeo")
        with pytest.raises(TrackingError, match=r"no run '0000 baseline'.*nearest.*'0000 baseline rate"):
            reader.run("0000 baseline")
        with pytest.raises(TrackingError, match="no run"):
            reader.kind("f" * 32)
        with pytest.raises(TrackingError, match=r"is a run named '0000 baseline .*not a sweep's parent.*'demo'"):
            reader.sweep(trial.run_id)


def test_several_of_one_name_are_listed_with_ids_and_times(store: str, hostile: Any) -> None:
    client, experiment, parent = hostile
    second = client.create_run(experiment, run_name="by hand", tags={"evsweep.kind": "sweep"}).info.run_id
    try:
        with TrackingReader(store) as reader:
            with pytest.raises(TrackingError, match=r"2 sweeps .* are named 'by hand'") as raised:
                reader.sweep("by hand")
            assert f"{parent}, started 20" in str(raised.value)
            assert second in str(raised.value)
            assert reader.sweep(second).own.run_id == second
    finally:
        client.delete_run(second)


def test_runs_written_by_hand_are_read_with_what_they_have(store: str, hostile: Any) -> None:
    client, experiment, parent = hostile
    script = "<script>alert(1)</script>"
    client.set_tag(parent, "evsweep.objectives", f"no such metric, AP, {script}")
    client.set_tag(parent, "evsweep.constraints", "AP>=nonsense, AR<=0.5, ;")
    named = add(client, experiment, parent, script, phase="trials", trial="1")
    add(client, experiment, parent, "without number", phase="trials", trial="1e3")
    add(client, experiment, parent, "same number", phase="trials", trial="1")
    add(client, experiment, parent, "stray")
    gone = add(client, experiment, parent, "gone", phase="trials", trial="2")
    client.delete_run(gone)
    for step, value in enumerate((float("nan"), float("inf"), 0.25, -float("inf"), 1.7976931348623157e308)):
        client.log_metric(named, "AP", value, step=step)
    client.log_metric(named, "AP50", float("nan"), step=1)
    client.log_metric(named, "AR", 0.5, step=1, timestamp=1000)
    client.log_metric(named, "AR", 0.75, step=1, timestamp=2000)
    client.log_metric(named, "speed/x", 1.0, step=-3)
    client.set_terminated(named, "FINISHED")
    with TrackingReader(store) as reader:
        sweep = reader.sweep("by hand")
        with pytest.raises(TrackingError, match="was deleted"):
            reader.run(gone)
        with pytest.raises(TrackingError, match="was deleted"):
            reader.sweep(gone)
    assert [run.name for run in sweep.trials] == [script, "same number", "without number"]
    run = sweep.trials[0]
    assert run.metrics == {"AR": 0.75, "speed/x": 1.0}
    assert {name: (curve.steps.tolist(), curve.values.tolist()) for name, curve in run.curves.items()} == {
        "AP": ([2], [0.25]),
        "AR": ([1], [0.75]),
        "speed/x": ([-3], [1.0]),
    }
    assert sweep.space is None
    text = "\n".join(sweep.problems)
    assert "space.yaml of 'by hand' cannot be used: there is no folder" in text
    assert "evsweep.trial, a trial: 'without number'" in text
    assert "'same number'" in text
    assert "'stray'" in text
    assert "'no such metric', 'AP'" in text
    records = read_match_records(run)
    assert isinstance(records, Missing)
    assert records.reason.startswith(f"The file match_records of '{script}' cannot be used: there is no folder /")
    assert records.reason.endswith(" on this machine.")


def test_a_running_sweep_is_read(store: str, publish_sweep: Publish) -> None:
    publish_sweep(store, trials=2, states=("RUNNING", "STOPPED"), finalists=(), state="RUNNING", name="running")
    with TrackingReader(store) as reader:
        sweep = reader.sweep("running")
    assert (sweep.own.state, sweep.own.ended_ms) == ("RUNNING", None)
    assert [(run.state, run.reason, run.last_step) for run in sweep.trials] == [
        ("RUNNING", "", 100),
        ("STOPPED", "stopped by hand", 100),
    ]


def test_a_space_that_cannot_be_read_is_a_problem(store: str, made: Sweep, read: Sweep) -> None:
    file = read.own.artifacts.file("space.yaml")
    assert file is not None
    whole = file.read_text()
    try:
        file.write_text("dimensions: {a: !!python/object/apply:os.system ['false']}")
        with TrackingReader(store) as reader:
            sweep = reader.sweep("demo")
    finally:
        file.write_text(whole)
    assert sweep.space is None
    assert len(sweep.problems) == 1
    assert "space.yaml of 'demo' cannot be read" in sweep.problems[0]
    assert len(sweep.trials) == 4


def test_reading_leaves_the_database_as_it_is(store: str, made: Sweep, tmp_path: Path) -> None:
    copy = tmp_path / "kept.db"
    copy.write_bytes(Path(store.removeprefix("sqlite:///")).read_bytes())
    before = copy.read_bytes(), copy.stat().st_mtime_ns
    copy.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        with TrackingReader(f"sqlite:///{copy}") as reader:
            assert len(reader.sweep("demo").trials) == 4
    finally:
        tmp_path.chmod(0o755)
    assert (copy.read_bytes(), copy.stat().st_mtime_ns) == before
    assert os.listdir(tmp_path) == ["kept.db"]


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"found no such file"):
        TrackingReader(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_file_that_is_no_database_of_mlflow_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(content)
    with pytest.raises(TrackingError, match="cannot be read as an MLflow server or database"):
        TrackingReader(f"sqlite:///{tmp_path / 'other.db'}")


def test_values_that_mlflow_never_writes_are_an_error_and_no_crash(store: str, made: Sweep, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(Path(store.removeprefix("sqlite:///")).read_bytes())
    with sqlite3.connect(damaged) as connection:
        connection.execute("UPDATE metrics SET value = 'text' WHERE key = 'AP'")
    with TrackingReader(f"sqlite:///{damaged}") as reader, pytest.raises(TrackingError, match="cannot be read"):
        reader.sweep("demo")


def test_a_server_that_does_not_answer_is_an_error_within_seconds() -> None:
    begin_s = time.monotonic()
    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:9 cannot be read") as raised:
        TrackingReader("http://user:secret@127.0.0.1:9")
    assert "secret" not in str(raised.value)
    assert time.monotonic() - begin_s < 15


def test_an_address_that_mlflow_does_not_know_is_refused() -> None:
    with pytest.raises(TrackingError, match=r"must be http\(s\)://HOST or a database.*got './mlruns'"):
        TrackingReader("./mlruns")


def test_artifacts_at_addresses_that_a_run_made_up_are_not_asked_for(store: str, hostile: Any) -> None:
    client, experiment, parent = hostile
    run_id = add(client, experiment, parent, "elsewhere", phase="trials", trial="0")
    with TrackingReader(store) as reader:
        elsewhere = (
            "http://127.0.0.1:9/x",
            "mlflow-artifacts://127.0.0.1:9/x",
            "runs:/abc",
            "http://[",
            "",
            "relative",
        )
        for address in (*elsewhere, "file:///etc", "file:///a%00b", "/none"):
            with sqlite3.connect(store.removeprefix("sqlite:///")) as connection:
                connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (address, run_id))
            run = reader.run(run_id)
            config = read_config(run)
            assert isinstance(config, Missing)
            assert "config.yaml of 'elsewhere'" in config.reason
            assert ("are not fetched" in config.reason) == (address in elsewhere and address != "http://[")
