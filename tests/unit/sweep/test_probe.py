import pytest

from search_spaces import Json, Space, load_space
from search_spaces.choices import Choices
from search_spaces.dimension import Dimension
from search_spaces.ranges import FloatRange
from sweep.probe import combinations, probe
from trainable.config import Config, compose
from trainable.errors import ConfigError
from trainable.memory import measure_step
from trainable.model import build_detector

PATCH = Choices(key="model.backbone.stem.patch_size", choices=(4, 8))


@pytest.fixture
def base() -> Config:
    return compose(
        [
            "dataset=demo",
            "dataset.path=none",
            "+experiment=demo",
            "dataset.resolution_hw=[96,160]",
            "dataset.sequence_length=2",
            "batch_size.train=4",
            "batch_size.micro=2",
            "batch_size.eval=2",
        ]
    )


def space(*dimensions: Dimension, **known_points: dict[str, Json]) -> Space:
    return Space(name="tried", description="", dimensions=dimensions, known_points=known_points)


def test_each_patch_size_and_pyramid_of_a_shipped_space_is_a_combination(base: Config) -> None:
    labels = [combination.label for combination in combinations(load_space("size_aware_patch"), base)]
    assert labels == [f"patch {patch}, stages {first}-4" for patch in (2, 3, 4) for first in (2, 1)]


def test_a_space_of_the_loss_alone_has_one_combination(base: Config) -> None:
    (only,) = combinations(load_space("size_aware"), base)
    assert only.label == "every trial"
    assert only.values == {}


def test_a_known_point_adds_the_network_that_it_builds(base: Config) -> None:
    tried = space(PATCH, narrow={PATCH.key: 4, "model.fpn.in_stages": [1, 2, 3, 4], "batch_size.micro": 1})
    found = combinations(tried, base)
    assert [combination.label for combination in found] == [
        "patch 4, micro 2, stages 2-4",
        "patch 8, micro 2, stages 2-4",
        "patch 4, micro 1, stages 1-4",
    ]
    assert found[-1].config.model.fpn.in_stages == (1, 2, 3, 4)


def test_a_conditional_dimension_is_measured_with_and_without_what_it_depends_on(base: Config) -> None:
    aware = Choices(key="model.head.size_aware_loss", choices=(False, True))
    patch = Choices(key=PATCH.key, choices=(2,), when={aware.key: (True,)})
    weight = FloatRange(key="model.head.size_aware_weight", low=1.0, high=4.0)
    assert [found.label for found in combinations(space(aware, patch, weight), base)] == ["patch 4", "patch 2"]


def test_real_steps_of_each_combination_are_measured(base: Config) -> None:
    finer, coarser = probe(space(PATCH), base, threads=1)
    assert (finer.label, coarser.label) == ("patch 4", "patch 8")
    assert finer.rows == finer.rows_measured == 2
    for cost in (finer, coarser):
        assert (cost.step_s or 0) > 0
        assert (cost.evaluation_batch_s or 0) > 0
        assert 100 < (cost.peak_mib or 0) < 4000
    parameters = sum(parameter.numel() for parameter in build_detector(base).parameters())
    assert finer.parameters == parameters
    assert finer.checkpoint_bytes == 3 * 4 * parameters


def test_where_all_rows_would_take_long_one_row_is_measured_and_scaled_up(base: Config) -> None:
    (cost,) = probe(space(), base, threads=1, limit_s=0.001)
    assert (cost.rows, cost.rows_measured) == (2, 1)
    one_row = measure_step(base.to_dict(), "training", 1, threads=1)
    assert one_row is not None
    # Four rows a step, in two micro-batches.
    assert 4 * one_row.seconds / 5 < (cost.step_s or 0) < 4 * one_row.seconds * 5


def test_a_gpu_that_is_not_here_cannot_be_probed(base: Config) -> None:
    with pytest.raises(ConfigError, match="asks for GPU 99"):
        list(probe(space(), base.merged({"hardware.gpus": 99})))
