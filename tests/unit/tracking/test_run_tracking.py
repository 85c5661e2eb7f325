import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from trainable.errors import TrackingError
from trainable.tracking import RunTracking
from trainable.tracking.entries import MetricsEntry, ResumeEntry, StatusEntry, TagsEntry
from trainable.tracking.journal import JOURNAL_NAME, JournalReader


@contextmanager
def disk_full_at(path: Path) -> Iterator[None]:
    """No file may grow beyond the present size of `path`."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_logged_once_and_costs_neither_the_run_nor_a_point(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    with disk_full_at(tmp_path / JOURNAL_NAME):
        for step in range(1, 4):
            tracking.metrics({"loss": 1.0}, step)
        tracking.sync()
    tracking.close("FINISHED")
    assert [entry.step for entry in JournalReader(tmp_path).read() if isinstance(entry, MetricsEntry)] == [1, 2, 3]
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        f"the run's journal in {tmp_path} cannot be written"
    ]


def test_calls_after_the_end_are_harmless(tmp_path: Path) -> None:
    tracking = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    tracking.close("FINISHED")
    tracking.metrics({"loss": 1.0}, 1)
    tracking.close("FAILED")
    statuses = [entry.status for entry in JournalReader(tmp_path).read() if isinstance(entry, StatusEntry)]
    assert statuses == ["RUNNING", "FINISHED"]


def test_array_and_tensor_scalars_are_journaled_as_numbers(tmp_path: Path) -> None:
    tracking = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    values = {"a": np.float32(0.5), "b": torch.tensor(0.25), "c": np.float64("nan"), "d": True}
    tracking.metrics(values, np.int64(3))  # type: ignore[arg-type]
    entry = JournalReader(tmp_path).read()[-1]
    assert isinstance(entry, MetricsEntry)
    assert (entry.step, entry.values) == (3, {"a": 0.5, "b": 0.25, "c": None, "d": 1.0})


def test_a_resumed_run_keeps_its_identity_and_says_from_where_it_goes_on(tmp_path: Path) -> None:
    first = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    first.close("FAILED", "out of memory")
    assert RunTracking.start(tmp_path, experiment="traffic", uri=None, resume_step=40).run_id == first.run_id
    assert [entry.step for entry in JournalReader(tmp_path).read() if isinstance(entry, ResumeEntry)] == [40]


def test_a_run_says_how_often_it_was_gone_on_with(tmp_path: Path) -> None:
    RunTracking.start(tmp_path, experiment="traffic", uri=None).close("KILLED")
    for _ in range(2):
        RunTracking.start(tmp_path, experiment="traffic", uri=None, resume_step=0).close("KILLED")
    tags = [entry.values for entry in JournalReader(tmp_path).read() if isinstance(entry, TagsEntry)]
    assert tags == [{"evsweep.resumes": "1"}, {"evsweep.resumes": "2"}]


def test_a_resumed_run_whose_folder_was_lost_begins_a_new_journal(tmp_path: Path) -> None:
    tracking = RunTracking.start(tmp_path / "new", experiment="traffic", uri=None, run_id="trial-7", resume_step=40)
    assert tracking.run_id == "trial-7"


def test_a_run_is_never_mixed_into_the_folder_of_another(tmp_path: Path) -> None:
    RunTracking.start(tmp_path, experiment="traffic", uri=None, run_id="a").close("FINISHED")
    with pytest.raises(TrackingError, match="already records a run"):
        RunTracking.start(tmp_path, experiment="traffic", uri=None, run_id="b")
    with pytest.raises(TrackingError, match="records the run a, not b"):
        RunTracking.start(tmp_path, experiment="traffic", uri=None, run_id="b", resume_step=5)


def test_an_address_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"tracking\.uri"):
        RunTracking.start(tmp_path / "run", experiment="traffic", uri="runs/mlruns")
    assert not (tmp_path / "run").exists()


def test_a_publishing_process_that_cannot_start_costs_only_the_publishing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "absent"))
    tracking = RunTracking.start(tmp_path / "run", experiment="traffic", uri="http://127.0.0.1:9")
    tracking.metrics({"loss": 1.0}, 1)
    begin_s = time.monotonic()
    tracking.close("FINISHED", timeout_s=30)
    assert time.monotonic() - begin_s < 5
    assert "cannot be started" in caplog.text
    assert "python -m trainable publish" in caplog.text
