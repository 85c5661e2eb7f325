"""The commands that repeat a run or a sweep, from what was recorded of it."""

import json
import shlex
from collections.abc import Mapping, Sequence

from reports.run_files import SPACE_FILE, Missing, read_config
from reports.runs import Run
from search_spaces import shipped_spaces
from trainable.config import Config, compose, configuration_keys
from trainable.config.train_overrides import BOOKKEEPING, train_overrides
from trainable.dotted_names import value_at
from trainable.errors import ConfigError

_LINE_LENGTH = 100
_VALUE_OPTIONS: Mapping[str, str] = {
    "trials": "--trials",
    "search": "--search",
    "scheduler": "--scheduler",
    "grace_steps": "--grace-steps",
    "reduction_factor": "--reduction-factor",
    "seed": "--seed",
    "gpus_per_trial": "--gpus-per-trial",
    "cpus_per_trial": "--cpus-per-trial",
    "max_concurrent": "--max-concurrent",
    "max_failures": "--max-failures",
    "min_free_gib": "--min-free-gib",
}
"""A sweep's settings by the option that sets them; where it ran and was tracked is left out."""


def train_command(run: Run, overrides: Sequence[str]) -> str | Missing:
    """The command that trains a run again; composing what is in it gives the run's configuration.

    Args:
        run: The run.
        overrides: What the sweep was started with; where they cannot be used, every key is spelled out instead.
    """
    config = read_config(run)
    if isinstance(config, Missing):
        return config
    spelled_out = [f"dataset={config.dataset.name}", "dataset.path=unknown", "+model/maxvit_yolox=default"]
    for base in (overrides, spelled_out):
        found = _composing_to(config, base)
        if found is not None:
            return wrapped(["python", "-m", "trainable", "train", *found])
    return Missing("Its configuration cannot be composed by this version of the program.")


def sweep_commands(own: Run, *, finalists: int, seeds: int) -> str:
    """The commands that search and confirm again.

    Args:
        own: The sweep's own run, whose parameters are the sweep's settings.
        finalists: How many of the best trials were confirmed.
        seeds: With how many seeds each.
    """
    settings = own.parameters
    space = settings.get("space", "")
    words = ["--space", space if space in shipped_spaces() else SPACE_FILE, f"--name={own.name}"]
    for name, option in _VALUE_OPTIONS.items():
        if settings.get(name, "null") not in ("null", "None", ""):
            words.append(f"{option}={settings[name]}")
    for name, option in (("objectives", "--objective"), ("constraints", "--constraint")):
        words += [f"{option}={value}" for value in _texts(settings.get(name, "[]"))]
    if settings.get("keep_best_checkpoint_as_artifact") == "true":
        words.append("--keep-best-checkpoint")
    confirm = ["confirm", f"--top={finalists}", f"--seeds={seeds}", "--", own.name]
    lines = (["run", *words, "--", *sweep_overrides(own)], confirm)
    return "\n".join(wrapped(["python", "-m", "sweep", *line]) for line in lines)


def sweep_overrides(own: Run) -> list[str]:
    """The overrides that all trials of a sweep share; empty where they are not known.

    Args:
        own: The sweep's own run.
    """
    return _texts(own.parameters.get("overrides", "[]"))


def wrapped(words: Sequence[str]) -> str:
    """A command, quoted for a shell, on lines that a page can hold."""
    lines = [""]
    for word in map(shlex.quote, words):
        if lines[-1] and len(lines[-1]) + len(word) > _LINE_LENGTH:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)


def _composing_to(config: Config, base: Sequence[str]) -> list[str] | None:
    """Overrides on top of some others that compose to a configuration; none where these cannot be used."""
    # An interpolation could read this machine's environment, and is no part of what was recorded.
    if any("${" in text for text in base):
        return None
    try:
        found = train_overrides(base, config)
        return found if _without_bookkeeping(compose(found)) == _without_bookkeeping(config) else None
    except ConfigError:
        return None


def _without_bookkeeping(config: Config) -> dict[str, object]:
    values = config.to_dict()
    return {key: value_at(values, key) for key in configuration_keys() if key not in BOOKKEEPING}


def _texts(recorded: str) -> list[str]:
    """A list of texts as a tracking server holds it; empty where it was cut off or is something else."""
    try:
        values = json.loads(recorded)
    except ValueError:
        return []
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
