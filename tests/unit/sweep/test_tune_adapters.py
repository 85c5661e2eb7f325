"""What Tune is told of the study, and the study of Tune, without any Ray running."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sweep.assigning import assigner, trial_run_id
from sweep.folder import SweepFolder
from sweep.record import SweepRecord, open_study
from sweep.resources import TrialResources
from sweep.study import SweepStudy
from sweep.tune_scheduler import StudyScheduler, last_error
from sweep.tune_search import StudySearcher

METRICS = {"AP": 0.3, "AP50": 0.5, "AP75": 0.2, "AP_S": 0.1, "AP_M": 0.3, "AP_L": 0.4, "AR": 0.3}
BUDGET = 300


class Tune:
    """Calls the adapters in the order in which Tune does."""

    def __init__(self, folder: SweepFolder, slots: int = 10, resources: TrialResources | None = None) -> None:
        self.study: SweepStudy = open_study(folder)
        assign = assigner(folder, SweepRecord.read(folder), "trials", resources or TrialResources(1, 0))
        self.search = StudySearcher(self.study, assign, lambda: slots)
        self.scheduler = StudyScheduler(self.study, self.search.live)

    def report(self, trial: str, step: int, **values: Any) -> str:
        return self.scheduler.on_trial_result(None, SimpleNamespace(trial_id=trial), result(step, **values))  # type: ignore[arg-type]

    def state(self, index: int = 0) -> tuple[str, str]:
        record = self.study.trials()[index]
        return record.state, record.reason


def result(step: int, **values: Any) -> dict[str, Any]:
    return {**METRICS, "training_step": step, "failure": "", "stopped": "", "pid": 3, "time_total_s": 0.1, **values}


@pytest.fixture
def tune(make_sweep: Callable[..., SweepFolder]) -> Tune:
    return Tune(make_sweep())


def test_no_more_trials_are_asked_for_than_can_run(make_sweep: Callable[..., SweepFolder]) -> None:
    tune = Tune(make_sweep(), slots=2)
    assert isinstance(tune.search.suggest("a"), dict)
    assert isinstance(tune.search.suggest("b"), dict)
    assert tune.search.suggest("c") is None
    tune.search.on_trial_complete("a", result(0, failure="no data"))
    assert isinstance(tune.search.suggest("c"), dict)


def test_the_end_of_the_study_is_the_end_of_the_search(make_sweep: Callable[..., SweepFolder], tune: Tune) -> None:
    tune.study.ask = lambda: None  # type: ignore[method-assign]
    assert tune.search.suggest("a") == "FINISHED"


def test_an_assignment_says_where_and_as_what_a_trial_runs(make_sweep: Callable[..., SweepFolder]) -> None:
    folder = make_sweep(min_free_gib=0.5)
    first = Tune(folder).search.suggest("a")
    assert isinstance(first, dict)
    assert first["directory"] == str(folder.run_directory("trials", 0))
    assert first["stop_request"] == str(folder.stop_request("trials", 0))
    assert first["min_free_bytes"] == 2**29
    assert first["config"]["hardware"]["gpus"] is None
    assert first["tags"]["evsweep.known_point"] == "baseline"
    record = SweepRecord.read(folder)
    assert (first["parent_run_id"], first["run_id"]) == (record.sweep_id, trial_run_id(record.sweep_id, "trials", 0))
    assert Tune(folder).search.suggest("b") == first  # gone on with by another driver


def test_a_trial_on_a_gpu_takes_the_one_that_ray_gives_it(make_sweep: Callable[..., SweepFolder]) -> None:
    assignment = Tune(make_sweep(), resources=TrialResources(cpus=4.5, gpus=0.5)).search.suggest("a")
    assert isinstance(assignment, dict)
    assert (assignment["config"]["hardware"]["gpus"], assignment["threads"]) == (0, 4)


def test_a_trial_at_the_full_budget_is_complete(tune: Tune) -> None:
    tune.search.suggest("a")
    assert tune.report("a", BUDGET) == "CONTINUE"
    tune.search.on_trial_complete("a", result(BUDGET, done=True))
    assert tune.state() == ("COMPLETE", "")


def test_a_trial_that_the_study_stops_is_pruned(tune: Tune) -> None:
    for trial, quality in (("a", 0.9), ("b", 0.8), ("c", 0.1)):
        tune.search.suggest(trial)
        decision = tune.report(trial, 100, **{name: quality for name in METRICS})
    assert decision == "STOP"
    tune.search.on_trial_complete("c", result(100))
    assert tune.state(2)[0] == "PRUNED"


def test_a_trial_that_cannot_go_on_has_failed_for_its_reason(tune: Tune) -> None:
    tune.search.suggest("a")
    assert tune.report("a", 0, failure="the loss is NaN") == "CONTINUE"
    tune.search.on_trial_complete("a", result(0, failure="the loss is NaN"))
    assert tune.state() == ("FAILED", "the loss is NaN")


def test_a_trial_that_was_stopped_by_hand_is_stopped(tune: Tune) -> None:
    tune.search.suggest("a")
    tune.report("a", 50, stopped="stopped by hand at noon")
    tune.search.on_trial_complete("a", result(50, stopped="stopped by hand at noon"))
    assert tune.state() == ("STOPPED", "stopped by hand at noon")


def test_a_trial_whose_process_died_too_often_has_failed_with_its_last_error(tune: Tune, tmp_path: Any) -> None:
    tune.search.suggest("a")
    (tmp_path / "error.txt").write_text('Traceback:\n  File "x.py", line 3\nValueError: boom\n')
    trial = SimpleNamespace(trial_id="a", error_file=str(tmp_path / "error.txt"))
    tune.scheduler.on_trial_error(None, trial)  # type: ignore[arg-type]
    tune.search.on_trial_complete("a", error=True)
    state, reason = tune.state()
    assert state == "FAILED"
    assert reason.startswith("ValueError: boom; its log: ")
    assert reason.endswith("0000/trial.log")


def test_a_trial_that_returns_early_without_a_word_has_failed(tune: Tune) -> None:
    tune.search.suggest("a")
    tune.report("a", 50)
    tune.search.on_trial_complete("a", result(50))
    assert tune.state() == ("FAILED", "it ended at step 50 of 300 without saying why")
    tune.search.suggest("b")
    tune.search.on_trial_complete("b", {"done": True})
    assert tune.state(1)[0] == "FAILED"


def test_an_end_that_the_disk_refuses_is_told_again(tune: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    tune.search.suggest("a")
    tune.report("a", BUDGET)
    with monkeypatch.context() as patch:

        def refuse(*arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(tune.study, "complete", refuse)
        with pytest.raises(OSError, match="No space left"):
            tune.search.on_trial_complete("a", result(BUDGET))
    tune.search.on_trial_complete("a", result(BUDGET))
    tune.search.on_trial_complete("a", result(BUDGET))
    assert tune.state()[0] == "COMPLETE"


def test_the_last_error_of_a_log_is_its_last_unindented_part() -> None:
    log = (
        "Failure # 1\nTraceback (most recent call last):\n  File a\nKeyError: 'x'\n"
        "Failure # 2\n\x1b[36mray::train()\x1b[39m\n  File b\n    raise ValueError\nValueError: a message\n"
        "of two lines\n"
    )
    assert last_error(log) == "ValueError: a message of two lines"


def test_the_death_of_a_process_is_told_without_rays_explanations() -> None:
    log = (
        "Failure # 1\nThe actor died unexpectedly before finishing this task.\n\tclass_name: TrialActor\n\tpid: 7\n"
        "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR ...\n"
    )
    assert last_error(log) == "The actor is dead because its worker process has died."


def test_a_long_error_is_cut() -> None:
    assert len(last_error("x" * 1000)) == 300
