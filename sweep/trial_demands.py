"""What a sweep's trials ask of the cluster, settled and checked before the first of them starts."""

from rich.console import Console

from sweep.cluster import living_nodes
from sweep.folder import SweepFolder
from sweep.gpu_memory import measure_gpu_memory
from sweep.node_checks import check_nodes
from sweep.objectives import parse_constraint
from sweep.record import SweepRecord
from sweep.resources import TrialResources, check_request, needs_gpu_memory, resources_per_trial, trials_at_once


def checked_resources(folder: SweepFolder, record: SweepRecord, console: Console) -> TrialResources:
    """What one trial asks for, where it can have it, and all that it needs is there.

    Args:
        folder: The sweep.
        record: Its record.
        console: Where to show that measuring takes a while.

    Raises:
        SweepError: If no node can take a trial, a node cannot train it, or an objective is undefined on the data.
    """
    settings, config, nodes = record.settings, record.config, living_nodes()
    wants_gpu = config.hardware.gpus is not None
    memory = None
    if needs_gpu_memory(settings, nodes, wants_gpu=wants_gpu):
        with console.status("measuring how many trials fit on a GPU"):
            memory = measure_gpu_memory(record.search_space(), config)
    asked = resources_per_trial(settings, nodes, wants_gpu=wants_gpu, memory=memory)
    check_request(asked, nodes)
    metrics = [*settings.objectives, *(parse_constraint(text).metric for text in settings.constraints)]
    check_nodes(folder, config, metrics, [node for node in nodes if trials_at_once(asked, node)])
    return asked
