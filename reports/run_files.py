"""What is read from a run's files, which may be missing, damaged or made by anybody."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from reports.runs import Run
from search_spaces import Space
from search_spaces.strict_yaml import parse_yaml
from trainable.config import Config, validate_config
from trainable.errors import ConfigError, DataError
from trainable.evaluation import MatchRecords, load_match_records
from trainable.moment_file import MomentFile, load_moments
from trainable.training_boxes import TrainingBoxes, load_training_boxes

CONFIG_FILE = "config.yaml"
SPACE_FILE = "space.yaml"
MOMENTS_FILE = "moments.npz"
TRAINING_BOXES_FILE = "training_boxes.json"
MATCH_RECORDS = re.compile(r"match_records/step_(\d{1,12})\.npz")

MIB = 2**20
MOST_YAML_BYTES = MIB
MOST_YAML_VALUES = 100_000
MOST_UNPACKED_BYTES = 2048 * MIB
LONGEST_REASON = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Missing:
    """Something that cannot be shown.

    Attributes:
        reason: Why, as a sentence for the reader.
    """

    reason: str


def read_match_records(run: Run) -> MatchRecords | Missing:
    """The match records of the newest validation."""
    steps = {int(found[1]): path for path in run.artifacts.paths() if (found := MATCH_RECORDS.fullmatch(path))}
    if not steps:
        return _read(run, "match_records", _load_bounded)
    return _read(run, steps[max(steps)], _load_bounded)


def read_config(run: Run) -> Config | Missing:
    """The configuration that the run trained with."""
    return _read(run, CONFIG_FILE, lambda path: validate_config(_mapping(_values(path, yaml.safe_load))))


def read_space(run: Run) -> Space | Missing:
    """What a sweep's trials vary, from the files of its parent run."""
    return _read(run, SPACE_FILE, lambda path: Space.from_dict(_values(path, parse_yaml)))


def read_moments(run: Run) -> MomentFile | Missing:
    """Fixed moments of the newest validation, with what was there and what was found."""
    return _read(run, MOMENTS_FILE, load_moments)


def read_training_boxes(run: Run) -> TrainingBoxes | Missing:
    """How large the boxes are that the run was trained on."""
    return _read(run, TRAINING_BOXES_FILE, load_training_boxes)


def _read(run: Run, path: str, load: Callable[[Path], T]) -> T | Missing:
    file = run.artifacts.file(path)
    if file is None:
        problem = run.artifacts.problem(path)
        found = f"cannot be used: {problem}" if problem else "is missing"
        return Missing(f"The file {path} of {run.name!r} {found}.")
    try:
        return load(file)
    except (ConfigError, DataError, OSError, ValueError, MemoryError, RecursionError, yaml.YAMLError) as error:
        # The reader knows the file by its path among the artifacts, not by where it was put.
        cause = " ".join(str(error).split()).replace(f"{file}: ", "").rstrip(".")
        shown = cause if len(cause) <= LONGEST_REASON else f"{cause[: LONGEST_REASON - 1]}…"
        return Missing(f"The file {path} of {run.name!r} cannot be read ({shown or type(error).__name__}).")


def _load_bounded(path: Path) -> MatchRecords:
    """Match records, unless they would take very much memory when unpacked."""
    try:
        with zipfile.ZipFile(path) as file:
            unpacked = sum(entry.file_size for entry in file.infolist())
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"expected match records (.npz), got a file that is not a zip file ({error})") from error
    if unpacked > MOST_UNPACKED_BYTES:
        raise DataError(
            f"it has {unpacked / MIB:.0f} MiB when unpacked, more than the {MOST_UNPACKED_BYTES / MIB:.0f} MiB that "
            "are read"
        )
    return load_match_records(path)


def _values(path: Path, parse: Callable[[str], object]) -> object:
    """The plain values of a YAML file.

    Raises:
        DataError: If it is large, or becomes large where its aliases are written out.
    """
    size = path.stat().st_size
    if size > MOST_YAML_BYTES:
        raise DataError(f"it has {size / MIB:.1f} MiB, more than the {MOST_YAML_BYTES / MIB:.0f} MiB that are read")
    values = parse(path.read_text(encoding="utf-8"))
    if _count(values, {}) > MOST_YAML_VALUES:
        raise DataError(f"it stands for more than {MOST_YAML_VALUES} values")
    return values


def _count(value: object, counts: dict[int, int]) -> int:
    """How many values there are with every alias written out; those of an alias within itself are endless."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in counts:
        counts[id(value)] = MOST_YAML_VALUES + 1  # while its own values are counted
        inner: list[object] = [*value, *value.values()] if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(_count(one, counts) for one in inner)
    return counts[id(value)]


def _mapping(values: object) -> dict[str, object]:
    if isinstance(values, dict):
        return values
    raise DataError("it holds no mapping")
