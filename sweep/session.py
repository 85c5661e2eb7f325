"""One run of Ray Tune over the trials of a sweep that are not finished."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.stopper import Stopper

from sweep.assigning import Assign
from sweep.resources import TrialResources
from sweep.study import SweepStudy
from sweep.trial_log import LOG_NAME
from sweep.tune_scheduler import StudyScheduler, failure_of
from sweep.tune_search import StudySearcher
from sweep.tune_state import NotKept
from sweep.tune_trainable import TrialFunction, trial_actor

LOOK_S = 0.5
"""Pause between two looks at what was asked from outside."""

_TUNE_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # files of every metric that nobody reads
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # nothing is restored
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """What a session runs, and how.

    Nothing of Tune's is ever restored. A session begins with the trials that an earlier one left unfinished, and a
    trial that starts again finds its run folder and goes on from there: after an exception or the death of its process
    in the same session, at most `max_failures` times.

    A trial on a GPU has a process of its own, as one that was used before keeps memory on the GPU. Trials on the CPU
    take turns in the same processes, which saves them five seconds of imports each.

    Attributes:
        trial_function: What a trial runs.
        assign: What turns a proposal into an assignment.
        resources: What a trial asks for.
        slots: How many trials may run at once now.
        max_failures: How often a trial is started again.
        directory: Where Tune keeps its own files, absolute.
    """

    trial_function: TrialFunction
    assign: Assign
    resources: TrialResources
    slots: Callable[[], int]
    max_failures: int
    directory: Path

    def run(
        self,
        study: SweepStudy,
        trials: int,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        """Run trials until the study has no more, or they are to stop.

        Args:
            study: The study, which no session has asked before.
            trials: How many trials to run at most; -1: as many as the study has.
            should_stop: Asked now and then; where it answers true, the trials end and stay unfinished.
            on_look: Called about twice a second.

        Raises:
            Exception: Whatever ends Tune itself; the unfinished trials stay so.
        """
        os.environ.update(_TUNE_ENVIRONMENT)
        searcher = StudySearcher(study, self.assign, self.slots)
        tune.Tuner(
            tune.with_resources(trial_actor(self.trial_function), self.resources.to_tune()),
            param_space={},
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=StudyScheduler(study, searcher.live),
                num_samples=trials,
                reuse_actors=not self.resources.gpus,
                trial_name_creator=_name,
                trial_dirname_creator=_directory_name,
            ),
            run_config=tune.RunConfig(
                name=time.strftime("%Y%m%d-%H%M%S"),
                storage_path=str(self.directory),
                verbose=0,
                stop=_StopWhen(should_stop),
                failure_config=tune.FailureConfig(max_failures=self.max_failures),
                callbacks=[_Events(self.max_failures, on_look)],
            ),
        ).fit()


class _StopWhen(NotKept, Stopper):
    """Ends the session on request."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self._looked_s = 0.0
        self._stopping = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Whether all trials are to end."""
        now_s = time.monotonic()
        if not self._stopping and now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._stopping = self._should_stop()
        return self._stopping


class _Events(NotKept, tune.Callback):
    """Says what happened to trials, and gives others their turn in the driver's loop."""

    def __init__(self, max_failures: int, on_look: Callable[[], None]) -> None:
        self._max_failures = max_failures
        self._on_look = on_look
        self._looked_s = 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Look after other things, now and then."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._on_look()

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Say that a trial starts again."""
        logger.warning(
            "trial %d: %s; it is started again and goes on from its last checkpoint (failure %d, %d are tolerated)",
            trial.config["index"],
            failure_of(trial),
            trial.num_failures,
            self._max_failures,
        )

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Say that a trial is given up."""
        logger.error(
            "trial %d failed: %s; its log: %s",
            trial.config["index"],
            failure_of(trial),
            Path(trial.config["directory"], LOG_NAME),
        )


def _name(trial: Trial) -> str:
    return f"trial_{trial.config['index']:04d}"


def _directory_name(trial: Trial) -> str:
    return f"{trial.config['index']:04d}_{trial.trial_id}"
