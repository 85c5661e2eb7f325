"""A run's journal: an append-only local file of everything that is to be seen of the run.

The journal is the record; a tracking server is a copy of it. It is one JSON object a line in `journal.jsonl` in the
run's folder, and the folder can be moved or copied: the header holds the run's identity.

Every append is one `write` of one whole line to a file opened with `O_APPEND`. The line is then in the operating
system's cache: it survives the process being killed at any moment, and `sync` (called with every status and wanted
with every checkpoint) makes it survive the machine going down. A line that a full disk tore is completed by the next
append that succeeds; one that was torn for good is closed when the journal is opened again, and readers skip it.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from trainable.errors import TrackingError
from trainable.files import written_whole
from trainable.tracking.entries import (
    ArtifactEntry,
    Entry,
    HeaderEntry,
    MetricsEntry,
    ParametersEntry,
    ResumeEntry,
    RunStatus,
    StatusEntry,
    TagsEntry,
    decode_entry,
    encode_entry,
    finite_or_none,
)
from trainable.tracking.links import public_uri, without_credentials
from trainable.tracking.names import flattened

JOURNAL_NAME = "journal.jsonl"
_LAST_LINE_BYTES = 65536


def now_ms() -> int:
    """Wall-clock time in milliseconds since 1970, as MLflow stamps its points."""
    return time.time_ns() // 1_000_000


class Journal:
    """The writing end of a run's journal. One process writes a journal at a time.

    Every method may raise `OSError` when the disk refuses; the entry is then kept and written with the next append.

    Args:
        directory: the run's folder, holding a journal; `create` makes a new one.

    Raises:
        TrackingError: where the folder holds no readable journal.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.header = read_header(directory)
        self._unwritten = bytearray()
        path = directory / JOURNAL_NAME
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        size = os.fstat(self._descriptor).st_size
        if os.pread(self._descriptor, 1, size - 1) != b"\n":
            self._unwritten += b"\n"

    @classmethod
    def create(cls, directory: Path, header: HeaderEntry) -> "Journal":
        """Begin a run's journal, appearing whole or not at all.

        Args:
            directory: the run's folder, made where it is missing.
            header: the run's identity; its `uri` is stored without credentials.

        Returns:
            The journal, open for appending.

        Raises:
            TrackingError: where the folder holds a journal already.
        """
        path = directory / JOURNAL_NAME
        if path.exists():
            raise TrackingError(
                f"{path} already records a run; a new run needs a folder of its own. Choose another folder, or resume "
                "that run from its checkpoint."
            )
        directory.mkdir(parents=True, exist_ok=True)
        if header.uri is not None:
            header = header.model_copy(update={"uri": public_uri(header.uri)})
        with written_whole(path) as draft:
            draft.write_bytes(encode_entry(header))
        return cls(directory)

    def parameters(self, values: Mapping[str, object]) -> None:
        """Record parameters: nested mappings as dotted names, credentials in addresses removed."""
        texts = {name: without_credentials(text) for name, text in flattened(values).items()}
        self._append(ParametersEntry(time_ms=now_ms(), values=texts))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics at a training step.

        A value that is NaN or infinite is recorded as undefined (`null`) and never published: MLflow would store an
        infinity as 1.8e308.

        Args:
            values: metric name to a plain number; a tensor on a GPU would make the call wait for the device.
            step: optimizer steps done. One value is kept for a name and step: see `Backlog`.
        """
        self._append(MetricsEntry.model_construct(time_ms=now_ms(), step=int(step), values=finite_or_none(values)))

    def tags(self, values: Mapping[str, str]) -> None:
        """Record tags; a later value replaces an earlier one."""
        self._append(TagsEntry(time_ms=now_ms(), values={name: str(value) for name, value in values.items()}))

    def artifact(self, path: Path, artifact_path: str = "") -> None:
        """Record a finished file that is to be uploaded, in the state that it then has.

        Args:
            path: the file. Inside the run's folder it travels with the journal.
            artifact_path: folder on the server to put it in.
        """
        absolute, directory = path.absolute(), self.directory.absolute()
        stored = absolute.relative_to(directory) if absolute.is_relative_to(directory) else absolute
        self._append(ArtifactEntry(time_ms=now_ms(), path=stored.as_posix(), artifact_path=artifact_path.strip("/")))

    def status(self, status: RunStatus, reason: str = "", time_ms: int | None = None) -> None:
        """Record the run's state, by default as of now, and bring the journal to the disk."""
        time_ms = now_ms() if time_ms is None else time_ms
        self._append(StatusEntry(time_ms=time_ms, status=status, reason=without_credentials(reason)))
        self.sync()

    def resume(self, step: int, uri: str | None = None) -> None:
        """Record that the run continues from a checkpoint.

        Args:
            step: the checkpoint's optimizer steps; points after it that nobody has published are dropped.
            uri: tracking server from now on, where it changes; stored without credentials.
        """
        self._append(ResumeEntry(time_ms=now_ms(), step=step, uri=None if uri is None else public_uri(uri)))

    def sync(self) -> None:
        """Bring the journal to the disk; costs what the disk costs, so it belongs beside a checkpoint."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Write what a full disk kept back, if it can be, and close the file; appending afterwards is an `OSError`."""
        descriptor = self._descriptor
        try:
            self._write()
        finally:
            self._descriptor = -1
            os.close(descriptor)

    def _append(self, entry: Entry) -> None:
        self._unwritten += encode_entry(entry)
        self._write()

    def _write(self) -> None:
        while self._unwritten:
            written = os.write(self._descriptor, self._unwritten)
            del self._unwritten[:written]


class JournalReader:
    """Reads a journal that may still be growing, whole lines only.

    Args:
        directory: the run's folder.
        position: bytes at the journal's beginning to pass over.

    Attributes:
        position: bytes read or passed over so far.
        damaged_lines: lines skipped so far because they were torn or of an unknown kind.
    """

    def __init__(self, directory: Path, position: int = 0) -> None:
        self._path = directory / JOURNAL_NAME
        self.position = position
        self.damaged_lines = 0

    def read(self) -> list[Entry]:
        """The entries appended since the last call.

        Raises:
            TrackingError: where the journal cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self.position)
                block = file.read()
        except OSError as error:
            raise TrackingError(
                f"no journal can be read at {self._path} ({error.strerror}). Give the folder of a run, the one that "
                f"holds {JOURNAL_NAME}."
            ) from error
        whole = block[: block.rfind(b"\n") + 1]
        self.position += len(whole)
        entries = [decode_entry(line) for line in whole.split(b"\n") if line]
        self.damaged_lines += entries.count(None)
        return [entry for entry in entries if entry is not None]


def read_header(directory: Path) -> HeaderEntry:
    """A journal's first line.

    Raises:
        TrackingError: where there is no journal, or its first line is not a header of a known version.
    """
    path = directory / JOURNAL_NAME
    try:
        with path.open("rb") as file:
            entry = decode_entry(file.readline())
    except OSError as error:
        raise TrackingError(
            f"no journal can be read at {path} ({error.strerror}). Give the folder of a run, the one that holds "
            f"{JOURNAL_NAME}."
        ) from error
    if not isinstance(entry, HeaderEntry):
        raise TrackingError(
            f"the first line of {path} is not the header of a run's journal, so it cannot be told which run it is. "
            "Restore the file from a copy of the folder, or start the run in a new folder."
        )
    return entry


def end_of(directory: Path) -> StatusEntry | None:
    """How a run ended, where its journal's last line says so, without reading the rest; none otherwise.

    Args:
        directory: the run's folder, holding a journal.
    """
    with (directory / JOURNAL_NAME).open("rb") as file:
        file.seek(max(file.seek(0, os.SEEK_END) - _LAST_LINE_BYTES, 0))
        lines = file.read().rstrip(b"\n").rsplit(b"\n", 1)
    entry = decode_entry(lines[-1])
    return entry if isinstance(entry, StatusEntry) and entry.status != "RUNNING" else None
