"""Where the files of a sweep lie, and finding a sweep."""

from pathlib import Path

import pytest

from sweep.folder import SweepFolder, open_sweep, sweep_folder
from trainable.errors import SweepError


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sweep.yaml").touch()
    (tmp_path / "no sweep").mkdir()
    return tmp_path


def test_a_sweep_is_found_by_its_name(storage: Path) -> None:
    assert open_sweep(storage, "second") == SweepFolder(storage / "second")


def test_a_mistyped_name_comes_with_the_nearest_one(storage: Path) -> None:
    with pytest.raises(SweepError, match="did you mean 'second'"):
        open_sweep(storage, "secnd")


def test_an_unknown_name_comes_with_those_there_are(storage: Path) -> None:
    with pytest.raises(SweepError, match="first, second"):
        open_sweep(storage, "xyz")


def test_an_empty_storage_asks_for_another_one(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="give --storage"):
        open_sweep(tmp_path / "nothing", "first")


@pytest.mark.parametrize(("storage_name", "name"), [("gs://bucket", "first"), ("here", "../first"), ("here", "")])
def test_names_and_addresses_that_cannot_be_folders_are_refused(storage_name: str, name: str) -> None:
    with pytest.raises(SweepError, match=r"expected a folder|a sweep's name"):
        open_sweep(Path(storage_name), name)


def test_each_trial_and_request_has_a_place_of_its_own(tmp_path: Path) -> None:
    folder = sweep_folder(tmp_path, "first")
    assert folder.run_directory("trials", 3) == tmp_path / "first" / "trials" / "0003"
    assert folder.run_directory("confirm", 0) == tmp_path / "first" / "confirm" / "0000"
    assert folder.stop_request() == tmp_path / "first" / "requests" / "stop"
    assert folder.stop_request("trials", 3).name == "stop_trials_0003"
    assert folder.stop_request("confirm", 3).name == "stop_confirm_0003"


def test_commands_name_the_storage_only_where_it_must_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sweep_folder(Path("sweeps"), "first").command("best") == "python -m sweep best first"
    elsewhere = sweep_folder(tmp_path / "my data", "first").command("confirm", "--top", "2")
    assert elsewhere == f"python -m sweep confirm first --top 2 --storage '{tmp_path}/my data'"


def test_a_sweep_is_found_in_the_home_folder(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(storage.parent))
    assert open_sweep(Path("~") / storage.name, "first") == SweepFolder(storage / "first")


def test_a_folder_that_ray_removes_after_a_job_is_no_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "session_1" / "runtime_resources" / "working_dir_files" / "_ray_pkg_0123456789abcdef"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    with pytest.raises(SweepError, match="whole path that every node sees"):
        sweep_folder(Path("sweeps"), "first")
