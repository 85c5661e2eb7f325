"""Which recordings a folder of raw data holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from trainable.data.raw_events import RECORDING_SUFFIXES
from trainable.errors import DataError
from trainable.types import Split

_BOXES_SUFFIX = "_bbox.npy"


@dataclass(frozen=True)
class RawRecording:
    """The files of one recording.

    Attributes:
        split: Its split, `train`, `val` or `test`.
        name: Its name, which the preprocessed sequence keeps.
        events_path: The event file.
        boxes_path: The box file.
    """

    split: str
    name: str
    events_path: Path
    boxes_path: Path


def find_recordings(raw_root: Path) -> list[RawRecording]:
    """The recordings in the splits of a folder, by split and name.

    A recording is a box file `<name>_bbox.npy` and beside it an event file, `<name>` with one of `RECORDING_SUFFIXES`.

    Raises:
        DataError: When the folder has no split, a split is empty, or a box or event file lacks its partner.
    """
    splits = [split for split in get_args(Split) if (raw_root / split).is_dir()]
    if not splits:
        raise DataError(
            f"{raw_root}: expected folders {', '.join(get_args(Split))} with recordings, found none of them; check the "
            "path"
        )
    return [recording for split in splits for recording in _recordings_of_split(split, raw_root / split)]


def _recordings_of_split(split: str, folder: Path) -> list[RawRecording]:
    files = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    names = sorted(file.removesuffix(_BOXES_SUFFIX) for file in files if file.endswith(_BOXES_SUFFIX))
    for file in sorted(files):
        suffix = next((suffix for suffix in RECORDING_SUFFIXES if file.endswith(suffix)), None)
        if suffix is not None and file.removesuffix(suffix) not in names:
            raise DataError(
                f"{folder / file}: the recording has no labels; expected its boxes in "
                f"{file.removesuffix(suffix)}{_BOXES_SUFFIX} beside it. Add them, or move the recording away"
            )
    if not names:
        raise DataError(
            f"{folder}: the split is empty; expected box files <name>{_BOXES_SUFFIX} with their recordings, or no such "
            "folder"
        )
    return [
        RawRecording(split, name, _events_file(folder, name, files), folder / (name + _BOXES_SUFFIX)) for name in names
    ]


def _events_file(folder: Path, name: str, files: set[str]) -> Path:
    for suffix in RECORDING_SUFFIXES:
        if name + suffix in files:
            return folder / (name + suffix)
    raise DataError(
        f"{folder / name}{_BOXES_SUFFIX}: its recording is missing; expected {name} with one of "
        f"{', '.join(RECORDING_SUFFIXES)} beside it"
    )
