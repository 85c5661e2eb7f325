import math
from pathlib import Path

import pytest

from trainable.errors import TrackingError
from trainable.tracking.entries import HeaderEntry
from trainable.tracking.journal import Journal
from trainable.tracking.reading import read_metrics


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty journal."""
    return Journal.create(tmp_path, HeaderEntry(time_ms=0, run_id="a", experiment="e"))


def test_metrics_come_back_by_step_with_undefined_ones_as_nan(journal: Journal, tmp_path: Path) -> None:
    journal.metrics({"loss": 2.0}, 2)
    journal.metrics({"AP": 0.25, "AP_S": math.nan}, 2)
    journal.metrics({"loss": 3.0}, 1)
    lines = read_metrics(tmp_path)
    assert [(line.step, list(line.values)) for line in lines] == [(1, ["loss"]), (2, ["loss"]), (2, ["AP", "AP_S"])]
    assert lines[2].values["AP"] == 0.25
    assert math.isnan(lines[2].values["AP_S"])


def test_steps_that_a_resume_took_back_are_left_out(journal: Journal, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        journal.metrics({"loss": float(step)}, step)
    journal.resume(1)
    journal.metrics({"loss": 20.0}, 2)
    assert [(line.step, line.values["loss"]) for line in read_metrics(tmp_path)] == [(1, 1.0), (2, 20.0)]


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=str(tmp_path)):
        read_metrics(tmp_path)
