import os
from pathlib import Path

import pytest

from reports import run_artifacts
from reports.run_artifacts import FetchedArtifacts, FolderArtifacts, Listed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder of artifacts, beside a file that is none of it."""
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "artifacts"
    (folder / "inner").mkdir(parents=True)
    (folder / "config.yaml").write_text("a: 1")
    (folder / "inner" / "data").write_text("12345")
    return folder


class Source:
    """Artifacts in a folder, brought by copying, as a server would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.extra: list[Listed] = []
        self.fetched: list[str] = []

    def listing(self, folder: str) -> list[Listed]:
        entries = sorted((self.folder / folder).iterdir())
        listed = [
            Listed(entry.relative_to(self.folder).as_posix(), entry.is_dir(), entry.stat().st_size) for entry in entries
        ]
        return listed + (self.extra if folder == "" else [])

    def fetch(self, path: str, into: Path) -> Path:
        self.fetched.append(path)
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((self.folder / path).read_bytes())
        return target


def test_files_of_a_folder_are_given_where_they_lie(folder: Path) -> None:
    artifacts = FolderArtifacts(folder)
    assert artifacts.paths() == ("config.yaml", "inner/data")
    assert artifacts.file("inner/data") == folder.resolve() / "inner" / "data"
    assert artifacts.file("none") is None
    assert artifacts.problem("none") == ""


@pytest.mark.parametrize(
    "path", ["../secret", "inner/../../secret", "/etc/passwd", "", ".", "inner\\data", "a\0b", "C:x"]
)
def test_paths_that_lead_out_of_the_folder_give_no_file(path: str, folder: Path, tmp_path: Path) -> None:
    artifacts = FolderArtifacts(folder)
    assert artifacts.file(path) is None
    assert "outside" in artifacts.problem(path)
    source = Source(folder)
    source.extra = [Listed(path, False, 1)]
    fetched = FetchedArtifacts(source.listing, source.fetch, tmp_path / "fetched")
    assert fetched.file(path) is None
    assert "outside" in fetched.problem(path)
    assert source.fetched == []


def test_links_are_followed_inside_of_the_folder_only(folder: Path, tmp_path: Path) -> None:
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "in").symlink_to("config.yaml")
    (folder / "loop").symlink_to("loop")
    (folder / "parent").symlink_to("..")
    artifacts = FolderArtifacts(folder)
    assert "parent/secret" not in artifacts.paths()
    assert artifacts.file("in") == folder.resolve() / "config.yaml"
    for path in ("out", "loop", "parent/secret"):
        assert artifacts.file(path) is None
        assert artifacts.problem(path) != ""


def test_what_is_no_regular_file_is_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    artifacts = FolderArtifacts(folder)
    assert artifacts.file("pipe") is None
    assert artifacts.file("inner") is None
    assert "not a regular file" in artifacts.problem("pipe")


def test_very_large_files_are_not_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_artifacts, "LARGEST_BYTES", 4)
    source = Source(folder)
    local = FolderArtifacts(folder)
    fetched = FetchedArtifacts(source.listing, source.fetch, tmp_path / "fetched")
    for artifacts in (local, fetched):
        assert artifacts.file("inner/data") is None
        assert "MiB" in artifacts.problem("inner/data")
        assert artifacts.file("config.yaml") is not None
    assert source.fetched == ["config.yaml"]


def test_a_file_that_is_larger_than_its_listing_says_is_not_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_artifacts, "LARGEST_BYTES", 100)
    source = Source(folder)
    artifacts = FetchedArtifacts(source.listing, source.fetch, tmp_path / "fetched")
    assert artifacts.paths() == ("config.yaml", "inner/data")
    (folder / "config.yaml").write_text("x" * 200)
    assert artifacts.file("config.yaml") is None
    assert "MiB" in artifacts.problem("config.yaml")


def test_files_are_fetched_when_they_are_asked_for_and_once(folder: Path, tmp_path: Path) -> None:
    source = Source(folder)
    artifacts = FetchedArtifacts(source.listing, source.fetch, tmp_path / "fetched")
    assert artifacts.paths() == ("config.yaml", "inner/data")
    assert source.fetched == []
    assert not (tmp_path / "fetched").exists()
    for _ in range(2):
        file = artifacts.file("inner/data")
        assert file is not None
        assert file.read_text() == "12345"
        assert artifacts.file("none") is None
    assert source.fetched == ["inner/data"]


def test_a_run_that_is_read_twice_has_its_files_both_times(folder: Path, tmp_path: Path) -> None:
    source = Source(folder)
    twice = [FetchedArtifacts(source.listing, source.fetch, tmp_path / "fetched") for _ in range(2)]
    files = [artifacts.file("config.yaml") for artifacts in twice]
    assert [file and file.read_text() for file in files] == ["a: 1", "a: 1"]


def test_a_link_that_was_fetched_in_the_place_of_a_file_is_not_read(folder: Path, tmp_path: Path) -> None:
    def fetch(path: str, into: Path) -> Path:
        (into / path).symlink_to(tmp_path / "secret")
        return into / path

    artifacts = FetchedArtifacts(Source(folder).listing, fetch, tmp_path / "fetched")
    assert artifacts.file("config.yaml") is None
    assert "outside" in artifacts.problem("config.yaml")


def test_a_source_that_fails_leaves_a_reason(folder: Path, tmp_path: Path) -> None:
    def refuse(*_: object) -> Path:
        raise OSError("no route to host")

    def refuse_listing(_: str) -> list[Listed]:
        raise OSError("no route to host")

    artifacts = FetchedArtifacts(Source(folder).listing, refuse, tmp_path / "fetched")
    assert artifacts.file("config.yaml") is None
    assert "no route to host" in artifacts.problem("config.yaml")
    unlisted = FetchedArtifacts(refuse_listing, refuse, tmp_path / "unlisted")
    assert unlisted.paths() == ()
    assert unlisted.file("config.yaml") is None
    assert "no route to host" in unlisted.problem("config.yaml")


def test_a_store_without_end_is_listed_to_a_bounded_depth_and_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_artifacts, "MOST_FILES", 5)

    def endless(folder: str) -> list[Listed]:
        return [Listed(f"{folder}/f".lstrip("/"), False, 1), Listed(f"{folder}/d".lstrip("/"), True, 0)]

    artifacts = FetchedArtifacts(endless, lambda path, into: into / path, tmp_path / "fetched")
    assert len(artifacts.paths()) == 5
