"""The `trainable train` command that repeats a trial."""

import shlex
from collections.abc import Sequence

from trainable.config import Config
from trainable.config.train_overrides import train_overrides
from trainable.own_programs import own_program


def train_command(overrides: Sequence[str], config: Config) -> str:
    """The command, quoted for a shell.

    Args:
        overrides: The overrides that the sweep was started with.
        config: The trial's configuration.
    """
    return shlex.join([own_program("python"), "-m", "trainable", "train", *train_overrides(overrides, config)])
