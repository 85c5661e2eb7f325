import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from trainable.errors import TrackingError
from trainable.tracking import publish
from trainable.tracking.backlog import Point
from trainable.tracking.entries import HeaderEntry
from trainable.tracking.journal import JOURNAL_NAME, Journal, now_ms
from trainable.tracking.mlflow_run import MlflowRun
from trainable.tracking.progress import PROGRESS_NAME, read_progress, unpublished_lines
from trainable.tracking.publisher import Publisher


@dataclass
class Database:
    uri: str
    client: MlflowClient

    def run(self, run_id: str) -> Run:
        experiment = self.client.get_experiment_by_name("traffic")
        (run,) = self.client.search_runs([experiment.experiment_id], f"tags.`evsweep.run_id` = '{run_id}'")
        return run

    def curve(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        points = self.client.get_metric_history(self.run(run_id).info.run_id, metric)
        return sorted((point.step, point.value) for point in points)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for the module: MLflow takes seconds to make one. Every test has runs of its own in it."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield Database(uri, MlflowClient(uri))


@pytest.fixture
def new_journal(tmp_path: Path, database: Database) -> Callable[..., Journal]:
    """Makes journals whose run identity is the folder's name within this test."""

    def make(name: str = "run", **fields: object) -> Journal:
        header = {"time_ms": 1000, "run_id": f"{tmp_path.name}-{name}", "experiment": "traffic", "uri": database.uri}
        return Journal.create(tmp_path / name, HeaderEntry.model_validate({**header, **fields}))

    return make


def log_steps(journal: Journal, steps: range, offset: float = 0.0) -> None:
    for step in steps:
        journal.metrics({"loss": step + offset}, step)


def test_the_run_on_the_server_is_what_the_journal_says(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    journal = new_journal(run_name="tiny", tags={"group": "patch 3"})
    journal.status("RUNNING")
    journal.parameters({"model": {"patch_size": 3}, "long": "x" * 7000})
    journal.metrics({"loss": 0.5, "AP[0]": 0.25, "AP_S": float("nan"), "diverged": float("inf")}, 7)
    report = journal.directory / "report.txt"
    report.write_text("AP 0.5")
    journal.artifact(report, "figures")
    journal.tags({"note": "day"})
    journal.status("KILLED", "stopped early")
    summary = publish(journal.directory)

    run = database.run(journal.header.run_id)
    assert (run.info.run_name, run.info.status, run.info.start_time) == ("tiny", "KILLED", 1000)
    assert run.data.params["model.patch_size"] == "3"
    assert run.data.params["long"] == "x" * 5999 + "…"
    assert (
        run.data.tags.items() >= {"group": "patch 3", "note": "day", "evsweep.status_reason": "stopped early"}.items()
    )
    assert database.curve(journal.header.run_id, "loss") == [(7, 0.5)]
    assert {name.split("_")[0] for name in run.data.metrics} == {"loss", "AP"}
    assert [f.path for f in database.client.list_artifacts(run.info.run_id, "figures")] == ["figures/report.txt"]
    assert (summary.points_sent, summary.points_there, summary.points_undefined) == (2, 0, 2)
    assert (summary.artifacts_sent, summary.artifacts_there, summary.damaged_lines) == (1, 0, 0)
    assert summary.progress.mlflow_run_id == run.info.run_id


def test_publishing_again_sends_nothing_even_without_the_progress_file(new_journal: Callable[..., Journal]) -> None:
    journal = new_journal()
    log_steps(journal, range(1500))  # more than one call takes
    (journal.directory / "a.txt").write_text("a")
    journal.artifact(journal.directory / "a.txt")
    assert publish(journal.directory).points_sent == 1500
    for _ in range(2):
        again = publish(journal.directory)
        assert (again.points_sent, again.points_there) == (0, 1500)
        assert (again.artifacts_sent, again.artifacts_there) == (0, 1)
        (journal.directory / PROGRESS_NAME).unlink()


def test_steps_repeated_after_a_resume_appear_once(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    publisher = Publisher(journal.directory, database.uri)
    log_steps(journal, range(1, 31))
    publisher.flush()
    log_steps(journal, range(31, 41))  # never published by this attempt
    journal.close()
    resumed = Journal(journal.directory)
    resumed.resume(20)
    log_steps(resumed, range(21, 51), offset=0.5)
    Publisher(journal.directory, database.uri).flush()
    published_first = [(step, float(step)) for step in range(1, 31)]
    assert database.curve(journal.header.run_id, "loss") == published_first + [(s, s + 0.5) for s in range(31, 51)]


def test_copies_that_continue_on_two_machines_share_one_run_without_doubles(
    new_journal: Callable[..., Journal], database: Database, tmp_path: Path
) -> None:
    journal = new_journal()
    log_steps(journal, range(1, 11))
    shutil.copytree(journal.directory, tmp_path / "copy")
    copy = Journal(tmp_path / "copy")
    copy.resume(10)
    publishers = [Publisher(journal.directory, database.uri), Publisher(copy.directory, database.uri)]
    for block in range(10, 40, 10):
        for writer, publisher in zip((journal, copy), publishers, strict=True):
            log_steps(writer, range(block + 1, block + 11))
            publisher.flush()
    assert database.curve(journal.header.run_id, "loss") == [(step, float(step)) for step in range(1, 41)]


def test_an_old_copy_adds_what_is_missing_and_takes_nothing_back(
    new_journal: Callable[..., Journal], database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_ms = iter(range(10_000, 20_000))
    monkeypatch.setattr("trainable.tracking.journal.now_ms", lambda: next(clock_ms))
    journal = new_journal()
    journal.status("RUNNING")
    log_steps(journal, range(1, 6))
    journal.tags({"phase": "first"})
    journal.status("FAILED", "killed")
    shutil.copytree(journal.directory, tmp_path / "old")
    journal.resume(3)
    journal.status("RUNNING")
    log_steps(journal, range(6, 9))
    journal.tags({"phase": "second"})
    journal.status("FINISHED")
    publish(journal.directory)
    old = publish(tmp_path / "old")
    run = database.run(journal.header.run_id)
    assert (run.info.status, run.data.tags["phase"]) == ("FINISHED", "second")
    assert old.points_sent == 2  # steps 4 and 5, which the resumed run never logged again
    assert [step for step, _ in database.curve(journal.header.run_id, "loss")] == list(range(1, 9))


def test_a_failed_run_that_goes_on_is_running_again(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    publisher = Publisher(journal.directory, database.uri)
    for status in ("FAILED", "RUNNING", "FINISHED"):
        journal.status(status, "out of memory" if status == "FAILED" else "")
        publisher.flush()
        run = database.run(journal.header.run_id)
        assert run.info.status == status
        assert run.data.tags["evsweep.status_reason"] == ("out of memory" if status == "FAILED" else "")


def test_a_run_whose_training_is_gone_has_failed_until_it_is_resumed(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    def status_and_reason() -> tuple[str, str]:
        run = database.run(journal.header.run_id)
        return run.info.status, run.data.tags.get("evsweep.status_reason", "")

    journal = new_journal()
    log_steps(journal, range(1, 4))
    journal.status("RUNNING")
    alive_ms = now_ms()
    publisher = Publisher(journal.directory, database.uri)
    publisher.flush()
    publisher.mark_lost(alive_ms)
    publisher.flush()
    lost = ("FAILED", "the training process ended without a word (killed)")
    assert status_and_reason() == lost
    publish(journal.directory)  # the journal itself still ends in RUNNING
    assert status_and_reason() == lost

    journal.resume(2)
    journal.status("RUNNING")
    publish(journal.directory)
    assert status_and_reason() == ("RUNNING", "")
    publisher.mark_lost(alive_ms)  # the first training's publisher is late
    publisher.flush()
    assert status_and_reason() == ("RUNNING", "")
    journal.status("FINISHED")
    publish(journal.directory)
    assert status_and_reason() == ("FINISHED", "")


def test_a_training_that_said_how_it_ended_is_not_lost(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    journal.status("RUNNING")
    alive_ms = now_ms()
    journal.status("KILLED", "stopped early")
    publisher = Publisher(journal.directory, database.uri)
    publisher.mark_lost(alive_ms)
    publisher.flush()
    assert database.run(journal.header.run_id).info.status == "KILLED"


def test_a_lost_training_does_not_fail_what_another_copy_has_gone_on_with(
    new_journal: Callable[..., Journal], database: Database, tmp_path: Path
) -> None:
    journal = new_journal()
    journal.status("RUNNING")
    alive_ms = now_ms()
    publisher = Publisher(journal.directory, database.uri)
    publisher.flush()
    shutil.copytree(journal.directory, tmp_path / "copy")
    time.sleep(0.01)
    copy = Journal(tmp_path / "copy")
    copy.status("FINISHED")
    publish(copy.directory)
    publisher.mark_lost(alive_ms)
    publisher.flush()
    assert database.run(journal.header.run_id).info.status == "FINISHED"


def test_a_run_that_finishes_elsewhere_while_points_are_sent_stays_finished(
    new_journal: Callable[..., Journal], database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = new_journal()
    journal.status("FAILED")
    publish(journal.directory)
    journal.status("RUNNING")
    log_steps(journal, range(1, 3))
    shutil.copytree(journal.directory, tmp_path / "copy")
    time.sleep(0.01)
    copy = Journal(tmp_path / "copy")
    copy.status("FINISHED")
    send = MlflowRun.log_points

    def send_after_the_other(run: MlflowRun, points: list[tuple[str, int, Point]]) -> None:
        monkeypatch.undo()
        publish(copy.directory)
        send(run, points)

    monkeypatch.setattr(MlflowRun, "log_points", send_after_the_other)
    publish(journal.directory)
    assert database.run(journal.header.run_id).info.status == "FINISHED"


def test_a_parameter_changed_on_resume_is_kept_beside_the_first_value(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    journal = new_journal()
    journal.parameters({"lr": 0.1, "batch": 4})
    publish(journal.directory)
    journal.parameters({"lr": 0.2, "batch": 4})
    publish(journal.directory)
    data = database.run(journal.header.run_id).data
    assert data.params == {"lr": "0.1", "batch": "4"}
    assert {name: value for name, value in data.tags.items() if name.startswith("evsweep.changed")} == {
        "evsweep.changed.lr": "0.2"
    }


def test_more_names_than_one_call_takes_all_arrive(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    journal.parameters({f"p{i}": i for i in range(230)})
    journal.tags({f"t{i}": str(i) for i in range(230)})
    publish(journal.directory)
    data = database.run(journal.header.run_id).data
    assert len(data.params) == 230
    assert {f"t{i}" for i in range(230)} <= data.tags.keys()


def test_a_child_is_nested_as_soon_as_its_parent_is_published(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    parent = new_journal("parent")
    child = new_journal("child", parent_run_id=parent.header.run_id)
    publisher = Publisher(child.directory, database.uri)
    publisher.flush()
    assert "mlflow.parentRunId" not in database.run(child.header.run_id).data.tags
    publish(parent.directory)
    publisher.flush()
    nested_under = database.run(child.header.run_id).data.tags["mlflow.parentRunId"]
    assert nested_under == database.run(parent.header.run_id).info.run_id


def test_an_artifact_written_anew_is_uploaded_anew(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    file = journal.directory / "metrics.json"
    for text in ("0.1", "0.2", "0.2"):
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            os.utime(file, ns=(0, int(float(text) * 1e9)))
        journal.artifact(file)
        publish(journal.directory)
    run_id = database.run(journal.header.run_id).info.run_id
    assert Path(database.client.download_artifacts(run_id, "metrics.json")).read_text() == "0.2"
    assert publish(journal.directory).artifacts_sent == 0


def test_an_artifact_that_is_gone_is_reported_and_holds_nothing_up(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    journal = new_journal()
    journal.artifact(journal.directory / "deleted.png")
    journal.status("FINISHED")
    summary = publish(journal.directory)
    assert summary.artifacts_absent == (str(journal.directory / "deleted.png"),)
    assert database.run(journal.header.run_id).info.status == "FINISHED"


def test_the_progress_file_says_what_is_missing(new_journal: Callable[..., Journal]) -> None:
    journal = new_journal()
    log_steps(journal, range(5))
    assert unpublished_lines(journal.directory) == 6
    publish(journal.directory)
    assert unpublished_lines(journal.directory) == 0
    journal.metrics({"AP_S": float("nan")}, 6)
    assert unpublished_lines(journal.directory) == 1
    publish(journal.directory)
    assert unpublished_lines(journal.directory) == 0
    (journal.directory / PROGRESS_NAME).write_text("{torn")
    assert read_progress(journal.directory) is None


def test_a_damaged_line_is_skipped_and_counted(new_journal: Callable[..., Journal], database: Database) -> None:
    journal = new_journal()
    log_steps(journal, range(1, 3))
    with (journal.directory / JOURNAL_NAME).open("ab") as file:
        file.write(b'{"type":"metrics","time_ms":1,"st\n')
    log_steps(journal, range(3, 5))
    assert publish(journal.directory).damaged_lines == 1
    assert [step for step, _ in database.curve(journal.header.run_id, "loss")] == [1, 2, 3, 4]


def test_a_run_deleted_on_the_server_is_not_made_again_behind_the_users_back(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    journal = new_journal()
    publish(journal.directory)
    database.client.delete_run(database.run(journal.header.run_id).info.run_id)
    with pytest.raises(TrackingError, match="was deleted on the tracking server"):
        publish(journal.directory)


def test_publishing_a_run_without_a_server_asks_for_one(new_journal: Callable[..., Journal]) -> None:
    journal = new_journal(uri=None)
    with pytest.raises(TrackingError, match="Give the address with --uri"):
        publish(journal.directory)


def test_publishing_a_folder_without_a_journal_names_it(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=f"no journal can be read at {tmp_path}"):
        publish(tmp_path)


def test_the_experiment_is_marked_as_one_of_training_runs_unless_it_has_a_kind(
    new_journal: Callable[..., Journal], database: Database
) -> None:
    database.client.create_experiment("older")
    database.client.create_experiment("chosen", tags={"mlflow.experimentKind": "finetuning"})
    kinds = {}
    for name in ("fresh", "older", "chosen"):
        publish(new_journal(name, experiment=name).directory)
        kinds[name] = database.client.get_experiment_by_name(name).tags["mlflow.experimentKind"]
    assert kinds == {"fresh": "custom_model_development", "older": "custom_model_development", "chosen": "finetuning"}


def test_a_publishing_process_logs_nothing_of_how_the_database_is_opened(new_journal: Callable[..., Journal]) -> None:
    script = (
        "import logging, pathlib, sys; logging.basicConfig(level='INFO', format='%(name)s %(message)s'); "
        "from trainable.tracking import publish; publish(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(new_journal().directory)]
    assert "alembic" not in subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_a_server_that_is_away_fails_at_once_and_shows_no_password(new_journal: Callable[..., Journal]) -> None:
    journal = new_journal(uri=None)
    before = dict(os.environ)
    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:9 did not take the run\. Nothing is lost") as caught:
        publish(journal.directory, "http://ann:hunter2@127.0.0.1:9")
    assert "hunter2" not in str(caught.value)
    assert "Cause: " in str(caught.value)
    assert len(str(caught.value)) < 350
    assert "\n" not in str(caught.value)
    assert dict(os.environ) == before
