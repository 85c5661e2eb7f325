"""From a proposed trial to what its process is told."""

import logging
from collections.abc import Callable
from uuid import UUID, uuid5

from sweep.assignment import TrialAssignment
from sweep.confirm import confirmation_tags
from sweep.folder import Phase, SweepFolder
from sweep.proposals import Proposal
from sweep.record import SweepRecord
from sweep.resources import TrialResources
from trainable.units import GIB

logger = logging.getLogger(__name__)

Assign = Callable[[Proposal], TrialAssignment]


def assigner(folder: SweepFolder, record: SweepRecord, phase: Phase, resources: TrialResources) -> Assign:
    """What turns the proposals of a sweep's phase into assignments; the same proposal gives the same one every time.

    A trial has no more processes that load data than CPUs; their number changes nothing else than speed.
    """
    settings, workers = record.settings, record.config.hardware.num_workers
    most_workers = resources.threads
    if max(workers.train, workers.eval) > most_workers:
        logger.info(
            "trials load data with %d processes at most instead of hardware.num_workers=%d (train) and %d (eval), as "
            "each has %g CPUs; --cpus-per-trial gives them more",
            *(most_workers, workers.train, workers.eval, resources.cpus),
        )

    def assign(proposal: Proposal) -> TrialAssignment:
        asked = proposal.config.hardware.num_workers
        changes: dict[str, object] = {
            "hardware.gpus": 0 if resources.gpus else None,
            "hardware.num_workers.train": min(asked.train, most_workers),
            "hardware.num_workers.eval": min(asked.eval, most_workers),
        }
        if settings.keep_best_checkpoint_as_artifact:
            changes["tracking.log_best_checkpoint"] = True
        return TrialAssignment(
            index=proposal.index,
            name=proposal.name,
            config=proposal.config.merged(changes).to_dict(),
            directory=str(folder.run_directory(phase, proposal.index)),
            run_id=trial_run_id(record.sweep_id, phase, proposal.index),
            parent_run_id=record.sweep_id,
            tags={**_tags(folder, phase, proposal), "evsweep.gpus": f"{resources.gpus:g}"},
            stop_request=str(folder.stop_request(phase, proposal.index)),
            min_free_bytes=int(settings.min_free_gib * GIB),
            threads=resources.threads,
        )

    return assign


def trial_run_id(sweep_id: str, phase: Phase, index: int) -> str:
    """Identity of a trial's run on every tracking server, the same whenever and wherever the trial starts again."""
    return uuid5(UUID(sweep_id), f"{phase}/{index}").hex


def _tags(folder: SweepFolder, phase: Phase, proposal: Proposal) -> dict[str, str]:
    tags = {
        "evsweep.kind": "trial",
        "evsweep.sweep": folder.name,
        "evsweep.phase": phase,
        "evsweep.trial": str(proposal.index),
        "evsweep.config_hash": proposal.config_hash,
    }
    if proposal.known_point is not None:
        tags["evsweep.known_point"] = proposal.known_point
    return tags | (confirmation_tags(folder, proposal) if phase == "confirm" else {})
