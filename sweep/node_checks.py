"""Whether trials can run on each node of a cluster, asked before any of them starts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.folder import SweepFolder
from sweep.objective_check import undefined_metrics
from sweep.resources import Node
from trainable.config import Config, validate_config
from trainable.data import dataset_digest
from trainable.errors import CheckpointError, EvsweepError, SweepError

ANSWER_S = 120.0
"""How long a node may take: it starts a process, and reads the dataset's labels."""


@dataclass(frozen=True)
class NodeView:
    """What a node sees.

    Attributes:
        record: Digest of the sweep's record; empty where it is not seen.
        dataset: Digest of the dataset.
        mistake: Why the dataset or the checkpoint to begin with cannot be used; empty where they can.
        undefined: Metrics that are undefined on its validation split.
    """

    record: str
    dataset: str
    mistake: str
    undefined: tuple[str, ...]


def view_from_here(config: Config, metrics: Sequence[str], record_file: Path) -> NodeView:
    """What this machine sees.

    Args:
        config: A trial's configuration.
        metrics: Metrics that must be defined.
        record_file: The sweep's record.
    """
    record = record_digest(record_file)
    dataset = config.dataset
    try:
        digest = dataset_digest(
            Path(dataset.path),
            representation=dataset.ev_repr_name,
            downsample_by_factor_2=dataset.downsample_by_factor_2,
        )
        undefined = undefined_metrics(config, metrics)
        _check_checkpoint(config)
    except EvsweepError as error:
        return NodeView(record, "", str(error), ())
    return NodeView(record, digest, "", tuple(undefined))


def _check_checkpoint(config: Config) -> None:
    """Refuse weights to begin with that are not there.

    Raises:
        CheckpointError: If the file is missing.
    """
    if config.checkpoint is not None and not Path(config.checkpoint).is_file():
        raise CheckpointError(
            f"checkpoint={config.checkpoint}: there is no such file; give a whole path that every node sees"
        )


def record_digest(record_file: Path) -> str:
    """Digest of a sweep's record; empty where it is not seen."""
    try:
        return hashlib.sha256(record_file.read_bytes()).hexdigest()
    except OSError:
        return ""


def check_nodes(folder: SweepFolder, config: Config, metrics: Sequence[str], nodes: Sequence[Node]) -> None:
    """Refuse to start where a node could not train a trial as the others do.

    Args:
        folder: The sweep.
        config: A trial's configuration.
        metrics: Objectives and the metrics of constraints, which must be defined on the validation split.
        nodes: The nodes that can take trials.

    Raises:
        SweepError: Naming every node and what is wrong there.
    """
    views = _views(folder, config, metrics, nodes)
    mistakes = wrong_on_nodes(views, record_digest(folder.record_file), folder.directory, config.dataset.path)
    if mistakes:
        raise SweepError("trials cannot run:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


def wrong_on_nodes(
    views: Sequence[tuple[Node, NodeView]], record: str, directory: Path, dataset_path: str
) -> list[str]:
    """What keeps trials from running alike on all nodes, a sentence each.

    Args:
        views: What each node sees.
        record: Digest of the sweep's record.
        directory: The sweep's folder.
        dataset_path: Where the dataset is to lie.
    """
    mistakes = [
        f"{node.address} does not see this sweep's folder {directory}; give --storage a folder that all nodes mount "
        "under the same path"
        for node, view in views
        if view.record != record
    ]
    mistakes += [f"{node.address}: {view.mistake}" for node, view in views if view.mistake]
    seeing = [(node, view) for node, view in views if not view.mistake]
    mistakes += [
        f"{node.address} holds another dataset in {dataset_path} than {seeing[0][0].address}; copy the one to all nodes"
        for node, view in seeing[1:]
        if view.dataset != seeing[0][1].dataset
    ]
    undefined = seeing[0][1].undefined if seeing else ()
    mistakes += [
        f"`{name}` is undefined on the validation split of {dataset_path}: it holds no truth that counts for it; "
        "choose another objective, or bounds that fit the data (dataset.evaluation.small_area_px2, medium_area_px2)"
        for name in undefined
    ]
    return mistakes


def _views(
    folder: SweepFolder, config: Config, metrics: Sequence[str], nodes: Sequence[Node]
) -> list[tuple[Node, NodeView]]:
    """What each node sees, all asked at the same time; this machine needs no process for it."""
    here = ray.get_runtime_context().get_node_id()
    arguments = (config.to_dict(), tuple(metrics), str(folder.record_file))
    look = ray.remote(_look)
    asked = {
        node.id: look.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)
        ).remote(*arguments)
        for node in nodes
        if node.id != here
    }
    own = view_from_here(config, metrics, folder.record_file) if any(node.id == here for node in nodes) else None
    views = []
    for node in nodes:
        if node.id == here and own is not None:
            views.append((node, own))
            continue
        try:
            views.append((node, ray.get(asked[node.id], timeout=ANSWER_S)))
        except GetTimeoutError as error:
            raise SweepError(
                f"the node {node.address} does not answer within {ANSWER_S:g} s; look at it with `ray status`, or take "
                "it out of the cluster"
            ) from error
        except RayError as error:
            raise SweepError(
                f"the node {node.address} cannot run trials; is this project installed there, in the same version?\n"
                f"{error}"
            ) from error
    return views


def _look(config: dict[str, object], metrics: tuple[str, ...], record_file: str) -> NodeView:
    return view_from_here(validate_config(config), metrics, Path(record_file))
