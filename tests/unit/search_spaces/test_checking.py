"""Everything that can be wrong with a space for the configuration that it is for."""

from collections.abc import Callable
from typing import Any

import pytest

from search_spaces import Space, SpaceError, check_space
from trainable.config import Config

MakeSpace = Callable[..., Space]
ON = {"model.head.size_aware_loss": True}
WEIGHT = "model.head.size_aware_weight"
SMALL = "model.head.small_threshold"
MEDIUM = "model.head.medium_threshold"
TYPE = "model.head.weight_type"
PATCH = "model.backbone.stem.patch_size"
STAGES = "model.fpn.in_stages"


def mistakes_of(space: Space, base: Config) -> tuple[str, ...]:
    with pytest.raises(SpaceError) as raised:
        check_space(space, base)
    assert all(mistake in str(raised.value) for mistake in raised.value.mistakes)
    return raised.value.mistakes


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        (
            {"model.head.small_treshold": {"int": [1, 2]}},
            "`model.head.small_treshold` is not a key of the configuration; did you mean `model.head.small_threshold`?",
        ),
        (
            {"training.lr": {"float": [1e-5, 1e-3]}},
            "`training.lr` is not a key of the configuration; did you mean `training.learning_rate`?",
        ),
        (
            {"model.backbone.stem": {"choices": [1, 2]}},
            "`model.backbone.stem` is a section; name its keys one by one, such as `model.backbone.stem.patch_size`",
        ),
        ({"training.max_steps.x": {"int": [1, 2]}}, "`training.max_steps.x` is not a key of the configuration"),
        ({WEIGHT: {"float": [0.5, 2.0]}}, f"`{WEIGHT}`: Input should be greater than or equal to 1, got 0.5"),
        ({PATCH: {"choices": [3, 5, 7]}}, f"`{PATCH}`: Input should be 2, 3, 4 or 8, got 5, 7"),
        ({PATCH: {"int": [2, 8]}}, f"`{PATCH}`: Input should be 2, 3, 4 or 8, got "),
        (
            {STAGES: {"choices": [[2, 3, 4], [2, 3]]}},
            f"`{STAGES}`: the pyramid stands on stages [2, 3, 4] or [1, 2, 3, 4], got [2, 3]",
        ),
        ({TYPE: {"choices": ["step", "expo"]}}, f"`{TYPE}`: Input should be 'exponential', 'step'"),
        ({SMALL: {"choices": [1024, "q2"]}}, f"`{SMALL}`: expected an area in px² or a quantile"),
        (
            {"training.max_steps": {"float": [100, 200]}},
            "`training.max_steps`: Input should be a valid integer, got 10",
        ),
        ({"training.learning_rate": {"float": [0.0, 0.1]}}, "`training.learning_rate`: Input should be greater than 0"),
        (
            {"model.backbone.embed_dim": {"choices": [64, 40]}},
            "each stage's channels must be a multiple of stage.attention.dim_head=32",
        ),
        ({"model.head.num_classes": {"choices": [3, 5]}}, "model.head.num_classes=5 does not fit dataset gen4"),
        ({"run_dir": {"choices": ["a", "b"]}}, "`run_dir` is set by the sweep itself; leave it out"),
        ({"tracking.enabled": {"choices": [True, False]}}, "`tracking.enabled` is set by the sweep itself"),
        (
            {"dataset.evaluation.small_area_px2": {"int": [100, 1000]}},
            "`dataset.evaluation.small_area_px2` belongs to the metric, which must be the same for all trials",
        ),
    ],
)
def test_a_dimension_that_the_configuration_refuses_is_named(
    make_space: MakeSpace, gen4: Config, dimensions: dict[str, Any], message: str
) -> None:
    mistakes = mistakes_of(make_space(dimensions, fixed=ON), gen4)
    assert len(mistakes) == 1
    assert message in mistakes[0]


def test_what_the_configuration_refuses_is_said_once_with_a_few_of_the_values(
    make_space: MakeSpace, gen4: Config
) -> None:
    space = make_space({PATCH: {"choices": [9, 10, 11, 12, 13]}, WEIGHT: {"float": [2, 3]}}, fixed=ON)
    assert mistakes_of(space, gen4) == (f"`{PATCH}`: Input should be 2, 3, 4 or 8, got 9, 10, 11 and 2 more",)


def test_keys_of_a_free_mapping_can_be_varied(make_space: MakeSpace, gen4: Config) -> None:
    check_space(make_space({"model.backbone.compile.args.mode": {"choices": ["default", "max-autotune"]}}), gen4)


def test_a_key_inside_another_one_is_a_mistake(make_space: MakeSpace, gen4: Config) -> None:
    space = make_space(
        {"model.backbone.compile.args.mode": {"choices": ["default", "max-autotune"]}},
        fixed={"model.backbone.compile.args": None},
    )
    assert any(
        "`model.backbone.compile.args.mode` lies inside `model.backbone.compile.args`" in mistake
        for mistake in mistakes_of(space, gen4)
    )


def test_metric_bins_may_be_fixed_but_not_moved_by_one_point(make_space: MakeSpace, gen4: Config) -> None:
    bins = {"dataset.evaluation.small_area_px2": 900}
    check_space(make_space({WEIGHT: {"float": [2, 3]}}, fixed=ON | bins), gen4)
    space = make_space({WEIGHT: {"float": [2, 3]}}, fixed=ON, known_points={"mine": {WEIGHT: 2} | bins})
    assert "known point mine: `dataset.evaluation.small_area_px2` belongs to the metric" in mistakes_of(space, gen4)[0]


@pytest.mark.parametrize("weight_types", [["step"], ["exponential", "step"], ["exponential"]])
def test_thresholds_whose_ranges_overlap_can_cross(
    make_space: MakeSpace, gen4: Config, weight_types: list[str]
) -> None:
    dimensions = {
        TYPE: {"choices": weight_types},
        SMALL: {"int": [100, 2000]},
        MEDIUM: {"int": [1000, 9000]},
    }
    mistakes = mistakes_of(make_space(dimensions, fixed=ON), gen4)
    assert mistakes[0].startswith(f"`{MEDIUM}` must always be above `{SMALL}`, but the space holds 2000 for the small")
    assert f"`ratio_of: {SMALL}`" in mistakes[0]


@pytest.mark.parametrize(
    ("small", "medium"),
    [
        ({"choices": ["q0.2", "q0.6"]}, {"choices": ["q0.5", "q0.8"]}),
        ({"choices": ["q0.2", "q0.3"]}, {"choices": ["q0.5", 9216]}),
        ({"int": [100, 200]}, {"ratio_of": SMALL, "float": [0.5, 4]}),
        ({"int": [100, 20000]}, None),
        (None, {"int": [100, 20000]}),
    ],
)
def test_thresholds_cross_as_quantiles_as_ratios_and_against_the_configuration_too(
    make_space: MakeSpace, gen4: Config, small: dict[str, Any] | None, medium: dict[str, Any] | None
) -> None:
    dimensions = {TYPE: {"choices": ["step", "exponential"]}, SMALL: small, MEDIUM: medium}
    space = make_space({key: value for key, value in dimensions.items() if value}, fixed=ON)
    (mistake,) = mistakes_of(space, gen4)
    assert mistake.startswith(f"`{MEDIUM}` must always be above `{SMALL}`")


@pytest.mark.parametrize(
    ("small", "medium"),
    [
        ({"int": [100, 2000]}, {"int": [2001, 9000]}),
        ({"int": [100, 2000]}, {"ratio_of": SMALL, "float": [1.1, 4]}),
        ({"choices": ["q0.2", "q0.3"]}, {"choices": ["q0.5", "q0.8"]}),
    ],
)
def test_thresholds_that_cannot_cross_are_accepted(
    make_space: MakeSpace, gen4: Config, small: dict[str, Any], medium: dict[str, Any]
) -> None:
    check_space(make_space({TYPE: {"choices": ["step", "linear"]}, SMALL: small, MEDIUM: medium}, fixed=ON), gen4)


def test_a_dimension_that_nothing_reads_is_a_mistake(make_space: MakeSpace, gen4: Config) -> None:
    assert mistakes_of(make_space({WEIGHT: {"float": [1, 5]}}), gen4) == (
        f"`{WEIGHT}` is never read, because of model.head.size_aware_loss=false: change that in `fixed` or leave the "
        "dimension out",
    )
    exponent = {"model.head.size_aware_power_exponent": {"float": [0.25, 1]}}
    assert f"because of {TYPE}=exponential" in mistakes_of(make_space(exponent, fixed=ON), gen4)[0]
    check_space(make_space({TYPE: {"choices": ["power", "step"]}, **exponent}, fixed=ON), gen4)


def test_conditions_that_exclude_each_other_are_a_mistake(make_space: MakeSpace, gen4: Config) -> None:
    dimensions = {
        TYPE: {"choices": ["power", "exponential"]},
        "model.head.size_aware_power_exponent": {"choices": [0.5, 1.0], "when": {TYPE: "power"}},
        WEIGHT: {
            "float": [2, 3],
            "when": {TYPE: "exponential", "model.head.size_aware_power_exponent": 0.5},
        },
    }
    (mistake,) = mistakes_of(make_space(dimensions, fixed=ON), gen4)
    assert mistake == (
        f'`{WEIGHT}`: `when` {TYPE}: ["exponential"], model.head.size_aware_power_exponent: [0.5] never happens '
        "together"
    )


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({WEIGHT: 9, TYPE: "step"}, f"`{WEIGHT}`: expected a number from 1.0 to 5.0, got 9"),
        ({WEIGHT: 2, TYPE: "power"}, f'`{TYPE}`: expected one of "step", "exponential", got "power"'),
        ({WEIGHT: 2}, f'`{TYPE}`: expected one of "step", "exponential", but the point gives no value'),
        (
            {"model.head.size_aware_loss": False, WEIGHT: 2},
            f"`{WEIGHT}` is not searched there, only with model.head.size_aware_loss=true; leave it out",
        ),
        ({WEIGHT: 2, TYPE: "step", "model.hed.x": 1}, "`model.hed.x` is not a key of the configuration"),
        ({WEIGHT: 2, TYPE: "step", PATCH: 5}, f"`{PATCH}`: Input should be 2, 3, 4 or 8, got 5"),
        ({WEIGHT: 2, TYPE: "step", SMALL: 9999}, "small_threshold must be below medium_threshold, got 9999"),
        ({WEIGHT: 3, TYPE: "step"}, "expected a point of its own, got the same values as known point first"),
    ],
)
def test_a_known_point_outside_the_space_is_named(
    make_space: MakeSpace, gen4: Config, point: dict[str, Any], message: str
) -> None:
    space = make_space(
        {
            WEIGHT: {"float": [1, 5], "when": ON},
            TYPE: {"choices": ["step", "exponential"], "when": ON},
        },
        fixed=ON,
        known_points={"first": {WEIGHT: 3, TYPE: "step"}, "mine": point},
    )
    (mistake,) = mistakes_of(space, gen4)
    assert mistake.startswith("known point mine: ")
    assert message in mistake


def test_wrong_fixed_values_are_named(make_space: MakeSpace, gen4: Config) -> None:
    space = make_space({WEIGHT: {"float": [1, 5]}}, fixed=ON | {PATCH: 6, "model.hed.x": 1, "output_dir": "x"})
    mistakes = mistakes_of(space, gen4)
    assert [mistake.split(";")[0] for mistake in mistakes] == [
        "fixed: `model.hed.x` is not a key of the configuration",
        "fixed: `output_dir` is set by the sweep itself",
        f"`{PATCH}`: Input should be 2, 3, 4 or 8, got 6",
    ]


def test_all_mistakes_stand_in_one_message_with_the_space(gen4: Config) -> None:
    space = Space.from_dict(
        {
            "name": "mine",
            "description": "x",
            "fixed": ON,
            "dimensions": {
                "training.lr": {"float": [1, 2]},
                PATCH: {"choices": [4, 5]},
                SMALL: {"int": [100, 2000]},
                MEDIUM: {"int": [1000, 9000]},
                TYPE: {"choices": ["step", "linear"]},
            },
            "known_points": {"far": {SMALL: 1}},
        },
        "folder/mine.yaml",
    )
    with pytest.raises(SpaceError) as raised:
        check_space(space, gen4)
    text = str(raised.value)
    assert text.startswith("the search space mine (folder/mine.yaml) does not fit the configuration:\n  - ")
    for part in ("`training.lr`", f"`{PATCH}`", f"`{MEDIUM}` must always", f"known point far: `{SMALL}`"):
        assert part in text


def test_every_bound_of_a_space_with_many_corners_is_tried(make_space: MakeSpace, gen4: Config) -> None:
    dimensions: dict[str, Any] = {
        f"dataset.data_augmentation.{kind}.{part}.prob": {"float": [0, 1], "label": f"{kind}_{part}"}
        for kind in ("random", "stream")
        for part in ("rotate", "zoom")
    }
    dimensions |= {
        f"dataset.data_augmentation.{kind}.rotate.{bound}_angle_deg": {"float": span, "label": f"{kind}_{bound}"}
        for kind in ("random", "stream")
        for bound, span in (("min", [0, 2]), ("max", [2, 6]))
    }
    dimensions["training.weight_decay"] = {"float": [0, 0.1]}
    check_space(make_space(dimensions), gen4)
    first, last = "dataset.data_augmentation.random.rotate.prob", "training.weight_decay"
    for key, wrong, message in (
        (first, [0, 1.000001], "less than or equal to 1, got 1.000001"),
        (last, [-1e-6, 0.1], "greater than or equal to 0, got -1e-06"),
    ):
        changed = dimensions | {key: dimensions[key] | {"float": wrong}}
        assert mistakes_of(make_space(changed), gen4) == (f"`{key}`: Input should be {message}",)
