"""Every shipped space, against the experiments it is for."""

import pickle
from functools import cache

import optuna
import pytest

from search_spaces import Space, check_space, load_space, shipped_spaces
from search_spaces.json_values import same
from trainable.config import Config, compose

SIZE_AWARE = ("size_aware", "size_aware_patch", "size_aware_terms")
COMMANDS = {
    **{name: ["dataset=etram", "+experiment/gen4=base"] for name in SIZE_AWARE},
    "optimizer": ["dataset=gen4", "+experiment/gen4=default"],
    "demo": ["dataset=demo", "+experiment=demo"],
}


@cache
def composed(*overrides: str) -> Config:
    return compose([*overrides, "dataset.path=x"])


@pytest.fixture(params=shipped_spaces())
def space(request: pytest.FixtureRequest) -> Space:
    return load_space(request.param)


@pytest.fixture
def base(space: Space) -> Config:
    return composed(*COMMANDS[space.name])


def value_at(config: Config, key: str) -> object:
    node: object = config.to_dict()
    for part in key.split("."):
        assert isinstance(node, dict)
        node = node[part]
    return node


def test_a_shipped_space_is_named_as_its_file_and_fits_its_experiment(space: Space, base: Config) -> None:
    assert space.source.endswith(f"{space.name}.yaml")
    check_space(space, base)


@pytest.mark.parametrize("name", SIZE_AWARE)
@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset=gen4", "+experiment/gen4=size_aware", "training.max_steps=200000"],
        ["dataset=gen4", "+experiment/gen4=tiny"],
        ["dataset=gen1", "+experiment/gen1=small"],
        ["dataset=demo", "+experiment=demo"],
    ],
)
def test_the_size_aware_spaces_fit_other_experiments_too(name: str, overrides: list[str]) -> None:
    check_space(load_space(name), composed(*overrides))


def test_a_shipped_space_survives_pickling_and_plain_types(space: Space) -> None:
    assert pickle.loads(pickle.dumps(space)) == space
    assert Space.from_dict(space.to_dict()) == space


def test_known_points_are_suggested_as_they_are_and_reach_the_configuration(
    space: Space, base: Config, study: optuna.Study
) -> None:
    for point in space.known_points.values():
        study.enqueue_trial(space.optuna_parameters(point))
        extras = space.extras(point)
        suggested = space.suggest(study.ask(), extras)
        assert suggested | extras == point
        config = base.merged(space.overrides(point))
        assert all(same(value_at(config, key), value) for key, value in point.items())


def test_random_points_reach_the_configuration(space: Space, base: Config, study: optuna.Study) -> None:
    for _ in range(30):
        point = space.suggest(study.ask())
        config = base.merged(space.overrides(point))
        assert all(same(value_at(config, key), value) for key, value in point.items())


def test_points_have_names_that_differ(space: Space, study: optuna.Study) -> None:
    points = [*space.known_points.values(), *(space.suggest(study.ask()) for _ in range(30))]
    names = [space.describe(point) for point in points]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) < 130


@pytest.mark.parametrize("name", [*SIZE_AWARE, "demo"])
def test_the_first_known_point_of_a_size_aware_space_is_the_plain_baseline(name: str) -> None:
    points = load_space(name).known_points
    assert next(iter(points)) == "baseline"
    assert points["baseline"]["model.head.size_aware_loss"] is False


@pytest.mark.parametrize(
    ("point", "preset"),
    [
        ("baseline", "default"),
        ("4scale_sizeaware_100k", "size_aware"),
        ("patch2_4scale_sizeaware_200k", "patch2_4scale_sizeaware"),
        ("patch3_4scale_sizeaware_200k", "patch3_4scale_sizeaware"),
    ],
)
def test_the_published_architectures_are_those_of_the_presets(point: str, preset: str) -> None:
    space = load_space("size_aware_patch")
    command = ("dataset=etram", "+experiment/gen4=default")
    searched = composed(*command).merged(space.overrides(space.known_points[point])).model
    published = composed(*command, f"+model/maxvit_yolox={preset}").model
    weight = 2.5 if point == "4scale_sizeaware_100k" else published.head.size_aware_weight
    head = published.head.model_copy(update={"size_aware_weight": weight})
    assert searched == published.model_copy(update={"head": head})


def test_the_published_weights_are_searched() -> None:
    weights = {
        name: point.get("model.head.size_aware_weight")
        for name, point in load_space("size_aware_patch").known_points.items()
    }
    assert weights == {
        "baseline": None,
        "3scale_sizeaware_100k": 2.5,
        "4scale_enhanced_100k": None,
        "4scale_sizeaware_100k": 2.5,
        "patch2_4scale_sizeaware_200k": 2.0,
        "patch3_4scale_sizeaware_200k": 2.0,
    }


def test_rvts_own_settings_are_a_point_of_the_optimizer_space() -> None:
    base = composed("dataset=gen4", "+experiment/gen4=default")
    space = load_space("optimizer")
    assert base.merged(space.overrides(space.known_points["rvt_1mpx"])) == base
