"""Signals."""

import os
import signal

import pytest

from sweep.interruption import Interruption, hang_up_ignored


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


def test_a_program_that_ignores_the_loss_of_its_terminal_goes_on_ignoring_it() -> None:
    interruption = Interruption()
    with hang_up_ignored():
        with interruption.noticed():
            os.kill(os.getpid(), signal.SIGHUP)
        assert interruption.signal is None
    assert signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
