"""Calls something now and then beside the main work."""

import logging
import time
from collections.abc import Callable

SHARE = 0.05
"""Of the time that a call may take."""

logger = logging.getLogger(__name__)


class Paced:
    """Makes a call at most every so often, and rarer where it takes long.

    What it does is a convenience: where it fails, that is logged once, and the main work goes on.

    Args:
        call: What to call.
        every_s: Shortest pause between two calls.
    """

    def __init__(self, call: Callable[[], None], every_s: float) -> None:
        self._call = call
        self._every_s = every_s
        self._next_s = 0.0
        self._failed = False

    def __call__(self) -> None:
        """Call now, if it is time."""
        started_s = time.monotonic()
        if started_s < self._next_s:
            return
        try:
            self._call()
        except Exception:  # a table that cannot be shown must not end a sweep of weeks
            if not self._failed:
                logger.exception("this failed, and is left out where it fails again; the sweep goes on")
            self._failed = True
        ended_s = time.monotonic()
        self._next_s = ended_s + max(self._every_s, (ended_s - started_s) / SHARE)
