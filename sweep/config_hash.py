"""What a configuration comes to: equal hashes mean that two trials would train and evaluate alike."""

import hashlib
import json
from typing import Any

from trainable.config import Config
from trainable.losses.size_weights import READS_MEDIUM_THRESHOLD, READS_SMALL_THRESHOLD

_WITHOUT_EFFECT = (
    "reproduce",  # a trial's seed stands beside the hash
    "hardware",
    "logging",
    "wandb",
    "tracking",
    "output_dir",
    "run_dir",
    "resume",
    "allow_unpickling",
    "use_test_set",
    "result_json",
    "dataset.path",
    "dataset.alternative_label_sets",  # the chosen list is hashed
    "batch_size.eval",
    "batch_size.micro",
    "validation.val_check_interval",
    "validation.check_val_every_n_epoch",
    "model.backbone.compile",
    "model.backbone.time_batched",
    "model.fpn.compile",
    "model.head.compile",
)
_SIZE_AWARE = (
    "size_aware_weight",
    "small_threshold",
    "medium_threshold",
    "weight_type",
    "size_aware_normalize",
    "size_aware_terms",
    "size_aware_area_space",
    "size_aware_power_exponent",
)


def config_hash(config: Config) -> str:
    """Hash what has an effect on a run's results, apart from its seed.

    Left out are paths, bookkeeping, hardware, how a step's rows are shared out, and keys that nothing reads: size-aware
    settings without the size-aware loss or with a largest weight of 1, thresholds and exponents that the weight type
    does not read, schedule and augmentation settings that are switched off. Areas in sensor pixels equal the same areas
    in input pixels, and a number is the same however it is written.

    Returns:
        16 hexadecimal digits.
    """
    text = json.dumps(_numbers_alike(effective(config)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def has_effect(key: str) -> bool:
    """Whether a dotted configuration key can have an effect on a run's results, its seed apart."""
    return not any(key == without or key.startswith(f"{without}.") for without in _WITHOUT_EFFECT)


def effective(config: Config) -> dict[str, Any]:
    """The part of a configuration that has an effect on a run's results, as plain JSON types."""
    values = config.to_dict()
    for key in _WITHOUT_EFFECT:
        *sections, leaf = key.split(".")
        node = values
        for section in sections:
            node = node[section]
        del node[leaf]
    values["dataset"] |= config.label_set.model_dump(mode="json", include={"class_names", "small_object_classes"})
    values["model"]["head"]["num_classes"] = config.num_classes
    _reduce_size_aware(values["model"]["head"], config.sensor_px2_per_input_px2)
    _reduce_schedule(values["training"])
    _reduce_sampling(values["dataset"])
    return values


def _reduce_size_aware(head: dict[str, Any], sensor_px2_per_input_px2: float) -> None:
    if not head["size_aware_loss"] or head["size_aware_weight"] == 1:  # a weight between 1 and 1 changes nothing
        head["size_aware_loss"] = False
        _drop(head, *_SIZE_AWARE)
        return
    if head["weight_type"] not in READS_SMALL_THRESHOLD:
        _drop(head, "small_threshold")
    if head["weight_type"] not in READS_MEDIUM_THRESHOLD:
        _drop(head, "medium_threshold")
    if head["weight_type"] != "power":
        _drop(head, "size_aware_power_exponent")
    head["size_aware_terms"] = sorted(head["size_aware_terms"])
    if head.pop("size_aware_area_space") == "sensor":
        for key in ("small_threshold", "medium_threshold"):
            if isinstance(head.get(key), int | float):  # a quantile is the same in all pixels
                head[key] /= sensor_px2_per_input_px2


def _reduce_schedule(training: dict[str, Any]) -> None:
    schedule = training["lr_scheduler"]
    if not schedule["use"]:
        training["lr_scheduler"] = {"use": False}
    elif schedule["total_steps"] is None:
        schedule["total_steps"] = training["max_steps"]


def _reduce_sampling(dataset: dict[str, Any]) -> None:
    train, augmentation = dataset["train"], dataset["data_augmentation"]
    if train["sampling"] != "mixed":
        _drop(train, "mixed")
    if train["sampling"] == "stream":
        _drop(train, "random")
        _drop(augmentation, "random")
    if train["sampling"] == "random":
        _drop(augmentation, "stream")
    for settings in augmentation.values():
        for part in ("rotate", "zoom"):
            if settings[part]["prob"] == 0:
                settings[part] = {"prob": 0}


def _drop(section: dict[str, Any], *keys: str) -> None:
    for key in keys:
        section.pop(key, None)


def _numbers_alike(value: Any) -> Any:
    """Write whole numbers without a point, whatever type they came in."""
    if isinstance(value, dict):
        return {key: _numbers_alike(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(below) for below in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
