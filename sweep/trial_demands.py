"""What a sweep's trials ask of the cluster, settled and checked before the first of them starts."""

import logging
from collections.abc import Callable, Sequence

from search_spaces.objectives import parse_constraint
from sweep.cluster import living_nodes
from sweep.folder import SweepFolder
from sweep.gpu_memory import known_gpu_memory
from sweep.node_checks import check_nodes
from sweep.record import SweepRecord
from sweep.resources import Node, TrialResources, check_request, needs_gpu_memory, resources_per_trial, trials_at_once

logger = logging.getLogger(__name__)


def checked_resources(
    folder: SweepFolder, record: SweepRecord, trials: int | None, should_stop: Callable[[], bool]
) -> TrialResources:
    """What one trial asks for, where it can have it, and all that it needs is there.

    Args:
        folder: The sweep.
        record: Its record.
        trials: How many trials are still to run; `None`: not known.
        should_stop: Asked now and then; where it answers true, nothing more is waited for.

    Raises:
        SweepError: If no node can take a trial, a node cannot train it, or an objective is undefined on the data.
    """
    settings, config, nodes = record.settings, record.config, living_nodes()
    wants_gpu = config.hardware.gpus is not None
    memory = None
    if needs_gpu_memory(settings, nodes, wants_gpu=wants_gpu, trials=trials):
        memory = known_gpu_memory(folder, record.search_space(), config, should_stop)
    asked = resources_per_trial(settings, nodes, wants_gpu=wants_gpu, memory=memory, trials=trials)
    check_request(asked, nodes)
    logger.info("a trial gets %s; %d run at once", asked, _at_once(asked, nodes, settings.max_concurrent))
    metrics = [*settings.objectives, *(parse_constraint(text).metric for text in settings.constraints)]
    check_nodes(folder, config, metrics, [node for node in nodes if trials_at_once(asked, node)])
    return asked


def _at_once(asked: TrialResources, nodes: Sequence[Node], most: int | None) -> int:
    room = sum(trials_at_once(asked, node) for node in nodes)
    return room if most is None else min(room, most)
