"""RVT's commands, typed as RVT's users and the size-aware notes type them."""

from pathlib import Path

import pytest

from trainable.config import Config, compose, configuration_keys, validate_config
from trainable.errors import ConfigError

ETRAM_CLASSES = ("pedestrian", "car", "bicycle", "bus", "motorbike", "truck", "tram", "wheelchair")
GROUPS = Path(__file__).parents[3] / "trainable" / "config" / "groups"
EXPERIMENTS = sorted(f"{path.parent.name}={path.stem}" for path in (GROUPS / "experiment").glob("gen*/*.yaml"))


def gen4(*overrides: str) -> Config:
    return compose(["dataset=gen4", "dataset.path=/data", "+experiment/gen4=base", *overrides])


def test_the_size_aware_training_command_runs_as_typed() -> None:
    config = compose(
        [
            "dataset=gen4",
            "dataset.path=/data/etram_cls8_sample",
            "+experiment/gen4='size_aware.yaml'",
            "hardware.gpus=0",
            "batch_size.train=6",
            "batch_size.eval=2",
            "training.max_steps=100000",
            "wandb.project_name=etram_size_aware",
        ]
    )
    head = config.model.head
    assert (head.size_aware_loss, head.size_aware_weight, head.weight_type) == (True, 2.5, "exponential")
    assert (head.small_threshold, head.medium_threshold) == (1024, 9216)
    assert config.model.fpn.in_stages == (1, 2, 3, 4)
    assert config.label_set.class_names == ETRAM_CLASSES
    assert config.wandb.project_name == "etram_size_aware"
    assert config.input_hw == (360, 640)


def test_the_design_command_overrides_what_the_experiment_sets() -> None:
    config = compose(
        [
            "dataset=gen4",
            "dataset.path=/data",
            "+experiment/gen4='size_aware.yaml'",
            "hardware.gpus=0",
            "batch_size.train=6",
            "training.max_steps=100000",
            "dataset.train.sampling=stream",
        ]
    )
    assert config.dataset.train.sampling == "stream"


def test_the_patch_3_validation_command_runs_as_typed() -> None:
    command = (
        "dataset=gen4 dataset.path=/data/etram_cls8_sample "
        "checkpoint=experiments/patch3_4scale_sizeaware_200k/checkpoints/final_model.ckpt "
        "+model/maxvit_yolox=patch3_4scale_sizeaware hardware.gpus=0 batch_size.eval=4 +batch_size.train=4 "
        "+hardware.num_workers.train=2 hardware.num_workers.eval=2 ++model.head.num_classes=8"
    )
    config = compose(command.split(), command="validate")
    assert config.model.backbone.stem.patch_size == 3
    assert config.num_classes == 8
    assert (config.batch_size.eval, config.batch_size.train) == (4, 4)
    assert config.checkpoint is not None


def test_the_gen1_validation_command_of_rvt_runs_as_typed() -> None:
    command = (
        "dataset=gen1 dataset.path=/data checkpoint=rvt-b.ckpt use_test_set=1 hardware.gpus=0 "
        "+experiment/gen1=base.yaml batch_size.eval=8 model.postprocess.confidence_threshold=0.001"
    )
    config = compose(command.split(), command="validate")
    assert config.use_test_set
    assert config.label_set.class_names == ("car", "pedestrian")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_shipped_experiment_composes(experiment: str) -> None:
    dataset, name = experiment.split("=")
    config = compose([f"dataset={dataset}", "dataset.path=/data", f"+experiment/{dataset}={name}"])
    expected = {"tiny": (32, 0.33), "small": (48, 0.33)}.get(name, (64, 0.67))
    assert (config.model.backbone.embed_dim, config.model.fpn.depth) == expected


@pytest.mark.parametrize("dataset", ["gen1", "gen4", "etram", "demo"])
@pytest.mark.parametrize("model", ["default", "size_aware", "patch2_4scale_sizeaware", "patch3_4scale_sizeaware"])
def test_every_shipped_model_composes_with_every_dataset(dataset: str, model: str) -> None:
    config = compose([f"dataset={dataset}", "dataset.path=/data", f"+model/maxvit_yolox={model}"])
    assert config.model.head.size_aware_loss is (model != "default")


def test_all_mistakes_come_in_one_message_with_the_nearest_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        gen4(
            "training.learning_rat=1",
            "batch_size.trian=3",
            "training.max_steps=true",
            "model.head.small_threshold=q2",
            "model.fpn.in_stages=[2,4]",
            "hardware.gpus=-1",
        )
    message = str(caught.value)
    assert (
        "`training.learning_rat` is not a key of the configuration; did you mean `training.learning_rate`?" in message
    )
    assert "`batch_size.trian` is not a key of the configuration; did you mean `batch_size.train`?" in message
    assert "`training.max_steps`: Input should be a valid integer, got True" in message
    assert 'got "q2"' in message
    assert "got [2, 4]" in message
    assert "`hardware.gpus`" in message
    assert len(message.splitlines()) == 7


def test_a_missing_detector_is_one_mistake_that_says_what_to_add() -> None:
    with pytest.raises(ConfigError, match=r"no detector is chosen: add `\+experiment/gen4=base`") as caught:
        compose(["dataset=gen4"])
    assert "`dataset.path` must be given" in str(caught.value)


def test_an_unknown_choice_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"Could not find 'experiment/gen4/huge'(.|\n)*size_aware(.|\n)*tiny"):
        compose(["dataset=gen4", "dataset.path=/data", "+experiment/gen4=huge"])


def test_an_unreadable_override_is_a_config_error() -> None:
    with pytest.raises(ConfigError):
        gen4("training.max_steps=[")


def test_a_class_count_without_a_class_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_classes=5 does not fit dataset gen4, whose class list has 3 or 8 names"):
        gen4("model.head.num_classes=5")


def test_small_object_classes_must_be_classes() -> None:
    with pytest.raises(ConfigError, match=r"small_object_classes names \['bike'\]"):
        gen4("dataset.small_object_classes=[bike]")


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        gen4().training.max_steps = 3  # type: ignore[misc]


def test_the_configuration_survives_its_way_to_a_worker() -> None:
    config = gen4("model.head.small_threshold=q0.33")
    assert validate_config(config.to_dict()) == config


def test_a_trials_parameters_are_merged_and_validated() -> None:
    config = gen4().merged({"model.head.size_aware_weight": 3.5, "model.backbone.stem.patch_size": 2})
    assert (config.model.head.size_aware_weight, config.model.backbone.stem.patch_size) == (3.5, 2)
    with pytest.raises(ConfigError, match=r"patch_size(.|\n)*got 5(.|\n)*did you mean `model.head.size_aware_weight`"):
        gen4().merged({"model.head.size_aware_wait": 2.0, "model.backbone.stem.patch_size": 5})


def test_every_key_is_listed_once_and_can_be_set() -> None:
    keys = list(configuration_keys())
    assert len(set(keys)) == len(keys)
    assert {"batch_size.train", "model.head.size_aware_weight", "dataset.data_augmentation.random.zoom.prob"} <= set(
        keys
    )


def test_metric_bins_do_not_follow_the_loss_thresholds() -> None:
    config = gen4("model.head.small_threshold=300", "model.head.medium_threshold=2000")
    assert [area_bin.upper_px2 for area_bin in config.dataset.evaluation.area_bins[:2]] == [1024, 9216]


def test_the_step_type_needs_rising_thresholds() -> None:
    thresholds = ("model.head.small_threshold=9216", "model.head.medium_threshold=1024")
    gen4("model.head.weight_type=exponential", *thresholds)
    with pytest.raises(ConfigError, match="small_threshold must be below medium_threshold, got 9216"):
        gen4("model.head.weight_type=step", *thresholds)
