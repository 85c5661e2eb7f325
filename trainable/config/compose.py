"""Hydra's composition of RVT-style commands into the validated configuration."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainable.config.schema import Config, validate_config
from trainable.errors import ConfigError

GROUPS_DIR = Path(__file__).parent / "groups"

_INTERVALS = ("val_check_interval", "check_val_every_n_epoch")


def compose(overrides: list[str], command: Literal["train", "validate"] = "train") -> Config:
    """Compose the configuration of a command as RVT's users type it.

    A group's choice may be typed with or without `+`. Of the two validation intervals, the one that is typed counts.

    Args:
        overrides: Hydra overrides such as `dataset=gen4`, `+experiment/gen4=base`, `batch_size.train=6`.
        command: `train` starts from `groups/train.yaml`; `validate` from `groups/val.yaml` over the same defaults.

    Raises:
        ConfigError: If an override cannot be read, a group's choice does not exist, or the result is not valid; every
            wrong key and value is named in one message. Also if it sets what only the other command reads.
    """
    primary = "train" if command == "train" else "val"
    parsed = _parse(overrides)
    try:
        with initialize_config_dir(config_dir=str(GROUPS_DIR), version_base="1.3"):
            composed = hydra_compose(primary, overrides=_permissive(parsed))
        # Missing values (`???`) are left out, so that the schema names all of them at once.
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=False)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_first_cause(error)) from error
    if not isinstance(values, dict):
        raise ConfigError(f"the composed configuration must be a mapping, got {type(values).__name__}")
    present = _without_missing({str(key): value for key, value in values.items()})
    if command == "validate":
        general = yaml.safe_load((GROUPS_DIR / "general.yaml").read_text())
        present = _deep_merge(general, present)
    _let_the_typed_interval_count(present, {override.key_or_group for override in parsed})
    config = validate_config(present)
    _check_command(config, command)
    return config


def _parse(overrides: list[str]) -> list[Override]:
    """Read the overrides; all that cannot be used are named in one error."""
    parser = OverridesParser.create()
    parsed: list[Override] = []
    mistakes: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            override = None
        if override is None or not override.key_or_group:
            mistakes.append(
                f"`{text}`: expected key=value, such as batch_size.train=6; a value that holds spaces, commas, "
                "brackets or other special characters needs quotes of its own, such as \"dataset.path='my data (1)'\""
            )
            continue
        parsed.append(override)
        mistake = _mistake(override)
        if mistake is not None:
            mistakes.append(f"`{text}`: {mistake}")
    mistakes.extend(_repeated_choices(parsed))
    if mistakes:
        raise ConfigError("the command cannot be understood:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
    return parsed


def _mistake(override: Override) -> str | None:
    """What is wrong with an override that Hydra could read."""
    key = override.key_or_group
    if key.partition(".")[0].partition("/")[0] == "hydra":
        return "settings of Hydra itself have no effect here; leave it out"
    if override.is_sweep_override():
        return "a run takes one value; put a text that holds commas or brackets in quotes of its own"
    if not _names_group(override):
        return f"there is no group `{key}`; the groups are {', '.join(_groups())}" if "/" in key else None
    if override.type == OverrideType.DEL:
        return None
    choice = override.value()
    choices = sorted(path.stem for path in (GROUPS_DIR / key).glob("*.yaml"))
    if not isinstance(choice, str) or choice.removesuffix(".yaml") not in choices:
        below = [group for group in _groups() if group.startswith(f"{key}/")]
        others = f", or a choice of {' or '.join(below)}" if below else ""
        return f"expected one of {', '.join(choices)}{others}, got {choice!r}"
    return None


def _repeated_choices(overrides: Sequence[Override]) -> Iterator[str]:
    """One choice a group, and one experiment."""
    typed: dict[str, str] = {}
    for override in overrides:
        if _names_group(override):
            kind = "experiment" if _is_experiment(override) else override.key_or_group
            if kind in typed:
                yield f"`{typed[kind]}` and `{override.input_line}`: expected one choice of {kind}"
            typed[kind] = str(override.input_line)


def _permissive(overrides: Sequence[Override]) -> list[str]:
    """Let Hydra accept every key, so that the schema reports all unknown ones in one message.

    A group that the command has a choice for already is changed, any other is added, whichever of the two was typed.
    """
    chosen = {"dataset", "model"}
    if any(_is_experiment(override) for override in overrides):
        chosen.add("model/maxvit_yolox")
    permissive: list[str] = []
    for override in overrides:
        text = str(override.input_line)
        if override.type != OverrideType.DEL:
            change = "" if override.key_or_group in chosen else "+"
            text = (change if _names_group(override) else "++") + text.lstrip("+")
        permissive.append(text)
    return permissive


def _names_group(override: Override) -> bool:
    return override.key_or_group in _groups()


def _is_experiment(override: Override) -> bool:
    return _names_group(override) and override.key_or_group.partition("/")[0] == "experiment"


@cache
def _groups() -> tuple[str, ...]:
    return tuple(sorted(path.relative_to(GROUPS_DIR).as_posix() for path in GROUPS_DIR.rglob("*") if path.is_dir()))


def _let_the_typed_interval_count(values: dict[str, Any], typed: set[str]) -> None:
    """Where one of the two validation intervals is typed, the other one's default does not stand beside it."""
    validation = values.get("validation")
    counting = [interval for interval in _INTERVALS if f"validation.{interval}" in typed]
    if isinstance(validation, dict) and len(counting) == 1 and validation.get(counting[0]) is not None:
        validation.update({interval: None for interval in _INTERVALS if interval not in counting})


def _check_command(config: Config, command: Literal["train", "validate"]) -> None:
    """Refuse what only the other command reads."""
    if command == "train" and config.use_test_set:
        raise ConfigError(
            "use_test_set belongs to `validate`: `train` evaluates on the validation split; leave it out, and run "
            "`validate` with checkpoint=PATH and use_test_set=1 after the training"
        )
    if command == "validate" and config.resume is not None:
        raise ConfigError(f"resume={config.resume} belongs to `train`: `validate` reads checkpoint=PATH")


def _without_missing(values: dict[str, Any]) -> dict[str, Any]:
    present = {key: value for key, value in values.items() if value != "???"}
    return {key: _without_missing(value) if isinstance(value, dict) else value for key, value in present.items()}


def _deep_merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _deep_merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _first_cause(error: BaseException) -> str:
    """Hydra's message, and that of its cause where it has one."""
    text = str(error).partition("Config search path:")[0].strip()
    cause = error.__cause__
    return f"{text}\n{cause}" if cause is not None and str(cause) not in str(error) else text
