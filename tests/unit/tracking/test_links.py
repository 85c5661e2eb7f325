from pathlib import Path

import pytest

from trainable.errors import TrackingError
from trainable.tracking.links import (
    default_uri,
    experiment_page,
    public_uri,
    resolve_uri,
    run_directions,
    run_page,
    sqlite_path,
    without_credentials,
)


def test_a_relative_database_means_the_same_from_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_uri("sqlite:///runs/mlflow.db") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert resolve_uri(default_uri(Path("runs"))) == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert sqlite_path(resolve_uri("sqlite:///runs/mlflow.db")) == tmp_path / "runs" / "mlflow.db"


def test_only_sqlite_has_a_file() -> None:
    assert sqlite_path("http://host:5000") is None
    assert sqlite_path("postgresql+psycopg://host/db") is None


@pytest.mark.parametrize("uri", ["runs/mlruns", "file:///runs", "ftp://ann:hunter2@host", "", "databricks"])
def test_an_address_that_mlflow_cannot_write_to_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(TrackingError, match=r"`tracking\.uri` must be.*Change `tracking\.uri`") as caught:
        resolve_uri(uri)
    assert "hunter2" not in str(caught.value)


def test_credentials_are_removed_from_addresses_inside_text() -> None:
    text = "GET http://ann:p@ss@host:5000/api failed, see https://host/help or mail ann@host"
    assert without_credentials(text) == "GET http://host:5000/api failed, see https://host/help or mail ann@host"


def test_a_stored_address_has_neither_user_nor_query() -> None:
    assert (
        public_uri("postgresql+psycopg://ann:hunter2@db:5432/mlflow?password=x")
        == "postgresql+psycopg://db:5432/mlflow"
    )
    assert public_uri("postgresql:///mlflow?host=/run/db&password=x") == "postgresql:///mlflow"
    assert public_uri("sqlite:////runs/mlflow.db") == "sqlite:////runs/mlflow.db"


def test_pages_open_in_the_view_that_shows_training_runs() -> None:
    assert (
        run_page("http://ann:x@host:5000/", "3", "abc")
        == "http://host:5000/#/experiments/3/runs/abc?workflowType=machine_learning"
    )
    assert experiment_page("https://host/mlflow", "3") == (
        "https://host/mlflow/#/experiments/3/runs?workflowType=machine_learning"
    )
    assert run_page("sqlite:////runs/mlflow.db", "3", "abc").startswith(
        "mlflow server --backend-store-uri sqlite:////runs/mlflow.db"
    )


def test_directions_are_one_line_for_a_server_and_two_for_a_database() -> None:
    assert run_directions("http://ann:x@host:5000/", "3", "abc") == (
        "The run is at http://host:5000/#/experiments/3/runs/abc?workflowType=machine_learning",
    )
    assert run_directions("sqlite:////runs/mlflow.db", "3", "abc") == (
        "To look at the run, start: mlflow server --backend-store-uri sqlite:////runs/mlflow.db",
        "and open: http://127.0.0.1:5000/#/experiments/3/runs/abc?workflowType=machine_learning",
    )
