"""The whole configuration: one frozen object, validated with every mistake in one message."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError, model_validator

from trainable.config.base import Section
from trainable.config.dataset_schema import Dataset, LabelSet
from trainable.config.model_schema import Model
from trainable.config.nearest_key import nearest_key
from trainable.config.run_schema import BatchSize, Hardware, Logging, Reproduce, Tracking, Training, Validation, Wandb
from trainable.errors import ConfigError


class Config(Section):
    """One run's configuration.

    It travels as the plain dictionary of `to_dict`, and `validate_config` restores it.
    """

    reproduce: Reproduce
    training: Training
    validation: Validation
    batch_size: BatchSize
    hardware: Hardware
    logging: Logging
    wandb: Wandb
    tracking: Tracking
    dataset: Dataset
    model: Model
    output_dir: str
    """Folder that holds the folders of runs."""
    run_dir: str | None
    """This run's folder; `null`: a new one in `output_dir`."""
    resume: str | None
    """A checkpoint to go on from, with optimizer, schedule and sampler position."""
    checkpoint: str | None
    """Weights to start from, or to validate: a checkpoint of this program or a published RVT checkpoint."""
    allow_unpickling: bool
    """Load checkpoints that need unpickling, which runs code from the file: only for files you trust."""
    use_test_set: bool | Literal[0, 1]
    result_json: str | None
    """File for the final metrics as JSON."""

    @model_validator(mode="after")
    def _label_set_exists(self) -> "Config":
        _choose_label_set(self.dataset, self.model.head.num_classes)
        return self

    @property
    def label_set(self) -> LabelSet:
        """The class list that head, metrics and reports share."""
        return _choose_label_set(self.dataset, self.model.head.num_classes)

    @property
    def num_classes(self) -> int:
        """Number of classes of the head."""
        return len(self.label_set.class_names)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the model's input, before padding."""
        return self.dataset.input_hw

    @property
    def sensor_px2_per_input_px2(self) -> float:
        """Factor from an area in model-input px² to sensor px²: 4 at half resolution."""
        return 4.0 if self.dataset.downsample_by_factor_2 else 1.0

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON types."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        return plain

    def merged(self, parameters: Mapping[str, object]) -> "Config":
        """A copy with some dotted keys changed, validated again.

        Args:
            parameters: Dotted key, such as `model.head.size_aware_weight`, to its new value.

        Raises:
            ConfigError: If a key does not exist or a value does not fit; all mistakes in one message.
        """
        values = copy.deepcopy(self.to_dict())
        for key, value in parameters.items():
            *sections, leaf = key.split(".")
            node = values
            for section in sections:
                child = node.setdefault(section, {})
                if not isinstance(child, dict):
                    raise ConfigError(f"`{key}` names a key inside `{section}`, which is a value, not a section")
                node = child
            node[leaf] = value
        return validate_config(values)


def validate_config(values: Mapping[str, Any]) -> Config:
    """Turn a plain dictionary into the configuration.

    Args:
        values: Nested dictionary of JSON types.

    Raises:
        ConfigError: One message with every mistake; an unknown key comes with the nearest key that exists.
    """
    try:
        return Config.model_validate_json(json.dumps(values))
    except ValidationError as error:
        mistakes = _describe_all(list(_without_union_noise(error)))
        raise ConfigError("the configuration cannot be used:\n" + "\n".join(f"  - {m}" for m in mistakes)) from error


def _choose_label_set(dataset: Dataset, num_classes: int | None) -> LabelSet:
    choices: tuple[LabelSet, ...] = (dataset, *dataset.alternative_label_sets)
    if num_classes is None:
        return dataset
    for choice in choices:
        if len(choice.class_names) == num_classes:
            return choice
    lengths = " or ".join(str(len(choice.class_names)) for choice in choices)
    raise ValueError(
        f"model.head.num_classes={num_classes} does not fit dataset {dataset.name}, whose class list has {lengths} "
        "names; give dataset.class_names and dataset.small_object_classes of that length, or leave num_classes out"
    )


def _without_union_noise(error: ValidationError) -> Iterator[dict[str, Any]]:
    """One mistake a key: pydantic reports every branch of a union."""
    seen: set[str] = set()
    for mistake in error.errors(include_url=False):
        key = _dotted_key(mistake["loc"])
        if key not in seen or not key:
            seen.add(key)
            yield dict(mistake)


def _describe_all(mistakes: list[dict[str, Any]]) -> list[str]:
    """Describe the mistakes; a detector that was never chosen is one mistake, not thirty."""
    unchosen = [mistake for mistake in mistakes if mistake["type"] == "missing" and mistake["loc"][0] == "model"]
    if ("model", "backbone", "name") not in {mistake["loc"] for mistake in unchosen}:
        unchosen = []
    described = [_describe(mistake) for mistake in mistakes if mistake not in unchosen]
    if unchosen:
        described.append(
            "no detector is chosen: add `+experiment/gen4=base`, `+experiment=demo` or `+model/maxvit_yolox=default`"
        )
    return described


def _describe(mistake: dict[str, Any]) -> str:
    key = _dotted_key(mistake["loc"])
    value = mistake["input"]
    match mistake["type"]:
        case "extra_forbidden":
            unknown = _leaf_keys(".".join(str(part) for part in mistake["loc"]), value)
            return "\n  - ".join(
                f"`{leaf}` is not a key of the configuration; did you mean `{nearest_key(leaf, configuration_keys())}`?"
                for leaf in unknown
            )
        case "missing":
            return f"`{key}` must be given"
        case "model_type" if example := _first_key(key):
            return f"`{key}` is a section; set its keys one by one, such as `{example}`, got {value!r}"
        case _:
            reason = mistake["msg"].removeprefix("Value error, ")
            shown = "" if isinstance(value, dict) or mistake["type"] == "value_error" else f", got {value!r}"
            return f"`{key}`: {reason}{shown}" if key else f"{reason}{shown}"


def _leaf_keys(key: str, value: object) -> Iterator[str]:
    """The dotted keys that were typed where only their outermost section is known to be wrong."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _leaf_keys(f"{key}.{name}", below)
    else:
        yield key


def _first_key(section: str) -> str | None:
    return next((key for key in configuration_keys() if key.startswith(f"{section}.")), None)


def _dotted_key(location: tuple[int | str, ...]) -> str:
    """The part of pydantic's error location that names a configuration key."""
    key: list[str] = []
    model: type[BaseModel] | None = Config
    for part in location:
        if model is None or part not in model.model_fields:
            if model is not None and isinstance(part, str):
                key.append(part)
            break
        key.append(str(part))
        annotation = model.model_fields[str(part)].annotation
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return ".".join(key)


def configuration_keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key that holds a value, such as `batch_size.train`."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        section = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        if section is None:
            yield f"{prefix}{name}"
        else:
            yield from configuration_keys(section, f"{prefix}{name}.")
