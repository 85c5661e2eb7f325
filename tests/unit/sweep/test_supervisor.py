"""What the supervisor does between sessions, with sessions that are not run."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from sweep import supervisor
from sweep.folder import SweepFolder
from sweep.record import open_study
from sweep.supervisor import run_sweep
from trainable.errors import SweepError
from trainable.run_folder import RunFolder
from trainable.tracking.entries import journaled_status
from trainable.tracking.journal import JournalReader

MakeSweep = Callable[..., SweepFolder]
Play = Callable[..., list[int]]


class Sessions:
    """Takes the place of Ray's sessions: each does what it is told with the sweep, and ends."""

    def __init__(self, happens: Callable[[SweepFolder], str]) -> None:
        self._happens = happens
        self.begun = 0

    def __call__(self, folder: SweepFolder, *arguments: object) -> "Sessions":
        self.begun += 1
        self.resources = None
        self.failure = self._happens(folder)
        return self

    def is_running(self, wait_s: float) -> bool:
        return False

    def stop(self) -> None: ...

    def kill(self) -> None: ...


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[SweepFolder], str]], Sessions]:
    def take(happens: Callable[[SweepFolder], str]) -> Sessions:
        taken = Sessions(happens)
        monkeypatch.setattr(supervisor, "SessionProcess", taken)
        return taken

    return take


def fails(folder: SweepFolder) -> str:
    study = open_study(folder)
    for _ in range(3):
        proposal = study.ask()
        assert proposal is not None
        study.fail(proposal.index, "the dataset is gone")
    return "whatever"


Take = Callable[[Callable[[SweepFolder], str]], Sessions]


def test_a_sweep_whose_trials_fail_one_after_the_other_is_stopped_and_can_try_them_again(
    make_sweep: MakeSweep, sessions: Take
) -> None:
    folder = make_sweep(trials=9)
    taken = sessions(fails)
    with pytest.raises(SweepError, match="small is stopped: 3 trials in a row failed before their first report"):
        run_sweep(folder)
    assert taken.begun == 1
    assert len(open_study(folder).trials()) == 3


def test_a_sweep_of_which_all_trials_failed_ends_with_an_error(make_sweep: MakeSweep, sessions: Take) -> None:
    folder = make_sweep(trials=2)

    def fails_twice(folder: SweepFolder) -> str:
        study = open_study(folder)
        for _ in range(2):
            proposal = study.ask()
            assert proposal is not None
            study.fail(proposal.index, "the loss became nan")
        return ""

    sessions(fails_twice)
    with pytest.raises(SweepError, match=r"(?s)as all failed.*trial 1: the loss became nan.*resume small --failed"):
        run_sweep(folder)
    assert journaled_status(JournalReader(folder.directory).read()) == "FAILED"


def test_sessions_that_die_between_validations_go_on_while_checkpoints_are_written(
    make_sweep: MakeSweep, sessions: Take, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0,))
    folder = make_sweep(trials=1)
    begun = 0

    def dies(folder: SweepFolder) -> str:
        nonlocal begun
        begun += 1
        if begun == 1:
            open_study(folder).ask()
        if begun == 9:
            play(folder, [0.5])
            return ""
        checkpoint = RunFolder(folder.run_directory("trials", 0)).last_checkpoint
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.touch()
        os.utime(checkpoint, (begun, begun))
        return "the death of Ray"

    sessions(dies)
    run_sweep(folder)
    assert begun == 9


@pytest.mark.parametrize("by", ["signal", "request"])
def test_the_pause_between_sessions_ends_where_the_sweep_is_to_stop(
    by: str, make_sweep: MakeSweep, sessions: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (60.0,))
    folder = make_sweep(trials=1)

    def dies(folder: SweepFolder) -> str:
        open_study(folder).ask()
        return "the death of Ray"

    def stop() -> None:
        if by == "signal":
            os.kill(os.getpid(), signal.SIGHUP)
        else:
            folder.requests_directory.mkdir(exist_ok=True)
            folder.stop_request().touch()

    taken = sessions(dies)
    began_s = time.monotonic()
    if by == "signal":
        with pytest.raises(SystemExit) as ended:
            run_sweep(folder, watch=stop)
        assert ended.value.code == 128 + signal.SIGHUP
    else:
        run_sweep(folder, watch=stop)
    assert time.monotonic() - began_s < 45
    assert taken.begun == 1
    assert journaled_status(JournalReader(folder.directory).read()) == "KILLED"
