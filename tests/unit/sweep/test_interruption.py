"""Signals."""

import os
import signal

import pytest

from sweep.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_ends_on_the_spot(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    interruption = Interruption()
    with interruption.noticed():
        os.kill(os.getpid(), number)
        assert interruption.signal == number
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_afterwards_the_program_ends_as_the_signal_would_have_ended_it() -> None:
    interruption = Interruption()
    interruption.raise_again()
    interruption.signal = signal.SIGTERM
    with pytest.raises(SystemExit) as ended:
        interruption.raise_again()
    assert ended.value.code == 143
    interruption.signal = signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        interruption.raise_again()
