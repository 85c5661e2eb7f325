"""Causes that let every trial fail."""

from collections.abc import Callable

from sweep.failure_brake import FailureBrake
from sweep.folder import SweepFolder
from sweep.record import open_study
from sweep.study import SweepStudy
from sweep.trying_again import try_failed_again

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


def fail(study: SweepStudy, count: int) -> None:
    for _ in range(count):
        proposal = study.ask()
        assert proposal is not None
        study.fail(proposal.index, f"the dataset is gone, says {proposal.index}")


def test_three_trials_in_a_row_that_fail_without_a_report_have_a_common_cause(make_sweep: MakeSweep) -> None:
    folder = make_sweep(scheduler="none")
    study = open_study(folder)
    brake = FailureBrake(folder, "trials", study.trials())
    fail(study, 2)
    assert brake.common_cause(study.trials()) == ""
    fail(study, 1)
    told = brake.common_cause(study.trials())
    assert all(f"trial {index}: the dataset is gone, says {index}" in told for index in range(3))
    assert str(folder.run_directory("trials", 2) / "trial.log") in told
    assert folder.command("resume", "--failed") in told
    assert brake.no_result(study.trials()).startswith("no trial of small completed, as all failed")
    assert FailureBrake(folder, "trials", study.trials()).common_cause(study.trials()) == ""


def test_failures_between_which_a_trial_reported_have_no_common_cause(make_sweep: MakeSweep, play: Play) -> None:
    folder = make_sweep(scheduler="none")
    brake = FailureBrake(folder, "trials", [])
    fail(open_study(folder), 2)
    play(folder, [0.5])
    fail(open_study(folder), 2)
    trials = open_study(folder).trials()
    assert (brake.common_cause(trials), brake.no_result(trials)) == ("", "")


def test_failed_trials_are_given_out_again_under_their_numbers_and_may_complete(
    make_sweep: MakeSweep, play: Play
) -> None:
    folder = make_sweep(scheduler="none", trials=4)
    play(folder, [0.5])
    fail(open_study(folder), 2)
    play(folder, [0.6], until=100)
    open_study(folder).fail(3, "the server is gone")
    before = open_study(folder).trials()
    try_failed_again(folder)
    study = open_study(folder)
    trials = study.trials()
    assert [trial.state for trial in trials] == ["COMPLETE", "RUNNING", "RUNNING", "RUNNING"]
    assert [trial.parameters for trial in trials] == [trial.parameters for trial in before]
    assert list(trials[3].reports) == [50, 100]
    again = [study.ask() for _ in range(3)]
    assert [(proposal.index, proposal.reissued) for proposal in again if proposal] == [(1, True), (2, True), (3, True)]
    assert play(folder, [0.7, 0.8, 0.9]) == [1, 2, 3]
    assert [trial.state for trial in open_study(folder).trials()] == ["COMPLETE"] * 4
    assert open_study(folder).ranked()[0].index == 3
    new = study.ask()
    assert new is None or new.index == 4


def test_a_trial_that_failed_twice_is_tried_a_third_time(make_sweep: MakeSweep) -> None:
    folder = make_sweep()
    for _ in range(2):
        fail(open_study(folder), 1)
        try_failed_again(folder)
    assert [trial.state for trial in open_study(folder).trials()] == ["RUNNING"]
    fail(open_study(folder), 2)
    assert [trial.index for trial in open_study(folder).trials()] == [0, 1]
