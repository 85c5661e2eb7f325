"""The files of a run: those in a folder of this machine where they lie, all others fetched once, when asked for.

What a store says of paths and sizes is not trusted: a file that would be read from outside the run's folder of
artifacts, or written outside the place for it, counts as missing, and so does a very large one.
"""

import os
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import NamedTuple

MOST_FILES = 10_000
MOST_FOLDERS = 200
DEEPEST = 8
LARGEST_BYTES = 512 * 2**20
OUTSIDE = "it lies outside of the run's folder of artifacts"


class Listed(NamedTuple):
    """An entry of a folder of artifacts."""

    path: str
    is_folder: bool
    size: int


class FolderArtifacts:
    """Artifacts in a folder of this machine; they are not copied.

    Args:
        folder: The run's folder of artifacts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problems: dict[str, str] = {}

    def paths(self) -> tuple[str, ...]:
        """Every file's path, sorted."""
        return tuple(sorted(islice(self._walk(self._folder, "", 1), MOST_FILES)))

    def file(self, path: str) -> Path | None:
        """The file; none where there is none, or it is not to be read."""
        if not _is_inner(path):
            self._problems[path] = OUTSIDE
            return None
        try:
            file = (self._folder / path).resolve(strict=True)
            of_file = file.stat()
            if not file.is_relative_to(self._folder.resolve()):
                self._problems[path] = OUTSIDE
            elif not stat.S_ISREG(of_file.st_mode):
                self._problems[path] = "it is not a regular file"
            elif of_file.st_size > LARGEST_BYTES:
                self._problems[path] = _too_large(of_file.st_size)
            else:
                return file
        except FileNotFoundError:
            if not self._folder.exists():
                self._problems[path] = f"there is no folder {self._folder} on this machine"
        except (OSError, RuntimeError, ValueError) as error:
            self._problems[path] = f"it cannot be read ({error})"
        return None

    def problem(self, path: str) -> str:
        """Why a file that is there cannot be had, as far as was found out; empty otherwise."""
        return self._problems.get(path) or self._problems.get("", "")

    def _walk(self, folder: Path, inner: str, depth: int) -> Iterator[str]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = f"{inner}{entry.name}"
                    if not entry.is_dir(follow_symlinks=False):
                        yield path
                    elif depth < DEEPEST:
                        yield from self._walk(folder / entry.name, f"{path}/", depth + 1)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._problems[inner.rstrip("/")] = f"its folder cannot be read ({_shortened(error)})"


class FetchedArtifacts:
    """Artifacts that lie elsewhere.

    Args:
        listing: Lists one of the run's folders, the outermost by an empty text.
        fetch: Brings a file into a folder that exists, and returns its place there.
        folder: A place for fetched files, made when it is needed; each file gets a folder of its own in it.

    What the two raise must be `OSError` or `ValueError`.
    """

    def __init__(
        self,
        listing: Callable[[str], list[Listed]],
        fetch: Callable[[str, Path], Path],
        folder: Path,
    ) -> None:
        self._listing = listing
        self._fetch = fetch
        self._folder = folder
        self._sizes: dict[str, int] | None = None
        self._fetched: dict[str, Path | None] = {}
        self._problems: dict[str, str] = {}

    def paths(self) -> tuple[str, ...]:
        """Every file's path, sorted."""
        if self._sizes is None:
            self._sizes = {listed.path: listed.size for listed in islice(self._walk(), MOST_FILES)}
        return tuple(sorted(self._sizes))

    def file(self, path: str) -> Path | None:
        """A local copy of a file; none where the run has no such file, or it cannot be had."""
        if path not in self._fetched:
            self._fetched[path] = self._get(path)
        return self._fetched[path]

    def problem(self, path: str) -> str:
        """Why a file that is there cannot be had, as far as was found out; empty otherwise."""
        return self._problems.get(path) or self._problems.get("", "")

    def _get(self, path: str) -> Path | None:
        if path not in self.paths() or self._sizes is None:
            return None
        if not _is_inner(path):
            self._problems[path] = OUTSIDE
            return None
        if self._sizes[path] > LARGEST_BYTES:
            self._problems[path] = _too_large(self._sizes[path])
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            place = Path(mkdtemp(dir=self._folder))
            file = self._fetch(path, place)
            of_file = file.lstat()
        except (OSError, ValueError) as error:
            self._problems[path] = f"it cannot be fetched ({_shortened(error)})"
            return None
        if not (file.resolve().is_relative_to(place.resolve()) and stat.S_ISREG(of_file.st_mode)):
            self._problems[path] = OUTSIDE
            return None
        if of_file.st_size > LARGEST_BYTES:
            self._problems[path] = _too_large(of_file.st_size)
            return None
        return file

    def _walk(self) -> Iterator[Listed]:
        """All files, however deep, of a bounded number of folders."""
        folders = [""]
        for place in range(MOST_FOLDERS):
            if place == len(folders):
                return
            try:
                entries = self._listing(folders[place])
            except (OSError, ValueError) as error:
                self._problems[folders[place]] = f"the artifacts cannot be listed ({_shortened(error)})"
                continue
            yield from (entry for entry in entries if not entry.is_folder)
            folders += [entry.path for entry in entries if entry.is_folder and _is_inner(entry.path)]


def _too_large(size: int) -> str:
    """Why a file is not read."""
    return f"it has {size / 2**20:.0f} MiB, more than the {LARGEST_BYTES / 2**20:.0f} MiB that are read"


def _is_inner(path: str) -> bool:
    """Whether a path leads to a place below where it starts, on every system."""
    plain = not any(character in path for character in "\\\0:")
    parts = PurePosixPath(path).parts
    return plain and path == "/".join(parts) and bool(parts) and not {"..", "."}.intersection(parts) and parts[0] != "/"


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
