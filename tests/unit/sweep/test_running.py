"""Changing a sweep from a command line."""

from collections.abc import Callable

import pytest

from sweep.driver_lock import driver_lock
from sweep.folder import SweepFolder
from sweep.record import SweepRecord
from sweep.running import extend_sweep
from trainable.errors import ConfigError, SweepError

MakeSweep = Callable[..., SweepFolder]


def test_an_extended_sweep_has_the_new_total_and_is_free_to_run(make_sweep: MakeSweep) -> None:
    folder = make_sweep(trials=6)
    extend_sweep(folder, 8)
    assert SweepRecord.read(folder).settings.trials == 8
    with driver_lock(folder):
        pass


def test_a_total_that_does_not_rise_is_refused(make_sweep: MakeSweep) -> None:
    with pytest.raises(ConfigError, match="has 6 trials already"):
        extend_sweep(make_sweep(trials=6), 6)


def test_a_running_sweep_is_not_extended(make_sweep: MakeSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.driver_lock.WAIT_S", 0.0)
    folder = make_sweep(trials=6)
    with driver_lock(folder), pytest.raises(SweepError, match="running already"):
        extend_sweep(folder, 8)
    assert SweepRecord.read(folder).settings.trials == 6
