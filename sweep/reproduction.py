"""The `trainable train` command that repeats a trial."""

import shlex
from collections.abc import Iterator, Sequence

from sweep.base_configuration import typed_keys
from trainable.config import Config, compose, configuration_keys
from trainable.config.override_text import override_text
from trainable.own_programs import own_program

BOOKKEEPING = (
    "output_dir",
    "run_dir",
    "resume",
    "result_json",
    "tracking.enabled",
    "tracking.uri",
    "tracking.run_name",
)
"""Keys that say where a run is recorded, not what it does."""


def train_command(overrides: Sequence[str], config: Config) -> str:
    """The command, quoted for a shell: a sweep's overrides, then all in which the trial differs from them.

    Of overrides of one key the last one counts, so what the trial sets comes last; overrides that it replaces are left
    out.

    Args:
        overrides: The overrides that the sweep was started with.
        config: The trial's configuration.
    """
    return shlex.join([own_program("python"), "-m", "trainable", "train", *train_overrides(overrides, config)])


def train_overrides(overrides: Sequence[str], config: Config) -> list[str]:
    """The overrides of `train_command`, not yet quoted for a shell. Composing them gives the trial's configuration."""
    changed = dict(_differences(compose(list(overrides)), config))
    kept = [text for text in overrides if not set(typed_keys([text])) & changed.keys()]
    return [*kept, *(f"{key}={override_text(value)}" for key, value in changed.items())]


def _differences(base: Config, config: Config) -> Iterator[tuple[str, object]]:
    before, after = base.to_dict(), config.to_dict()
    for key in configuration_keys():
        if key not in BOOKKEEPING and value_at(before, key) != value_at(after, key):
            yield key, value_at(after, key)


def value_at(values: object, key: str) -> object:
    """The value under a dotted key of nested dictionaries; `None` where there is none."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values
