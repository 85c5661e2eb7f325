from pathlib import Path

import pytest
from mlflow import MlflowClient

from trainable.errors import TrackingError
from trainable.tracking import RunTracking, publish
from trainable.tracking.attach import attach_files


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Address of a store with one run, and the run's id there."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    tracking = RunTracking.start(folder / "run", experiment="traffic", uri=None)
    tracking.close("FINISHED")
    return uri, publish(folder / "run", uri).progress.mlflow_run_id


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A folder with two files."""
    (tmp_path / "report" / "tables").mkdir(parents=True)
    (tmp_path / "report" / "report.html").write_text("first")
    (tmp_path / "report" / "tables" / "answer.csv").write_text("a,b")
    return tmp_path / "report"


def test_a_folder_is_attached_and_replaced(store: tuple[str, str], report: Path, tmp_path: Path) -> None:
    uri, run_id = store
    attach_files(uri, run_id, report, "report")
    (report / "report.html").write_text("second")
    (report / "tables" / "answer.csv").unlink()
    attach_files(uri, run_id, report, "report")
    client = MlflowClient(uri)
    assert [file.path for file in client.list_artifacts(run_id, "report")] == ["report/report.html", "report/tables"]
    assert Path(client.download_artifacts(run_id, "report/report.html", str(tmp_path))).read_text() == "second"
    assert [file.path for file in client.list_artifacts(run_id, "report/tables")] == ["report/tables/answer.csv"]
    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_run_that_is_not_there_is_an_error(store: tuple[str, str], report: Path) -> None:
    with pytest.raises(TrackingError, match="f" * 32):
        attach_files(store[0], "f" * 32, report, "report")


def test_a_database_that_is_not_there_is_not_made(report: Path, tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="found no such file"):
        attach_files(f"sqlite:///{tmp_path / 'none.db'}", "f" * 32, report, "report")
    assert not (tmp_path / "none.db").exists()


def test_a_server_that_does_not_answer_is_an_error(report: Path) -> None:
    with pytest.raises(TrackingError, match="check the address"):
        attach_files("http://127.0.0.1:9", "f" * 32, report, "report")


@pytest.mark.parametrize("artifact_path", ["/etc", "../other", "report/../../other"])
def test_files_do_not_leave_the_artifacts(artifact_path: str, store: tuple[str, str], report: Path) -> None:
    with pytest.raises(TrackingError, match="inside of a run's artifacts only"):
        attach_files(*store, report, artifact_path)


def test_a_folder_that_is_not_there_is_an_error(store: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="expected a folder"):
        attach_files(*store, tmp_path / "none", "report")


def test_a_deleted_run_gets_nothing(store: tuple[str, str], report: Path) -> None:
    uri, run_id = store
    client = MlflowClient(uri)
    client.delete_run(run_id)
    try:
        with pytest.raises(TrackingError, match="was deleted"):
            attach_files(uri, run_id, report, "report")
    finally:
        client.restore_run(run_id)
