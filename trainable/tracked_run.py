"""The journal of a training run, from who the run is to what became of it."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trainable.beginning import Beginning
from trainable.config import Config
from trainable.errors import TrackingError
from trainable.hardware import Devices
from trainable.provenance import dataset_tags, provenance
from trainable.tracking import RunTracking, default_uri

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunIdentity:
    """Who a run is, where that is decided outside of it.

    Attributes:
        run_id: Identity of the run on every tracking server, the same after each restart.
        parent_run_id: The `run_id` of the run that this one is shown under.
        run_name: The run's name; `None` leaves `tracking.run_name`.
        tags: Further tags.
    """

    run_id: str
    parent_run_id: str | None = None
    run_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def tracked_run(
    config: Config, devices: Devices, beginning: Beginning, rank: int, identity: RunIdentity | None
) -> Iterator[RunTracking | None]:
    """The run's journal in the first process, ended with what became of the run.

    Args:
        config: The run's configuration, which is written into the folder of a new run.
        devices: Where the run computes.
        beginning: Where it begins.
        rank: Number of this process.
        identity: Who the run is; by default a new identity, and the name that the configuration gives.

    Yields:
        The journal; `None` in all processes but the first.

    Raises:
        TrackingError: If the journal cannot be begun; a new run's folder is then as it was.
    """
    if rank > 0:
        yield None
        return
    folder = beginning.folder
    # The configuration makes the folder a run that can be resumed, so it comes first.
    if not beginning.resumed:
        folder.write_config(config)
    try:
        tracking = _start_tracking(config, devices, beginning, identity)
    except TrackingError:
        if not beginning.resumed:
            folder.config_file.unlink()
        raise
    try:
        if beginning.checkpoint is None:
            tracking.parameters(folder.read_config().to_dict())
            tracking.artifact(folder.config_file)
        try:
            yield tracking
        finally:
            if config.tracking.log_best_checkpoint and folder.best_checkpoint.exists():
                tracking.artifact(folder.best_checkpoint, "checkpoints")
    except (KeyboardInterrupt, SystemExit) as interruption:
        logger.warning("stopped; go on with resume=%s", folder.directory)
        tracking.close("KILLED", reason=_interruption_reason(interruption))
        raise
    except BaseException as error:
        tracking.close("FAILED", reason=str(error))
        raise
    tracking.close("FINISHED")


def _interruption_reason(interruption: KeyboardInterrupt | SystemExit) -> str:
    """The text of a `SystemExit`, which may hold an exit code in its place."""
    if isinstance(interruption, SystemExit) and isinstance(interruption.code, str):
        return interruption.code
    return type(interruption).__name__


def _start_tracking(
    config: Config, devices: Devices, beginning: Beginning, identity: RunIdentity | None
) -> RunTracking:
    tags = provenance(devices)
    if not beginning.resumed:
        tags |= dataset_tags(config)
    if config.wandb.group_name is not None:
        tags["evsweep.group"] = config.wandb.group_name
    run_name = config.tracking.run_name or beginning.folder.directory.name
    return RunTracking.start(
        beginning.folder.directory,
        experiment=config.wandb.project_name,
        uri=(config.tracking.uri or default_uri(Path(config.output_dir))) if config.tracking.enabled else None,
        run_name=run_name if identity is None else identity.run_name or run_name,
        tags=tags if identity is None else tags | dict(identity.tags),
        run_id=None if identity is None else identity.run_id,
        parent_run_id=None if identity is None else identity.parent_run_id,
        resume_step=beginning.step if beginning.resumed else None,
    )
