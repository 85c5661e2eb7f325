"""What a sweep is asked to do: its settings, typed on the command line or read from a YAML file."""

import json
import re
import time
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, ValidationError

from trainable.config.base import NonNegative, NonNegativeFloat, Positive, PositiveFloat, Section
from trainable.errors import ConfigError

SearchName = Literal["tpe", "random", "grid", "nsga2", "gp"]
SchedulerName = Literal["asha", "none"]

FULL_BUDGET_SEARCHES: frozenset[SearchName] = frozenset({"nsga2"})
"""The search algorithms that learn nothing from trials that were stopped early."""
LEARN_FROM_RUNGS: frozenset[SearchName] = frozenset({"tpe", "gp"})
"""The search algorithms that learn from the results at a rung where there are not enough at full budget."""

DEFAULT_STORAGE = Path("sweeps")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def check_name(name: str) -> str:
    """Refuse a name that cannot be the name of a folder on every system.

    Raises:
        ValueError: If it holds other characters than letters, digits, points, hyphens and underscores.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a sweep's name starts with a letter or digit and holds only letters, digits, points, hyphens and "
            f"underscores, 100 at most, got {name!r}"
        )
    return name


StoragePath = TypeVar("StoragePath", Path, str)


def check_storage(storage: StoragePath) -> StoragePath:
    """Refuse the address of an object store, which cannot hold locks and growing files.

    Raises:
        ValueError: If it is no path.
    """
    if _URI.match(str(storage)):
        raise ValueError(
            f"expected a folder that every node sees under the same path, got {str(storage)!r}; mount the bucket or "
            "share on all nodes, and give the folder where it is mounted"
        )
    return storage


def expand_home(storage: Path) -> Path:
    """The path with `~` replaced by the home folder, which a shell leaves to us inside `--storage=~/sweeps` and files.

    Raises:
        ValueError: If there is no such home folder.
    """
    try:
        return storage.expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no home folder {storage.parts[0]!r}; give the folder's whole path") from error


def _check_gpus(gpus: float | str) -> float | str:
    if isinstance(gpus, str):
        if gpus != "auto":
            raise ValueError(f'expected a number from 0 to 1, or "auto", got {gpus!r}')
    elif not 0 <= gpus <= 1:
        raise ValueError(
            f"a trial uses one GPU or a share of it, got {gpus:g}; several GPUs are used by more trials at once, which "
            "wastes less of them"
        )
    return gpus


class SweepSettings(Section):
    """Everything that a sweep is told, apart from what its space file says."""

    name: Annotated[str, AfterValidator(check_name)]
    storage: Annotated[Path, BeforeValidator(check_storage), AfterValidator(expand_home)] = DEFAULT_STORAGE
    """Folder of sweeps, which every node sees under the same path."""
    space: str
    """A shipped space's name, or a YAML file."""
    trials: Positive = 32
    objectives: Annotated[tuple[str, ...], Field(min_length=1)] = ("AP_S", "AP")
    """Metrics to maximise."""
    constraints: tuple[str, ...] = ()
    """Such as `AP>=0.33`."""
    search: SearchName = "tpe"
    scheduler: SchedulerName = "asha"
    reduction_factor: Annotated[int, Field(ge=2)] = 4
    """One in so many trials goes on from a rung."""
    grace_steps: Positive | None = None
    """Optimizer steps of the first rung; `null`: a tenth of `training.max_steps`."""
    gpus_per_trial: Annotated[FiniteFloat | str, AfterValidator(_check_gpus)] = "auto"
    cpus_per_trial: PositiveFloat | None = None
    max_concurrent: Positive | None = None
    """Trials at once; `null`: as many as fit."""
    address: str | None = None
    """A Ray cluster's `HOST:PORT`; `null`: this machine alone."""
    seed: NonNegative = 0
    tracking_uri: str | None = None
    """An MLflow server or database, in a record absolute; `null`: an SQLite file in `storage`."""
    max_failures: NonNegative = 3
    """Times that a trial whose process died is started again."""
    keep_best_checkpoint_as_artifact: bool = False
    min_free_gib: NonNegativeFloat = 1.0
    """Trials wait while the disk has less free space."""
    overrides: tuple[str, ...] = ()
    """Hydra overrides of the configuration that all trials share."""


def settings_from(values: Mapping[str, Any], source: str) -> SweepSettings:
    """Turn typed values into settings; a name is made from space and time where none is given.

    Args:
        values: Setting to plain JSON value.
        source: Where the values came from, for messages.

    Raises:
        ConfigError: One message with every mistake; an unknown setting comes with the nearest one.
    """
    named = dict(values)
    if named.get("name") is None:
        named["name"] = f"{Path(str(named.get('space', 'sweep'))).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        return SweepSettings.model_validate_json(json.dumps(named, default=str))
    except ValidationError as error:
        mistakes = [_describe(mistake) for mistake in _one_a_key(error)]
        raise ConfigError(f"{source} cannot be used:\n" + "\n".join(f"  - {text}" for text in mistakes)) from error


def read_settings_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, not yet checked.

    Raises:
        ConfigError: If the file cannot be read, or holds no mapping.
    """
    from search_spaces.strict_yaml import parse_yaml  # slow: its package imports PyTorch

    try:
        values = parse_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"the settings file {path} cannot be read: {reason}") from error
    if not isinstance(values, dict):
        raise ConfigError(
            f"the settings file {path} must hold a mapping such as `space: size_aware`, got {type(values).__name__}"
        )
    return {str(key): value for key, value in values.items()}


def _one_a_key(error: ValidationError) -> list[dict[str, Any]]:
    """The first mistake of each setting: pydantic reports every branch of a union."""
    first: dict[object, dict[str, Any]] = {}
    for mistake in error.errors(include_url=False):
        first.setdefault(mistake["loc"][:1], dict(mistake))
    return list(first.values())


def _describe(mistake: dict[str, Any]) -> str:
    key = str(mistake["loc"][0])
    match mistake["type"]:
        case "extra_forbidden":
            near = get_close_matches(key, SweepSettings.model_fields, n=1, cutoff=0.0)[0]
            return f"`{key}` is not a setting of a sweep; did you mean `{near}`?"
        case "missing":
            return f"`{key}` must be given"
        case "value_error":
            return f"`{key}`: {mistake['msg'].removeprefix('Value error, ')}"
        case _:
            return f"`{key}`: {mistake['msg']}, got {mistake['input']!r}"
