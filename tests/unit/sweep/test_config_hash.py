from typing import get_args

import pytest
import torch

from sweep.config_hash import config_hash
from trainable.config import Config, compose
from trainable.losses import size_weights
from trainable.types import WeightType

HEAD = "model.head."


@pytest.fixture(scope="module")
def base() -> Config:
    config = compose(["dataset=gen4", "+experiment/gen4=size_aware", "dataset.path=/data", "training.max_steps=1000"])
    return config.merged({"dataset.downsample_by_factor_2": True, f"{HEAD}size_aware_loss": True})


def same(base: Config, one: dict[str, object], other: dict[str, object]) -> bool:
    return config_hash(base.merged(one)) == config_hash(base.merged(other))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reproduce.seed_everything", 77),
        ("output_dir", "/elsewhere"),
        ("run_dir", "/elsewhere/run"),
        ("dataset.path", "/mnt/data"),
        ("batch_size.micro", 1),
        ("batch_size.eval", 3),
        ("hardware.num_workers.train", 9),
        ("hardware.gpus", 1),
        ("wandb.group_name", "group"),
        ("tracking.enabled", False),
        ("logging.train.log_every_n_steps", 7),
        ("result_json", "out.json"),
        ("model.backbone.compile.enable", True),
        ("model.backbone.time_batched", True),
        ("training.lr_scheduler.total_steps", 1000),
        ("model.head.num_classes", 8),
    ],
)
def test_what_changes_no_result_changes_no_hash(base: Config, key: str, value: object) -> None:
    assert same(base, {}, {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.learning_rate", 0.00077),
        ("training.max_steps", 999),
        ("training.precision", 32),
        ("batch_size.train", 12),
        ("validation.limit_val_batches", 0.5),
        ("checkpoint", "/weights.ckpt"),
        ("model.head.size_aware_weight", 3.3),
        ("model.head.size_aware_loss", False),
        ("model.head.size_aware_normalize", True),
        ("model.head.iou_loss", "giou"),
        ("model.head.small_threshold", 900),
        ("model.head.small_threshold", "q0.3"),
        ("model.backbone.stem.patch_size", 2),
        ("model.fpn.in_stages", [2, 3, 4]),
        ("model.postprocess.nms_threshold", 0.6),
        ("dataset.sequence_length", 4),
        ("dataset.evaluation.small_area_px2", 900),
        ("dataset.data_augmentation.random.prob_hflip", 0.4),
    ],
)
def test_what_changes_results_changes_the_hash(base: Config, key: str, value: object) -> None:
    assert not same(base, {}, {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("small_threshold", 10.0),
        ("medium_threshold", 10_000.0),
        ("weight_type", "gaussian"),
        ("size_aware_normalize", True),
        ("size_aware_terms", ["cls"]),
        ("size_aware_area_space", "sensor"),
        ("size_aware_power_exponent", 0.9),
    ],
)
@pytest.mark.parametrize("off", [{"size_aware_loss": False}, {"size_aware_weight": 1.0}])
def test_size_aware_settings_have_no_effect_while_the_loss_is_off_or_its_weight_is_one(
    base: Config, off: dict[str, object], key: str, value: object
) -> None:
    switch = {HEAD + name: setting for name, setting in off.items()}
    assert same(base, switch, {**switch, HEAD + key: value})
    assert same(base, switch, {HEAD + "size_aware_loss": False, HEAD + "size_aware_weight": 4.0})


@pytest.mark.parametrize("weight_type", get_args(WeightType))
@pytest.mark.parametrize(
    ("key", "value"),
    [("small_threshold", 700.0), ("medium_threshold", 6000.0), ("size_aware_power_exponent", 0.8)],
)
def test_the_hash_reads_what_the_weight_function_reads(
    base: Config, weight_type: WeightType, key: str, value: float
) -> None:
    def weights(**changed: float) -> torch.Tensor:
        values = {"small_threshold": 1024.0, "medium_threshold": 9216.0, "power_exponent": 0.5, **changed}
        areas = torch.logspace(0, 5, 2000)
        return size_weights(areas, weight_type=weight_type, size_aware_weight=3.0, **values)

    plain = {HEAD + "weight_type": weight_type, HEAD + "size_aware_weight": 3.0}
    plain |= {HEAD + "small_threshold": 1024.0, HEAD + "medium_threshold": 9216.0}
    is_read = not torch.equal(weights(), weights(**{key.removeprefix("size_aware_"): value}))
    assert same(base, plain, {**plain, HEAD + key: value}) == (not is_read)


def test_the_order_of_loss_terms_does_not_matter(base: Config) -> None:
    key = HEAD + "size_aware_terms"
    assert same(base, {key: ["iou", "cls"]}, {key: ["cls", "iou"]})
    assert not same(base, {key: ["iou", "cls"]}, {key: ["iou"]})


def test_an_area_in_sensor_pixels_equals_the_same_area_in_input_pixels(base: Config) -> None:
    small, medium, space = (HEAD + name for name in ("small_threshold", "medium_threshold", "size_aware_area_space"))
    assert same(base, {small: 1024, medium: 9216}, {small: 4096.0, medium: 36864.0, space: "sensor"})
    assert not same(base, {small: 1024, medium: 9216}, {small: 1024, medium: 9216, space: "sensor"})
    assert same(base, {small: "q0.3", medium: "q0.7"}, {small: "q0.3", medium: "q0.7", space: "sensor"})


def test_a_number_is_the_same_however_it_is_written(base: Config) -> None:
    key = HEAD + "size_aware_weight"
    assert same(base, {key: 3}, {key: 3.0})


def test_augmentation_that_the_sampling_does_not_use_has_no_effect(base: Config) -> None:
    sampling, flip = "dataset.train.sampling", "dataset.data_augmentation.random.prob_hflip"
    assert same(base, {sampling: "stream"}, {sampling: "stream", flip: 0.1})
    assert not same(base, {sampling: "mixed"}, {sampling: "mixed", flip: 0.1})


def test_a_schedule_that_is_off_has_no_settings(base: Config) -> None:
    off = {"training.lr_scheduler.use": False}
    assert same(base, off, {**off, "training.lr_scheduler.pct_start": 0.4})
    assert not same(base, {}, {"training.lr_scheduler.pct_start": 0.4})


def test_shipped_detectors_have_hashes_of_their_own() -> None:
    names = ("base", "small", "tiny", "size_aware")
    configs = [compose(["dataset=gen4", f"+experiment/gen4={name}", "dataset.path=/data"]) for name in names]
    hashes = {config_hash(config) for config in configs}
    assert len(hashes) == len(names)
    assert all(len(digits) == 16 for digits in hashes)
