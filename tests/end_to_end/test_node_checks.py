"""What is checked on the nodes of a cluster, and on this machine, before a trial starts."""

import shutil
from pathlib import Path

import pytest

from sweep.node_checks import NodeView, view_from_here, wrong_on_nodes
from sweep.objective_check import undefined_metrics
from sweep.resources import Node
from trainable.config import Config, compose

SEEN = NodeView(record="r", dataset="d", mistake="", undefined=())


@pytest.fixture
def config(small_run: list[str]) -> Config:
    return compose(small_run)


def node(name: str) -> Node:
    return Node(name, name, cpus=2, gpus=0)


def test_metrics_without_a_truth_in_their_bin_are_undefined(config: Config) -> None:
    assert undefined_metrics(config, ["AP", "AP_S", "AP_M", "AP_L"]) == ["AP_L"]  # no box is that large
    bins = {"dataset.evaluation.small_area_px2": 1, "dataset.evaluation.medium_area_px2": 1e9}
    moved = config.merged(bins)
    assert undefined_metrics(moved, ["AP", "AP_S", "AP_M", "AP_L"]) == ["AP_S", "AP_L"]


def test_only_the_frames_that_are_validated_count(config: Config) -> None:
    whole = undefined_metrics(config.merged({"validation.limit_val_batches": 1.0}), ["AP"])
    assert whole == []
    # The first window of two frames of each recording has no label.
    short = config.merged({"validation.limit_val_batches": 1, "dataset.sequence_length": 1, "batch_size.eval": 1})
    assert undefined_metrics(short, ["AP"]) == ["AP"]


def test_a_view_holds_the_dataset_and_the_record(config: Config, tmp_path: Path) -> None:
    record = tmp_path / "sweep.yaml"
    assert view_from_here(config, ["AP"], record).record == ""
    record.write_text("settings: {}")
    view = view_from_here(config, ["AP"], record)
    assert view.record
    assert view.dataset
    assert (view.mistake, view.undefined) == ("", ())
    copied = tmp_path / "copied"
    shutil.copytree(config.dataset.path, copied)
    assert view_from_here(config.merged({"dataset.path": str(copied)}), ["AP"], record) == view
    shutil.rmtree(next((copied / "train").iterdir()))
    assert view_from_here(config.merged({"dataset.path": str(copied)}), ["AP"], record).dataset != view.dataset
    missing = view_from_here(config.merged({"dataset.path": str(tmp_path / "none")}), ["AP"], record)
    assert "none" in missing.mistake


def test_weights_to_begin_with_that_are_missing_are_named(config: Config, tmp_path: Path) -> None:
    view = view_from_here(config.merged({"checkpoint": str(tmp_path / "none.ckpt")}), ["AP"], tmp_path / "sweep.yaml")
    assert f"checkpoint={tmp_path / 'none.ckpt'}: there is no such file" in view.mistake


def test_every_mistake_names_its_node() -> None:
    views = [
        (node("a"), SEEN),
        (node("blind"), NodeView(record="", dataset="d", mistake="", undefined=())),
        (node("empty"), NodeView(record="r", dataset="", mistake="/data: there is none", undefined=())),
        (node("other"), NodeView(record="r", dataset="e", mistake="", undefined=())),
    ]
    mistakes = wrong_on_nodes(views, "r", Path("/sweeps/s"), "/data")
    assert len(mistakes) == 3
    assert mistakes[0].startswith("blind does not see this sweep's folder /sweeps/s")
    assert mistakes[1] == "empty: /data: there is none"
    assert mistakes[2].startswith("other holds another dataset in /data than a")


def test_an_undefined_objective_is_told_once() -> None:
    lacking = NodeView(record="r", dataset="d", mistake="", undefined=("AP_S",))
    mistakes = wrong_on_nodes([(node("a"), lacking), (node("b"), lacking)], "r", Path("/sweeps/s"), "/data")
    assert len(mistakes) == 1
    assert mistakes[0].startswith("`AP_S` is undefined on the validation split of /data")


def test_nothing_is_wrong_where_all_nodes_see_the_same() -> None:
    assert wrong_on_nodes([(node("a"), SEEN), (node("b"), SEEN)], "r", Path("/sweeps/s"), "/data") == []
