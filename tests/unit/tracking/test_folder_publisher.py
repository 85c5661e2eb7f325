import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from trainable.errors import TrackingError, TrackingServerError
from trainable.tracking import publish
from trainable.tracking.entries import Entry, HeaderEntry, RunStatus
from trainable.tracking.folder_publisher import FolderPublisher
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, now_ms
from trainable.tracking.mlflow_run import MlflowRun
from trainable.tracking.progress import read_progress

NO_SERVER = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"


class Sweep:
    """A sweep's folder with journals whose runs are called after the test and their folder."""

    def __init__(self, directory: Path, uri: str) -> None:
        self.directory = directory
        self.client = MlflowClient(uri)

    def journal(self, path: str = "") -> Journal:
        directory = self.directory / path
        header = HeaderEntry(
            time_ms=now_ms(),
            run_id=f"{self.directory}/{path}",
            experiment="sweeps",
            parent_run_id=f"{self.directory}/" if path else None,
        )
        journal = Journal.create(directory, header)
        journal.status("RUNNING")
        journal.metrics({"loss": 1.0}, 1)
        return journal

    def run(self, path: str = "") -> Run:
        progress = read_progress(self.directory / path)
        assert progress is not None
        return self.client.get_run(progress.mlflow_run_id)

    def steps(self, path: str = "") -> list[int]:
        return sorted(p.step for p in self.client.get_metric_history(self.run(path).info.run_id, "loss"))


@pytest.fixture
def sweep(tmp_path: Path, uri: str) -> Sweep:
    return Sweep(tmp_path / "sweep", uri)


@pytest.fixture
def publisher(sweep: Sweep, uri: str) -> FolderPublisher:
    return FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.0)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The journal identities of runs that are looked up, made or written to, in order."""
    seen: list[str] = []
    begin, state = MlflowRun.__init__, MlflowRun.state

    def noted_begin(self: MlflowRun, uri: str, header: HeaderEntry, lock_directory: Path) -> None:
        seen.append(header.run_id)
        begin(self, uri, header, lock_directory)

    def noted_state(self: MlflowRun) -> object:
        seen.append(self.run_id)
        return state(self)

    monkeypatch.setattr(MlflowRun, "__init__", noted_begin)
    monkeypatch.setattr(MlflowRun, "state", noted_state)
    return seen


def test_children_are_nested_under_the_folders_own_run_in_one_pass(sweep: Sweep, publisher: FolderPublisher) -> None:
    for path in ("trials/0001", "trials/0000", "confirm/0000", ""):
        sweep.journal(path)
    publisher.flush()
    assert publisher.is_complete
    parent = sweep.run()
    assert "mlflow.parentRunId" not in parent.data.tags
    for path in ("trials/0000", "trials/0001", "confirm/0000"):
        assert sweep.run(path).data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_runs_that_appear_later_are_found(sweep: Sweep, publisher: FolderPublisher) -> None:
    sweep.journal()
    publisher.flush()
    sweep.journal("trials/0000")
    publisher.flush()
    assert sweep.steps("trials/0000") == [1]


def test_runs_inside_a_runs_folder_and_too_deep_are_left_alone(sweep: Sweep, publisher: FolderPublisher) -> None:
    sweep.journal("trials/0000")
    for path in ("trials/0000/copy", "ray/session/trial"):
        sweep.journal(path)
    publisher.flush()
    assert read_progress(sweep.directory / "trials/0000") is not None
    assert read_progress(sweep.directory / "trials/0000/copy") is None
    assert read_progress(sweep.directory / "ray/session/trial") is None


def test_depth_zero_publishes_the_folders_own_run_alone(sweep: Sweep, uri: str) -> None:
    sweep.journal()
    sweep.journal("trials/0000")
    FolderPublisher(sweep.directory, uri, depth=0, interval_s=0.0).flush()
    assert sweep.steps() == [1]
    assert read_progress(sweep.directory / "trials/0000") is None


def test_a_journal_that_did_not_grow_is_not_opened_again(
    sweep: Sweep, publisher: FolderPublisher, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.journal()
    ended = sweep.journal("trials/0000")
    ended.status("FINISHED")
    sweep.journal("trials/0001")
    publisher.flush()
    requests.clear()
    read = JournalReader.read
    opened: list[JournalReader] = []

    def noted_read(self: JournalReader) -> list[Entry]:
        opened.append(self)
        return read(self)

    monkeypatch.setattr(JournalReader, "read", noted_read)
    publisher.flush()
    assert (requests, opened) == ([], [])
    ended.metrics({"loss": 0.5}, 2)
    publisher.flush()
    assert sweep.steps("trials/0000") == [1, 2]


def test_a_run_that_has_ended_and_arrived_keeps_no_publisher(sweep: Sweep, publisher: FolderPublisher) -> None:
    sweep.journal()
    sweep.journal("trials/0000").status("KILLED", "stopped early")
    publisher.flush()
    assert [run.publisher is None for run in publisher._runs.values()] == [False, True]


def test_a_new_process_does_not_ask_the_server_about_runs_that_had_ended_and_arrived(
    sweep: Sweep, publisher: FolderPublisher, uri: str, requests: list[str]
) -> None:
    sweep.journal()
    ended = sweep.journal("trials/0000")
    ended.status("FAILED", "a very long reason: " + "x" * 10_000)
    sweep.journal("trials/0001")
    publisher.flush()
    requests.clear()
    FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.0).flush()
    assert f"{sweep.directory}/trials/0000" not in requests
    assert f"{sweep.directory}/trials/0001" in requests
    ended.resume(1)
    FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.0).flush()
    assert f"{sweep.directory}/trials/0000" in requests


def test_a_damaged_journal_keeps_no_other_run_from_being_published(
    sweep: Sweep, publisher: FolderPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    sweep.journal()
    damaged = sweep.directory / "trials" / "0000" / JOURNAL_NAME
    damaged.parent.mkdir(parents=True)
    damaged.write_text("damaged\n")
    sweep.journal("trials/0001")
    for _ in range(3):
        publisher.flush(retry_all=True)
    assert sweep.steps("trials/0001") == [1]
    assert not publisher.is_complete
    assert [record.message for record in caplog.records if str(damaged) in record.message] == [caplog.messages[0]]


def test_a_run_deleted_on_the_server_holds_up_no_other_and_is_tried_ever_more_rarely(
    sweep: Sweep, uri: str, requests: list[str]
) -> None:
    sweep.journal()
    deleted, other = sweep.journal("trials/0000"), sweep.journal("trials/0001")
    FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.0).flush()
    sweep.client.delete_run(sweep.run("trials/0000").info.run_id)
    publisher = FolderPublisher(sweep.directory, uri, depth=2, interval_s=60.0)
    requests.clear()
    for step in range(2, 5):
        deleted.metrics({"loss": 1.0}, step)
        other.metrics({"loss": 1.0}, step)
        publisher.flush()
    assert sweep.steps("trials/0001") == [1, 2, 3, 4]
    assert requests.count(deleted.header.run_id) == 1


def test_a_dead_server_is_tried_once_a_pass_each_time_with_another_run(sweep: Sweep, requests: list[str]) -> None:
    journals = [sweep.journal(path) for path in ("", "trials/0000", "trials/0001")]
    publisher = FolderPublisher(sweep.directory, NO_SERVER, depth=2, interval_s=60.0)
    for _ in range(3):
        with pytest.raises(TrackingServerError):
            publisher.flush()
    first, second = journals[0].header.run_id, journals[1].header.run_id
    assert requests == [first, second, first]
    assert not publisher.is_complete


def test_the_folders_own_run_is_looked_at_again_between_many_children(
    sweep: Sweep, uri: str, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = sweep.journal()
    for index in range(4):
        sweep.journal(f"trials/{index:04d}")
    publisher = FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.1)
    nest = MlflowRun.nest_under

    def slowly(self: MlflowRun, parent_run_id: str) -> bool:
        time.sleep(0.1)
        own.metrics({"loss": 1.0}, len(requests))
        return nest(self, parent_run_id)

    monkeypatch.setattr(MlflowRun, "nest_under", slowly)
    publisher.flush()
    own_id = sweep.run().info.run_id
    assert requests.count(own_id) >= 4
    assert requests.index(own_id, 3) < requests.index(f"{sweep.directory}/trials/0002")


def test_a_pass_ends_where_it_is_interrupted(sweep: Sweep, publisher: FolderPublisher) -> None:
    sweep.journal()
    sweep.journal("trials/0000")
    answers = iter([False, True])
    publisher.flush(lambda: next(answers))
    assert not publisher.is_complete
    assert read_progress(sweep.directory / "trials/0000") is None
    publisher.flush()
    assert publisher.is_complete


def test_every_run_that_has_not_ended_is_lost_with_its_driver(sweep: Sweep, publisher: FolderPublisher) -> None:
    ends: dict[str, RunStatus | None] = {
        "": None,
        "trials/0000": "FINISHED",
        "trials/0001": None,
        "trials/0002": "KILLED",
    }
    for path, end in ends.items():
        journal = sweep.journal(path)
        if end:
            journal.status(end)
    publisher.flush()
    alive_ms = now_ms()
    sweep.journal("trials/0003")  # unseen so far, but it began while the driver lived
    publisher.mark_lost(now_ms())
    publisher.flush()
    statuses = {path: sweep.run(path).info.status for path in [*ends, "trials/0003"]}
    assert statuses == {
        "": "FAILED",
        "trials/0000": "FINISHED",
        "trials/0001": "FAILED",
        "trials/0002": "KILLED",
        "trials/0003": "FAILED",
    }
    time.sleep(0.002)
    resumed = Journal(sweep.directory / "trials/0001")
    resumed.resume(1)
    resumed.status("RUNNING")
    publisher.mark_lost(alive_ms)
    publisher.flush()
    assert sweep.run("trials/0001").info.status == "RUNNING"


def test_a_folder_that_was_removed_is_forgotten(sweep: Sweep, publisher: FolderPublisher) -> None:
    journal = sweep.journal("trials/0000")
    publisher.flush()
    (journal.directory / JOURNAL_NAME).unlink()
    publisher.flush()
    assert publisher.is_complete


def test_a_thousand_ended_runs_cost_a_pass_milliseconds(sweep: Sweep, publisher: FolderPublisher, uri: str) -> None:
    sweep.journal()
    sweep.journal("trials/0000").status("FINISHED")
    publisher.flush()
    template = sweep.directory / "trials" / "0000"
    files = {name: (template / name).read_bytes() for name in (JOURNAL_NAME, "published.json")}
    for index in range(1, 1000):
        directory = sweep.directory / "trials" / f"{index:04d}"
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)
    publisher = FolderPublisher(sweep.directory, uri, depth=2, interval_s=0.0)
    publisher.flush()
    begin_s = time.perf_counter()
    publisher.flush()
    assert time.perf_counter() - begin_s < 0.5  # 0.02 s on an idle core
    assert publisher.is_complete


@pytest.mark.parametrize("recorded", [True, False])
def test_a_sweeps_folder_is_published_as_a_whole(sweep: Sweep, uri: str, recorded: bool) -> None:
    parent = sweep.journal()
    if recorded:
        parent.resume(1, uri)
    for index in range(2):
        sweep.journal(f"trials/{index:04d}")
    summary = publish(sweep.directory, None if recorded else uri)
    assert (summary.runs, summary.points_sent, summary.points_there, summary.refused) == (3, 3, 0, ())
    again = publish(sweep.directory, None if recorded else uri)
    assert (again.points_sent, again.points_there) == (0, 3)
    assert sweep.run("trials/0001").data.tags["mlflow.parentRunId"] == sweep.run().info.run_id


def test_what_cannot_be_published_of_a_folder_is_named_and_the_rest_is_published(sweep: Sweep, uri: str) -> None:
    sweep.journal("trials/0000")
    damaged = sweep.directory / "trials" / "0001" / JOURNAL_NAME
    damaged.parent.mkdir(parents=True)
    damaged.write_text("damaged\n")
    summary = publish(sweep.directory, uri)
    assert (summary.runs, summary.points_sent) == (1, 1)
    assert len(summary.refused) == 1
    assert str(damaged) in summary.refused[0]


def test_a_folder_whose_runs_name_no_server_asks_for_one(sweep: Sweep) -> None:
    sweep.journal("trials/0000")
    with pytest.raises(TrackingError, match="Give the address with --uri"):
        publish(sweep.directory)
