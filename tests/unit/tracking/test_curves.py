from pathlib import Path

from trainable.tracking import CurveReader, RunTracking, journaled_curves


def test_a_growing_journal_gives_growing_curves(tmp_path: Path) -> None:
    tracking = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    reader = CurveReader(tmp_path)
    assert reader.read() == {}
    tracking.metrics({"loss": 2.0, "AP_S": float("nan")}, 1)
    assert reader.read() == {"loss": {1: 2.0}}
    tracking.metrics({"loss": 1.0, "AP_S": 0.1}, 2)
    assert reader.read() == {"loss": {1: 2.0, 2: 1.0}, "AP_S": {2: 0.1}}


def test_what_a_resume_went_back_behind_is_left_out_and_repeated_steps_count_once(tmp_path: Path) -> None:
    first = RunTracking.start(tmp_path, experiment="traffic", uri=None)
    for step in range(1, 6):
        first.metrics({"loss": float(step)}, step)
    second = RunTracking.start(tmp_path, experiment="traffic", uri=None, resume_step=3)
    second.metrics({"loss": 40.0}, 4)
    assert journaled_curves(tmp_path) == {"loss": {1: 1.0, 2: 2.0, 3: 3.0, 4: 40.0}}


def test_a_folder_without_a_journal_has_no_curves(tmp_path: Path) -> None:
    assert journaled_curves(tmp_path) == {}
