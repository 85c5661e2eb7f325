import math
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from trainable.errors import TrackingError
from trainable.tracking.entries import (
    ArtifactEntry,
    HeaderEntry,
    MetricsEntry,
    ParametersEntry,
    ResumeEntry,
    StatusEntry,
    TagsEntry,
)
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, read_header

HEADER = HeaderEntry(time_ms=1, run_id="r1", experiment="traffic")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(tmp_path / "run", HEADER)


def test_everything_appended_is_read_back_in_order(journal: Journal) -> None:
    journal.parameters({"model": {"stem": {"patch_size": 4}}})
    journal.metrics({"loss": 0.5, "AP_S": 0.25}, 7)
    journal.tags({"group": "a"})
    journal.artifact(journal.directory / "plots" / "loss.png", "figures/")
    journal.resume(5)
    journal.status("KILLED", "stopped")
    _, parameters, metrics, tags, artifact, resume, status = JournalReader(journal.directory).read()
    assert isinstance(parameters, ParametersEntry)
    assert parameters.values == {"model.stem.patch_size": "4"}
    assert isinstance(metrics, MetricsEntry)
    assert (metrics.step, metrics.values) == (7, {"loss": 0.5, "AP_S": 0.25})
    assert isinstance(tags, TagsEntry)
    assert tags.values == {"group": "a"}
    assert isinstance(artifact, ArtifactEntry)
    assert (artifact.path, artifact.artifact_path) == ("plots/loss.png", "figures")
    assert isinstance(resume, ResumeEntry)
    assert resume.step == 5
    assert isinstance(status, StatusEntry)
    assert (status.status, status.reason) == ("KILLED", "stopped")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_journaled_as_null(journal: Journal, value: float) -> None:
    journal.metrics({"AP_S": value}, 1)
    assert b'"AP_S":null' in (journal.directory / JOURNAL_NAME).read_bytes()


def test_values_survive_to_the_last_bit(journal: Journal) -> None:
    values = {"a": 0.1 + 0.2, "b": 5e-324, "c": -1.7976931348623157e308, "d": 1 / 3}
    journal.metrics(values, 1)
    entry = JournalReader(journal.directory).read()[1]
    assert isinstance(entry, MetricsEntry)
    assert entry.values == values


def test_no_credential_reaches_the_file(tmp_path: Path) -> None:
    header = HEADER.model_copy(update={"uri": "postgresql://ann:hunter2@host/db?password=hunter2"})
    journal = Journal.create(tmp_path, header)
    journal.parameters({"tracking": {"uri": "https://ann:hunter2@host/mlflow"}})
    journal.resume(1, "https://ann:hunter2@other?token=hunter2")
    journal.status("FAILED", "no answer from https://ann:hunter2@host/mlflow")
    text = (tmp_path / JOURNAL_NAME).read_text()
    assert "hunter2" not in text
    assert "ann" not in text
    assert "https://host/mlflow" in text
    assert journal.header.uri == "postgresql://host/db"


def test_a_second_run_in_the_same_folder_is_refused(journal: Journal) -> None:
    with pytest.raises(TrackingError, match=r"journal\.jsonl already records a run.*Choose another folder"):
        Journal.create(journal.directory, HEADER)


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=f"no journal can be read at {tmp_path}"):
        read_header(tmp_path)


def test_a_journal_without_a_header_is_named(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_text('{"type":"metrics","time_ms":1,"step":1,"values":{}}\n')
    with pytest.raises(TrackingError, match="is not the header"):
        Journal(tmp_path)


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_costs_only_itself(journal: Journal, cut: int) -> None:
    journal.metrics({"loss": 1.0}, 1)
    journal.metrics({"loss": 2.0}, 2)
    journal.close()
    path = journal.directory / JOURNAL_NAME
    os.truncate(path, path.stat().st_size - cut)
    reader = JournalReader(journal.directory)
    assert [entry.step for entry in reader.read() if isinstance(entry, MetricsEntry)] == [1]
    reopened = Journal(journal.directory)
    reopened.metrics({"loss": 3.0}, 3)
    assert [entry.step for entry in reader.read() if isinstance(entry, MetricsEntry)] == ([2, 3] if cut == 1 else [3])
    assert reader.damaged_lines == (0 if cut == 1 else 1)


def test_a_growing_journal_is_read_in_whole_lines(journal: Journal) -> None:
    reader = JournalReader(journal.directory)
    assert len(reader.read()) == 1
    journal.metrics({"loss": 1.0}, 1)
    line = (journal.directory / JOURNAL_NAME).read_bytes()[reader.position :]
    with (journal.directory / JOURNAL_NAME).open("ab") as file:
        file.write(line[:20])
        file.flush()
        assert len(reader.read()) == 1
        assert reader.read() == []
        file.write(line[20:])
    assert len(reader.read()) == 1


def test_entries_refused_by_a_full_disk_are_written_once_when_it_has_room(journal: Journal) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (journal.directory / JOURNAL_NAME).stat().st_size
    journal.metrics({"loss": 1.0}, 1)
    line_size = (journal.directory / JOURNAL_NAME).stat().st_size - size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + line_size + line_size // 2, limits[1]))
    try:
        for step in (2, 3):  # the first tears its line, the second finds no room at all
            with pytest.raises(OSError, match="File too large"):
                journal.metrics({"loss": 1.0}, step)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.metrics({"loss": 1.0}, 4)
    reader = JournalReader(journal.directory)
    assert [entry.step for entry in reader.read() if isinstance(entry, MetricsEntry)] == [1, 2, 3, 4]
    assert reader.damaged_lines == 0


def test_appending_to_a_closed_journal_never_reaches_another_file(journal: Journal, tmp_path: Path) -> None:
    journal.close()
    with (tmp_path / "other").open("wb"), pytest.raises(OSError, match="Bad file descriptor"):
        journal.metrics({"loss": 1.0}, 1)
    assert (tmp_path / "other").read_bytes() == b""


def test_an_artifact_inside_the_folder_travels_with_it(journal: Journal, tmp_path: Path) -> None:
    journal.artifact(journal.directory / "metrics.json")
    journal.artifact(tmp_path / "elsewhere.json")
    inside, outside = (e.path for e in JournalReader(journal.directory).read() if isinstance(e, ArtifactEntry))
    assert inside == "metrics.json"
    assert outside == str(tmp_path / "elsewhere.json")


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_had_appended(tmp_path: Path) -> None:
    program = (
        "import itertools, sys; from pathlib import Path\n"
        "from trainable.tracking.journal import Journal, HeaderEntry\n"
        "journal = Journal.create(Path(sys.argv[1]), HeaderEntry(time_ms=1, run_id='r', experiment='e'))\n"
        "for step in itertools.count():\n"
        "    journal.metrics({'loss': 1.0}, step); print(step, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer:
        while int(writer.stdout.readline()) < 500:
            pass
        writer.kill()
        appended = max([500, *map(int, writer.stdout.read().split("\n")[:-1])])
    steps = [e.step for e in JournalReader(tmp_path / "run").read() if isinstance(e, MetricsEntry)]
    assert steps == list(range(len(steps)))
    assert steps[-1] >= appended
