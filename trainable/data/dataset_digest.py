"""A digest that tells preprocessed datasets apart."""

import hashlib
from pathlib import Path
from typing import get_args

from trainable.data.representation_store import representation_file
from trainable.data.sequence import LABELS_FOLDER, REPRESENTATIONS_FOLDER
from trainable.errors import DataError
from trainable.types import Split

_FORMAT = b"evsweep-dataset-1\n"


def dataset_digest(root: Path, *, representation: str, downsample_by_factor_2: bool) -> str:
    """A digest of what a run reads of a preprocessed dataset, without reading the events.

    It covers, for `train`, `val` and `test` as far as they exist: the sequences' names, the content of their labels,
    of the frames' times and of the numbers of labelled frames, and the name and size of the file with the event frames.
    Events that were changed in place, with the file's size kept, are not noticed. Where the folder lies and when its
    files were written does not matter. It reads three small files a sequence.

    Args:
        root: The dataset's folder.
        representation: Folder of the event representation, such as `stacked_histogram_dt=50_nbins=10`.
        downsample_by_factor_2: Whether the frames of half resolution are read.

    Returns:
        SHA-256 as 64 hexadecimal digits.

    Raises:
        DataError: If the folder holds no sequence, or a file cannot be read.
    """
    digest = hashlib.sha256(_FORMAT)
    sequences = 0
    for split in get_args(Split):
        for folder in _sequences(root / split):
            sequences += 1
            frames = folder / REPRESENTATIONS_FOLDER / representation
            _add(digest, f"{split}/{folder.name}/{representation}", b"")
            for file in (
                folder / LABELS_FOLDER / "labels.npz",
                frames / "timestamps_us.npy",
                frames / "objframe_idx_2_repr_idx.npy",
            ):
                _add(digest, file.name, _content(file))
            for layout in ("sparse", "rvt"):
                file = frames / representation_file(layout, downsample_by_factor_2=downsample_by_factor_2)
                if file.is_file():
                    _add(digest, file.name, str(file.stat().st_size).encode())
                    break
    if not sequences:
        raise DataError(f"{root}: expected train/, val/ or test/ with sequences, there are none; check dataset.path")
    return digest.hexdigest()


def _sequences(split: Path) -> list[Path]:
    if not split.is_dir():
        return []
    return sorted(entry for entry in split.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _add(digest: "hashlib._Hash", name: str, content: bytes) -> None:
    """Add a part, framed by its length so that no two datasets have the same bytes."""
    digest.update(f"{name}\0{len(content)}\0".encode())
    digest.update(content)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror}); preprocess the recording again") from error
