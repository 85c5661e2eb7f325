"""The actor in which Ray Tune runs a trial."""

import os
import threading
from collections.abc import Callable
from typing import Any

from ray.tune.trainable import wrap_function
from ray.tune.trainable.function_trainable import FunctionTrainable

CLOSING_S = 5.0
"""How long a trial that was stopped may take to put its files in order. The end of a sweep waits for it, too."""
RESET_S = 600

TrialFunction = Callable[[dict[str, Any]], None]


class ClosingTrial(FunctionTrainable):
    """Lets a stopped trial close its journal before its process ends or takes another trial.

    Tune ends a trial by an exception in the thread that trains, and the process right after that, whatever the thread
    still has to do. And a process that is not done with a trial after two seconds makes the next one fail.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Prepare the process for its first trial."""
        os.environ["TUNE_FUNCTION_THREAD_TIMEOUT_S"] = str(RESET_S)
        self._closed = threading.Event()
        self._closed.set()
        super().setup(config)  # type: ignore[no-untyped-call]

    def _trainable_func(self, config: dict[str, Any]) -> Any:
        self._closed.clear()
        try:
            return super()._trainable_func(config)
        finally:
            self._closed.set()

    def cleanup(self) -> None:
        """End the trial, before the process ends."""
        try:
            super().cleanup()  # type: ignore[no-untyped-call]
        finally:
            self._closed.wait(CLOSING_S)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the trial, before the process takes the next one.

        Raises:
            TimeoutError: If the trial does not end; Tune then starts the next one in another process.
        """
        reset = super().reset_config(new_config)  # type: ignore[no-untyped-call]
        if not reset:  # Tune would give the next trial up and tell nobody
            raise TimeoutError(f"the trial before it did not end within {RESET_S} s")
        return True


def trial_actor(function: TrialFunction) -> type[FunctionTrainable]:
    """Tune's trainable for a function that takes an assignment and reports by `tune.report`."""
    return type("TrialActor", (ClosingTrial, wrap_function(function)), {"_name": "trial"})
