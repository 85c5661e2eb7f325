"""Trains one trial from wherever an earlier process left it. Knows nothing of Ray."""

import gc
import logging
from pathlib import Path

import pytorch_lightning as pl
import torch
from rich.console import Console

from search_spaces.objectives import HEADLINE_METRICS
from sweep.assignment import TrialAssignment
from sweep.disk_guard import DiskGuard, remove_pause
from sweep.micro_batches import MicroBatch
from sweep.stop_request import StoppedByHand, StopRequest
from sweep.trial_log import trial_log
from sweep.trial_reports import Report, StoppedEarly, TrialReports, ValidationReports
from trainable.config import Config, validate_config
from trainable.errors import DiskFullError, EvsweepError, OutOfMemoryError
from trainable.model import read_checkpoint
from trainable.run_folder import RunFolder
from trainable.run_lock import run_lock
from trainable.tracking import RunStatus
from trainable.tracking.entries import HeaderEntry, journaled_status
from trainable.tracking.journal import JOURNAL_NAME, Journal, JournalReader, now_ms
from trainable.tracking.reading import MetricsLine, read_metrics
from trainable.train import RunIdentity, train

logger = logging.getLogger(__name__)

PREDECESSOR_S = 60.0
"""How long to wait for an earlier process of the trial to be gone."""


def train_assignment(assignment: TrialAssignment, send: Report) -> None:
    """Train a trial to its end.

    A trial that was trained before first repeats the report of every validation up to its newest checkpoint, and then
    goes on from there. Where the GPU's memory does not suffice, it goes on with smaller micro-batches, or after a
    validation with smaller batches there. What a restart cannot heal is reported as `failure`, a request to stop as
    `stopped`, and the function returns.

    Args:
        assignment: The trial.
        send: Takes a report; it raises `SystemExit` to end the trial.

    Raises:
        StoppedEarly: After `send` has ended the trial.
        Exception: Whatever else goes wrong; the trial can be started again.
    """
    _free_memory()  # of a trial that this process trained before
    torch.set_num_threads(assignment.threads)
    assignment.folder.mkdir(parents=True, exist_ok=True)
    with trial_log(assignment.folder):
        try:
            _Trial(assignment, send).run()
        except Exception:
            logger.exception("the trial's process failed; started again, it goes on from its last checkpoint")
            raise


class _Trial:
    def __init__(self, assignment: TrialAssignment, send: Report) -> None:
        self._assignment = assignment
        self._folder = RunFolder(assignment.folder)
        self._config = _trial_config(assignment)
        self._micro_batch = MicroBatch.read(assignment.folder, self._config)
        self._reports = TrialReports(assignment.index, self._micro_batch.rows, send)
        self._stop_request = StopRequest(Path(assignment.stop_request))
        self._disk_guard = DiskGuard(self._folder, assignment.min_free_bytes, self._stop_request.check)

    def run(self) -> None:
        with run_lock(self._folder.directory, wait_s=PREDECESSOR_S):
            remove_pause(self._folder)
            earlier = _validations(self._folder)
        try:
            for step, metrics in earlier:
                self._reports.validated(step, metrics)
            if self._reports.step < self._config.training.max_steps:
                self._stop_request.check()
                self._train()
            else:
                self._end_journal("FINISHED")
        except StoppedByHand as stop:
            self._end_journal("KILLED", str(stop))
            self._reports.stopped(str(stop))
        except StoppedEarly as stop:
            self._end_journal("KILLED", str(stop))
            raise
        except DiskFullError:
            raise
        except EvsweepError as error:
            logger.error("%s", error)
            self._end_journal("FAILED", str(error))
            self._reports.failed(str(error))

    def _train(self) -> None:
        """Train, with smaller and smaller batches on the device where need be."""
        while not self._train_once():
            _free_memory()
            self._micro_batch.write(self._folder.directory)
            self._reports.micro_batch = self._micro_batch.rows
            journal = Journal(self._folder.directory)
            journal.tags(self._micro_batch.tags())
            journal.close()
            logger.warning(
                "out of GPU memory; going on from the last checkpoint with micro-batches of %d rows, the effective "
                "batch as before, and %d rows at once in a validation",
                self._micro_batch.rows,
                self._micro_batch.eval_rows or self._config.batch_size.eval,
            )

    def _train_once(self) -> bool:
        """Whether the memory sufficed; if not, the next micro-batch or validation batch is chosen.

        The error is not kept: its traceback refers to everything that the training held.
        """
        assignment, phase = self._assignment, _PhaseOfError()
        try:
            train(
                self._attempt_config(),
                callbacks=[self._stop_request, self._disk_guard, ValidationReports(self._reports), phase],
                console=Console(quiet=True, force_terminal=False),
                identity=RunIdentity(assignment.run_id, assignment.parent_run_id, assignment.name, assignment.tags),
            )
        except OutOfMemoryError:
            sizes = self._config.batch_size
            smaller = (
                self._micro_batch.smaller_validation(sizes.eval)
                if phase.validating
                else self._micro_batch.smaller(sizes.train)
            )
            if smaller is None:
                raise
            self._micro_batch = smaller
            return False
        return True

    def _attempt_config(self) -> Config:
        """The configuration to begin with, or to go on with."""
        directory = str(self._folder.directory)
        changes: dict[str, object] = {"run_dir": directory, "resume": None}
        if self._folder.config_file.exists():
            changes = {"run_dir": None, "resume": directory, "checkpoint": None}
        return self._config.merged({**changes, **self._micro_batch.changes()})

    def _end_journal(self, status: RunStatus, reason: str = "") -> None:
        """Journal the end of a trial where no training has done so, for it may have ended before it could begin."""
        directory = self._folder.directory
        if not (directory / JOURNAL_NAME).exists():
            self._begin_journal()
        if journaled_status(JournalReader(directory).read()) != status:
            journal = Journal(directory)
            journal.status(status, reason)
            journal.close()

    def _begin_journal(self) -> None:
        """Make the folder that of a run without a checkpoint, which can be gone on with."""
        config, assignment = self._attempt_config(), self._assignment
        if not self._folder.config_file.exists():
            self._folder.write_config(config)
        header = HeaderEntry(
            time_ms=now_ms(),
            run_id=assignment.run_id,
            parent_run_id=assignment.parent_run_id,
            experiment=config.wandb.project_name,
            run_name=assignment.name,
            tags=assignment.tags,
        )
        journal = Journal.create(self._folder.directory, header)
        journal.parameters(config.to_dict())
        journal.close()


class _PhaseOfError(pl.Callback):
    """Notes whether an error came in a validation."""

    def __init__(self) -> None:
        self.validating = False

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.validating = trainer.validating


def _free_memory() -> None:
    """Give back what a training that has ended held; its objects refer to each other in circles."""
    gc.collect()
    torch.cuda.empty_cache()


def _trial_config(assignment: TrialAssignment) -> Config:
    """The trial's configuration: journaled only, and on the GPU that Ray leaves visible, whose index is then 0."""
    config = validate_config(assignment.config)
    return config.merged({"tracking.enabled": False, "hardware.gpus": None if config.hardware.gpus is None else 0})


def _validations(folder: RunFolder) -> list[MetricsLine]:
    """What the validations up to the newest checkpoint found. Later ones are repeated, so they don't count."""
    if not folder.last_checkpoint.exists():
        return []
    newest_step = int(read_checkpoint(folder.last_checkpoint)["global_step"])
    return [
        line
        for line in read_metrics(folder.directory)
        if line.step <= newest_step and HEADLINE_METRICS[0] in line.values
    ]
