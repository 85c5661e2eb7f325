"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a draft beside `path` to write to, and put it in the place of `path` once it is complete.

    The draft is brought to the disk first, so that a machine that goes down leaves the old file or the new one. After
    an error the draft is removed and `path` stays as it was.

    Args:
        path: The file to write. Its folder must exist.

    Yields:
        The draft's path.
    """
    draft = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
