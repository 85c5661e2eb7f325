"""Hydra's composition of RVT-style commands into the validated configuration."""

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


def compose(overrides: list[str], command: Literal["train", "validate"] = "train") -> Config:
    """Compose the configuration of a command as RVT's users type it.

    Args:
        overrides: Hydra overrides such as `dataset=gen4`, `+experiment/gen4=base`, `batch_size.train=6`.
        command: `train` starts from `groups/train.yaml`; `validate` from `groups/val.yaml` over the same defaults.

    Raises:
        ConfigError: If an override cannot be read, a group's choice does not exist, or the result is not valid; every
            wrong key and value is named in one message.
    """
    primary = "train" if command == "train" else "val"
    try:
        with initialize_config_dir(config_dir=str(GROUPS_DIR), version_base="1.3"):
            composed = hydra_compose(primary, overrides=_permissive(overrides))
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
    return validate_config(present)


def _permissive(overrides: list[str]) -> list[str]:
    """Let Hydra accept every key, so that the schema reports all unknown ones in one message."""
    parser = OverridesParser.create()
    permissive: list[str] = []
    for text in overrides:
        override = parser.parse_override(text)
        if _is_value(override):
            text = "++" + text.lstrip("+")
        permissive.append(text)
    return permissive


def _is_value(override: Override) -> bool:
    names_group = (GROUPS_DIR / override.key_or_group).is_dir()
    return override.type in (OverrideType.CHANGE, OverrideType.ADD) and not names_group


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
