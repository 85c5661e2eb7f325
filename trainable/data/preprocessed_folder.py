"""Which settings a preprocessed dataset was made with: they lie beside its splits."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

from trainable.data.preprocess_recording import BINS, COUNT_CUTOFF, PreprocessSettings
from trainable.errors import DataError
from trainable.files import written_whole
from trainable.types import Split

SETTINGS_FILE = "preprocessing.json"


def claim_folder(root: Path, settings: PreprocessSettings) -> None:
    """Record the settings in an output folder, or compare them with those of the run whose sequences are there.

    Raises:
        DataError: When the folder holds sequences of other or unknown settings, or cannot be written.
    """
    path = root / SETTINGS_FILE
    wanted = {"version": 1, "bins": BINS, "count_cutoff": COUNT_CUTOFF, **asdict(settings)}
    if any(next((root / split).glob("*"), None) for split in get_args(Split)):
        found = _read_settings(path)
        differing = [key for key in wanted if found.get(key) != wanted[key]]
        if differing:
            changes = ", ".join(f"{key} was {found.get(key)!r} and is now {wanted[key]!r}" for key in differing)
            raise DataError(
                f"{path}: the folder was preprocessed with other settings ({changes}); use the same, or another folder"
            )
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as draft:
            draft.write_text(json.dumps(wanted, indent=2) + "\n")
    except OSError as error:
        raise DataError(f"{root}: cannot be written ({error}); free some space or choose another folder") from error


def preprocessed_as(root: Path) -> str | None:
    """The dataset whose rules and classes the labels in a preprocessed folder follow.

    Args:
        root: Folder of a preprocessed dataset.

    Returns:
        The `dataset` that `preprocess` was given; None for a folder that it did not write, such as RVT's.

    Raises:
        DataError: When the folder's settings are damaged.
    """
    path = root / SETTINGS_FILE
    if not path.is_file():
        return None
    dataset = _read_settings(path).get("dataset")
    if not isinstance(dataset, str):
        raise DataError(f"{path}: expected a dataset's name under 'dataset', got {dataset!r}; use another folder")
    return dataset


def _read_settings(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.parent}: the folder holds sequences that `preprocess` did not write, or its {path.name} is damaged "
            f"({error}); use another folder"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected the settings of `preprocess`, got {found!r}; use another folder")
    return found
