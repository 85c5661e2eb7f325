"""Ctrl-C, the end of a job and the loss of a terminal, made into a request that the running session fulfils."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

logger = logging.getLogger(__name__)


class Interruption:
    """Whether somebody wants the program to end.

    Attributes:
        signal: The first signal that came; `None` before.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Note signals instead of ending on the spot; the second one ends on the spot. Only the main thread can.

        A signal that the program was started to ignore, as by `nohup`, is ignored still.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in _heeded()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def raise_again(self) -> None:
        """End the program as the signal would have done, if one came.

        Raises:
            KeyboardInterrupt: After Ctrl-C.
            SystemExit: After SIGTERM and SIGHUP, with the exit code that a shell expects.
        """
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is not None:
            raise SystemExit(128 + self.signal)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            self.raise_again()
        self.signal = signal.Signals(number)
        logger.warning("%s: the trials end now, and can be resumed; once more to end at once", self.signal.name)


@contextmanager
def hang_up_ignored() -> Iterator[None]:
    """Start processes that outlive the terminal, so that this one ends them in order. Only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _heeded() -> list[signal.Signals]:
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
