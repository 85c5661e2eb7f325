"""A file for HDF5 to write into, on a disk that may fill."""

import io
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class FailsafeFile(io.RawIOBase):
    """A new file, which keeps in memory what cannot be written, and tells afterwards.

    HDF5 ends the whole process with a segmentation fault some time after one of its writes has failed (seen with
    version 2.0), so it must never see one. Whoever writes calls `raise_failure` now and then, and stops.

    Args:
        path: The file to create.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self._position = 0
        self._size = 0
        self._failure: OSError | None = None
        self._unwritten: list[tuple[int, bytes]] = []

    def raise_failure(self) -> None:
        """Raise the error of the first write that failed, if one has."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was written has then reached the disk."""
        if self.closed:
            return
        super().close()
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self._failure = self._failure or error
        finally:
            os.close(self._descriptor)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position, and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill a buffer with bytes from the current position on."""
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = min(start + len(view), self._size)
        found = os.pread(self._descriptor, stop - start, start)
        view[: stop - start] = found.ljust(stop - start, b"\0")
        for position, kept in self._unwritten:
            first, last = max(start, position), min(stop, position + len(kept))
            if first < last:
                view[first - start : last - start] = kept[first - position : last - position]
        self._position = stop
        return stop - start

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write at the current position, or keep the bytes in memory once a write has failed."""
        view = memoryview(data).cast("B")
        if self._failure is None:
            try:
                self._write_all(view)
            except OSError as error:
                self._failure = error
        if self._failure is not None:
            self._unwritten.append((self._position, bytes(view)))
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def _write_all(self, view: memoryview) -> None:
        written = 0
        while written < len(view):
            written += os.pwrite(self._descriptor, view[written:], self._position + written)

    def truncate(self, size: int | None = None, /) -> int:
        """Set the file's size."""
        self._size = self._position if size is None else size
        if self._failure is None:
            try:
                os.ftruncate(self._descriptor, self._size)
            except OSError as error:
                self._failure = error
        return self._size

    def readable(self) -> bool:
        """Whether the file can be read: yes."""
        return True

    def writable(self) -> bool:
        """Whether the file can be written: yes."""
        return True

    def seekable(self) -> bool:
        """Whether the position can be moved: yes."""
        return True
