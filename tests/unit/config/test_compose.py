"""RVT's commands, typed as RVT's users and the size-aware notes type them."""

import re
from pathlib import Path

import pytest

from trainable.config import Config, compose, configuration_keys, validate_config
from trainable.errors import ConfigError
from trainable.losses import is_quantile

ETRAM_CLASSES = ("pedestrian", "car", "bicycle", "bus", "motorbike", "truck", "tram", "wheelchair")
GROUPS = Path(__file__).parents[3] / "trainable" / "config" / "groups"
EXPERIMENTS = sorted(f"{path.parent.name}={path.stem}" for path in (GROUPS / "experiment").glob("gen*/*.yaml"))


def gen4(*overrides: str) -> Config:
    return compose(["dataset=gen4", "dataset.path=/data", "+experiment/gen4=base", *overrides])


@pytest.fixture(scope="module")
def baseline() -> Config:
    return gen4()


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
    choices = "base, default, size_aware, small, tiny"
    with pytest.raises(ConfigError, match=rf"`\+experiment/gen4=huge`: expected one of {choices}, got 'huge'"):
        compose(["dataset=gen4", "dataset.path=/data", "+experiment/gen4=huge"])
    with pytest.raises(ConfigError, match="demo, or a choice of experiment/gen1 or experiment/gen4, got 'base'"):
        compose(["dataset=gen4", "dataset.path=/data", "+experiment=base"])


@pytest.mark.parametrize("override", ["foo", "", "=3", "dataset.path=[a", "dataset.path=my data (1)", "x=é"])
def test_an_unreadable_override_is_echoed_with_what_is_expected(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gen4(override, "bar")
    first, second = str(caught.value).splitlines()[1:]
    assert first.startswith(f"  - `{override}`: expected key=value, such as batch_size.train=6")
    assert second.startswith("  - `bar`: expected key=value")
    assert "None" not in str(caught.value)


def test_a_path_with_every_special_character_can_be_quoted() -> None:
    assert gen4("dataset.path='/my,données=1 (x) [y]'").dataset.path == "/my,données=1 (x) [y]"


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("dataset=3", "expected one of base, demo, etram, gen1, gen4, got 3"),
        ("dataset=[gen1,gen4]", r"got \['gen1', 'gen4'\]"),
        ("dataset=null", "got None"),
        ("+experimnt/gen4=base", "there is no group `experimnt/gen4`; the groups are dataset, experiment, "),
        ("batch_size.train=2,4", "a run takes one value"),
        ("training.max_steps=choice(1,2)", "a run takes one value"),
        ("hydra.verbose=true", "settings of Hydra itself have no effect here"),
        ("+hydra/launcher=joblib", "settings of Hydra itself have no effect here"),
    ],
)
def test_an_override_without_effect_or_meaning_is_refused(override: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"`{re.escape(override)}`: .*{reason}"):
        compose(["dataset.path=/data", override])


def test_a_group_is_chosen_once() -> None:
    with pytest.raises(ConfigError, match="`dataset=gen4` and `dataset=gen1`: expected one choice of dataset"):
        gen4("dataset=gen1")
    with pytest.raises(ConfigError, match=r"`\+experiment=demo`: expected one choice of experiment"):
        gen4("+experiment=demo")


@pytest.mark.parametrize("plus", ["", "+"])
def test_a_model_is_chosen_beside_an_experiment_with_or_without_a_plus(plus: str) -> None:
    config = gen4(f"{plus}model/maxvit_yolox=patch3_4scale_sizeaware")
    assert (config.model.backbone.stem.patch_size, config.model.fpn.in_stages) == (3, (1, 2, 3, 4))
    assert config.batch_size.train == 12  # the experiment's


def test_an_experiment_needs_no_plus() -> None:
    assert compose(["dataset=gen4", "dataset.path=/data", "experiment/gen4=tiny"]).model.backbone.embed_dim == 32


def test_a_command_refuses_what_only_the_other_one_reads() -> None:
    with pytest.raises(ConfigError, match="use_test_set belongs to `validate`"):
        gen4("use_test_set=1")
    with pytest.raises(ConfigError, match="resume=runs/a belongs to `train`"):
        compose(["dataset=gen1", "dataset.path=/data", "+experiment/gen1=base", "resume=runs/a"], command="validate")


@pytest.mark.parametrize(
    ("overrides", "intervals"),
    [
        ([], (None, 1)),
        (["val_check_interval=100"], (100, None)),
        (["check_val_every_n_epoch=3"], (None, 3)),
        (["val_check_interval=null"], (None, 1)),
        (["val_check_interval=100", "check_val_every_n_epoch=null"], (100, None)),
    ],
)
def test_the_validation_interval_that_is_typed_counts(overrides: list[str], intervals: tuple[int | None, int]) -> None:
    command = ["dataset=gen1", "dataset.path=/data", "+experiment/gen1=base"]
    validation = compose([*command, *(f"validation.{override}" for override in overrides)]).validation
    assert (validation.val_check_interval, validation.check_val_every_n_epoch) == intervals


@pytest.mark.parametrize(("steps", "passes"), [(100, 1), (None, None)])
def test_exactly_one_validation_interval_must_be_set(steps: int | None, passes: int | None, baseline: Config) -> None:
    intervals = {"validation.val_check_interval": steps, "validation.check_val_every_n_epoch": passes}
    with pytest.raises(ConfigError, match=r"`validation`: exactly one of val_check_interval .* must be set"):
        baseline.merged(intervals)


@pytest.mark.parametrize(("typed", "limit"), [("1", 1), ("1.0", 1.0), ("0.25", 0.25), ("20", 20)])
def test_a_batch_limit_is_a_count_or_a_share(typed: str, limit: float) -> None:
    value = gen4(f"validation.limit_val_batches={typed}").validation.limit_val_batches
    assert (value, type(value)) == (limit, type(limit))


@pytest.mark.parametrize("typed", ["0", "0.0", "1.5", "-1", "-0.5"])
def test_a_batch_limit_that_leaves_nothing_or_means_nothing_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match=rf"`validation.limit_val_batches`: expected a number.*got {typed}"):
        gen4(f"validation.limit_val_batches={typed}")


@pytest.mark.parametrize("quantile", ["q0", "q0.33", "q.5", "q1", "q1.", "q1.0"])
def test_config_and_losses_read_the_same_quantiles(quantile: str, baseline: Config) -> None:
    assert baseline.merged({"model.head.small_threshold": quantile}).model.head.small_threshold == quantile
    assert is_quantile(quantile)


@pytest.mark.parametrize("text", ["q", "q1.01", "q-0.1", "Q0.5", "0.5q", "q."])
def test_config_and_losses_refuse_the_same_quantiles(text: str, baseline: Config) -> None:
    with pytest.raises(ConfigError, match=rf'such as "q0.33", got "{text}"'):
        baseline.merged({"model.head.small_threshold": text})
    assert not is_quantile(text)


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
    config = gen4()
    keys = list(configuration_keys())
    assert len(set(keys)) == len(keys)
    values: dict[str, object] = {}
    for key in keys:
        section, _, leaf = key.rpartition(".")
        node = config.to_dict()
        for name in filter(None, section.split(".")):
            node = node[name]
        assert leaf in node, key
        values[key] = node[leaf]
    emptied = Config.model_construct()  # nothing but what is set below
    assert emptied.merged(values) == config


def test_setting_a_section_names_a_key_of_it() -> None:
    with pytest.raises(ConfigError, match=r"`batch_size` is a section; set its keys .* `batch_size.train`, got 8"):
        gen4("batch_size=8")
    with pytest.raises(ConfigError, match="`validation` is a section"):
        gen4("validation=null")
    with pytest.raises(ConfigError, match=r"`dataset.alternative_label_sets`: .*, got 3"):
        gen4("dataset.alternative_label_sets=[3]")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("training.lr", "training.learning_rate"),
        ("training.maxsteps", "training.max_steps"),
        ("training.batch_size", "batch_size.train"),
        ("training.gradient_clip", "training.gradient_clip_val"),
        ("trainig.max_steps", "training.max_steps"),
        ("learning_rate", "training.learning_rate"),
        ("batchsize.train", "batch_size.train"),
        ("batch_size.val", "batch_size.eval"),
        ("model.head.numclasses", "model.head.num_classes"),
        ("model.num_classes", "model.head.num_classes"),
        ("model.patch_size", "model.backbone.stem.patch_size"),
        ("model.head.size_aware_wait", "model.head.size_aware_weight"),
        ("model.postprocess.conf_threshold", "model.postprocess.confidence_threshold"),
        ("hardware.gpu", "hardware.gpus"),
        ("hardware.num_worker.train", "hardware.num_workers.train"),
        ("dataset.pth", "dataset.path"),
        ("dataset.sequence_len", "dataset.sequence_length"),
        ("dataset.augmentation.random.prob_hflip", "dataset.data_augmentation.random.prob_hflip"),
        ("reproduce.seed", "reproduce.seed_everything"),
        ("seed", "reproduce.seed_everything"),
        ("checkpont", "checkpoint"),
    ],
)
def test_a_typo_is_answered_with_the_key_that_was_meant(typed: str, meant: str, baseline: Config) -> None:
    with pytest.raises(ConfigError, match=rf"`{typed}` is not a key of the configuration; did you mean `{meant}`\?"):
        baseline.merged({typed: 3})


def test_metric_bins_do_not_follow_the_loss_thresholds() -> None:
    config = gen4("model.head.small_threshold=300", "model.head.medium_threshold=2000")
    assert [area_bin.upper_px2 for area_bin in config.dataset.evaluation.area_bins[:2]] == [1024, 9216]


def test_the_step_type_needs_rising_thresholds() -> None:
    thresholds = ("model.head.small_threshold=9216", "model.head.medium_threshold=1024")
    gen4("model.head.weight_type=exponential", *thresholds)
    with pytest.raises(ConfigError, match="small_threshold must be below medium_threshold, got 9216"):
        gen4("model.head.weight_type=step", *thresholds)
