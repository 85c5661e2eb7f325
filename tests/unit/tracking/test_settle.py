from pathlib import Path

import pytest

from trainable.errors import TrackingError
from trainable.tracking import RunTracking, settle
from trainable.tracking.entries import HeaderEntry, RunStatus, StatusEntry
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, now_ms


def statuses(directory: Path) -> list[tuple[RunStatus, str]]:
    entries = JournalReader(directory).read()
    return [(entry.status, entry.reason) for entry in entries if isinstance(entry, StatusEntry)]


def start(directory: Path, resume_step: int | None = None) -> RunTracking:
    return RunTracking.start(directory, experiment="traffic", uri=None, resume_step=resume_step)


def test_a_run_whose_process_is_gone_gets_the_end_that_it_could_not_journal(tmp_path: Path) -> None:
    start(tmp_path).metrics({"loss": 1.0}, 1)
    assert settle(tmp_path, "FAILED", "its worker was killed")
    assert statuses(tmp_path) == [("RUNNING", ""), ("FAILED", "its worker was killed")]


def test_a_run_that_journaled_its_end_keeps_it(tmp_path: Path) -> None:
    start(tmp_path).close("KILLED", "stopped early")
    assert not settle(tmp_path, "FAILED", "its worker was killed")
    assert statuses(tmp_path)[-1] == ("KILLED", "stopped early")


def test_a_run_that_was_killed_learns_why(tmp_path: Path) -> None:
    start(tmp_path).close("KILLED", "stopped early at step 200")
    assert [settle(tmp_path, "KILLED", "stopped at the rung of 200 steps") for _ in range(2)] == [True, False]
    assert statuses(tmp_path)[-1] == ("KILLED", "stopped at the rung of 200 steps")


def test_settling_twice_appends_once(tmp_path: Path) -> None:
    start(tmp_path)
    assert [settle(tmp_path, "FAILED", "gone") for _ in range(2)] == [True, False]


def test_a_resumed_run_runs_again_and_can_be_settled_again(tmp_path: Path) -> None:
    start(tmp_path)
    settle(tmp_path, "FAILED", "first")
    start(tmp_path, resume_step=0)
    assert settle(tmp_path, "FAILED", "second")
    assert [status for status, _ in statuses(tmp_path)] == ["RUNNING", "FAILED", "RUNNING", "FAILED"]


def test_a_run_killed_before_its_first_status_is_settled(tmp_path: Path) -> None:
    Journal.create(tmp_path, HeaderEntry(time_ms=now_ms(), run_id="a", experiment="traffic")).close()
    assert settle(tmp_path, "FAILED", "gone")


def test_the_end_follows_a_torn_line(tmp_path: Path) -> None:
    start(tmp_path)
    with (tmp_path / JOURNAL_NAME).open("ab") as file:
        file.write(b'{"type":"metrics","ste')
    assert settle(tmp_path, "FAILED", "gone")
    assert statuses(tmp_path)[-1] == ("FAILED", "gone")


def test_the_end_is_later_than_entries_of_a_machine_whose_clock_is_ahead(tmp_path: Path) -> None:
    ahead_ms = now_ms() + 3_600_000
    journal = Journal.create(tmp_path, HeaderEntry(time_ms=ahead_ms, run_id="a", experiment="traffic"))
    journal.status("RUNNING", time_ms=ahead_ms + 5)
    journal.close()
    settle(tmp_path, "FAILED", "gone")
    assert JournalReader(tmp_path).read()[-1].time_ms == ahead_ms + 6


def test_a_folder_without_a_journal_has_nothing_to_settle(tmp_path: Path) -> None:
    assert not settle(tmp_path, "FAILED", "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_journal_without_a_header_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).write_text("damaged\n")
    with pytest.raises(TrackingError, match=JOURNAL_NAME):
        settle(tmp_path, "FAILED", "gone")
