"""Printed commands can be typed as they are, whether the environment is activated or not."""

import sys
from pathlib import Path

import pytest

from trainable.own_programs import own_program
from trainable.tracking.links import command_and_address


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment's folder of programs, which is not on the path, and another one that is."""
    own, other = tmp_path / ".venv" / "bin", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir(parents=True)
        for name in ("python", "mlflow"):
            (folder / name).touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(own / "python"))
    monkeypatch.setenv("PATH", str(other))
    return own


def test_programs_that_the_shell_does_not_find_are_called_by_their_paths(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert own_program("python") == ".venv/bin/python"
    monkeypatch.setenv("PATH", "")
    assert (
        command_and_address("sqlite:////m.db", "")[0] == ".venv/bin/mlflow server --backend-store-uri sqlite:////m.db"
    )


def test_programs_that_the_shell_finds_are_called_by_their_names(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(environment))
    assert (own_program("python"), own_program("mlflow")) == ("python", "mlflow")
    assert own_program("ray") == "ray"
