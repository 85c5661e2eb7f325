"""The overrides that repeat a run: composing them gives its configuration."""

import re
from collections.abc import Iterator, Sequence

from trainable.config.compose import compose
from trainable.config.override_text import override_text
from trainable.config.schema import Config, configuration_keys
from trainable.dotted_names import value_at

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

_TYPED_KEY = re.compile(r"\+{0,2}([A-Za-z_][\w.]*)=")


def train_overrides(overrides: Sequence[str], config: Config) -> list[str]:
    """A run's overrides, not yet quoted for a shell: those that were typed, then all in which the run differs.

    Of overrides of one key the last one counts, so what the run sets comes last; overrides that it replaces are left
    out.

    Args:
        overrides: The overrides that the run, or the sweep that it belongs to, was started with.
        config: The run's configuration.

    Raises:
        ConfigError: If the overrides cannot be composed.
    """
    changed = dict(_differences(compose(list(overrides)), config))
    kept = [text for text in overrides if not set(typed_keys([text])) & changed.keys()]
    return [*kept, *(f"{key}={override_text(value)}" for key, value in changed.items())]


def typed_keys(overrides: Sequence[str]) -> list[str]:
    """The dotted configuration keys that overrides set; choices of groups with `/` are none."""
    return [match[1] for match in map(_TYPED_KEY.match, overrides) if match]


def _differences(base: Config, config: Config) -> Iterator[tuple[str, object]]:
    before, after = base.to_dict(), config.to_dict()
    for key in configuration_keys():
        if key not in BOOKKEEPING and value_at(before, key) != value_at(after, key):
            yield key, value_at(after, key)
