"""Which runs lie in a folder."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trainable.tracking.journal import JOURNAL_NAME

SWEEP_DEPTH = 2
"""Levels below a sweep's folder at which the folders of its runs lie: `<sweep>/trials/0003`."""


def run_directories(directory: Path, depth: int) -> Iterator[Path]:
    """The folders that hold a journal: the folder itself, then by name those at most `depth` levels below it.

    A run's folder below it is not searched further: it holds many files, and no other run.
    """
    if (directory / JOURNAL_NAME).exists():
        yield directory
    yield from _below(directory, depth)


def _below(directory: Path, depth: int) -> Iterator[Path]:
    if depth == 0:
        return
    names: list[str] = []
    with suppress(OSError), os.scandir(directory) as folder:
        names = sorted(entry.name for entry in folder if entry.is_dir())
    for name in names:
        inner = directory / name
        if (inner / JOURNAL_NAME).exists():
            yield inner
        else:
            yield from _below(inner, depth - 1)
