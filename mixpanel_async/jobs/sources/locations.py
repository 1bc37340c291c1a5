"""Locations of files: on disk, standard input, an open file, or a URL. Blocks."""

import contextlib
import hashlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol, TextIO, cast, runtime_checkable

from mixpanel_async import remote
from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.model.source_identity import IDENTITY_BYTES, SourceIdentity, source_identity
from mixpanel_async.redaction import HIDDEN_QUERY, shown

BLOCK_BYTES: Final = 1 << 20
STDIN: Final = "-"
_SAMPLES: Final = 128
_SAMPLE_BYTES: Final = 4096
_SAMPLES_HASH_BYTES: Final = 16


@runtime_checkable
class ReadableFile(Protocol):
    """A binary file object."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; b"" at the end."""


class Location(Protocol):
    """The location of a file.

    Attributes:
        name: Name for messages.
        file_name: File name from which the format may be detected.
        is_ours: Whether the reader must close what `open` returns.
    """

    name: str
    file_name: str
    is_ours: bool

    def stored_bytes(self) -> int | None:
        """Return the size in bytes, or None if unknown.

        Raises:
            SourceError: The file does not exist.
        """

    def open(self) -> io.BufferedReader:
        """Open the file.

        Raises:
            SourceError: The file cannot be opened.
        """

    def open_again(self) -> str | io.BufferedReader:
        """Return the path, or a second open file, for random access.

        Raises:
            SourceError: The location has no random access.
        """

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether this is the same file as another file of this machine."""

    def identify(self) -> SourceIdentity:
        """Return the identity of the file.

        Raises:
            SourceError: The file cannot be read.
            InvalidArgumentError: The file cannot be read a second time.
        """


class DiskFile:
    """A file on disk.

    Args:
        path: Path of the file.
    """

    __slots__ = ("_path", "file_name", "name")  # there may be a million of them
    is_ours = True

    def __init__(self, path: str) -> None:
        self._path = path
        name = shown(path)
        self.name = self.file_name = path if path == name else name

    def stored_bytes(self) -> int | None:
        """Return the size, or None for a pipe or device."""
        with _found(self.name):
            return _regular_bytes(os.stat(self._path))  # noqa: PTH116

    def open(self) -> io.BufferedReader:
        """Open the file."""
        with _found(self.name):
            return cast("io.BufferedReader", open(self._path, "rb", buffering=BLOCK_BYTES))  # noqa: PTH123

    def open_again(self) -> str:
        """Return the path."""
        if self.stored_bytes() is None:
            raise _no_table(self.name)
        return self._path

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether this is the same file as another one."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self._path), other)  # noqa: PTH116
        return False

    def identify(self) -> SourceIdentity:
        """Return the identity of the file."""
        if self.stored_bytes() is None:  # opening a pipe may block forever, and reading it consumes its content
            raise InvalidArgumentError(
                f"checkpoint is invalid: {self.name} is not a regular file, and cannot be read again; omit it"
            )
        with _found(self.name), open(self._path, "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            return source_identity(
                shown(os.path.realpath(self._path)),
                status.st_size,
                file.read(IDENTITY_BYTES),
                modified=status.st_mtime_ns,
                inode=status.st_ino,
            )

    def samples(self) -> str:
        """Return a hash of parts from all over the file; all of it if it is small."""
        found = hashlib.blake2b(digest_size=_SAMPLES_HASH_BYTES)
        with _found(self.name), open(self._path, "rb", buffering=0) as file:  # noqa: PTH123
            step = max(_SAMPLE_BYTES, os.fstat(file.fileno()).st_size // _SAMPLES)
            for index in range(_SAMPLES):
                file.seek(index * step)
                found.update(file.read(_SAMPLE_BYTES))
        return found.hexdigest()


class OpenFile:
    """A file that the caller opened and closes.

    Args:
        file: A file object in binary mode.
        name: Name for messages.
    """

    is_ours = False

    def __init__(self, file: ReadableFile, name: str) -> None:
        self._file = file
        self.name = self.file_name = name

    def stored_bytes(self) -> int | None:
        """Return the size of a regular file; other file objects may decompress, and have no stored size."""
        status = self._status()
        return None if status is None else _regular_bytes(status)

    def _status(self) -> os.stat_result | None:
        raw: object = self._file.raw if isinstance(self._file, io.BufferedReader) else self._file
        if isinstance(raw, io.FileIO):
            with contextlib.suppress(OSError):
                return os.fstat(raw.fileno())
        return None

    def open(self) -> io.BufferedReader:
        """Return the file object, buffered."""
        given: object = self._file
        if isinstance(given, io.TextIOBase):
            raise SourceError(f"{self.name}: the file is open in text mode; open it in binary mode")
        if isinstance(given, io.BufferedReader):
            return given
        return io.BufferedReader(_Wrapped(self._file), BLOCK_BYTES)

    def open_again(self) -> str:
        """Refuse: the file object cannot be opened again."""
        raise _no_table(self.name)

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether this is the same file as another one."""
        status = self._status()
        return status is not None and os.path.samestat(status, other)

    def identify(self) -> SourceIdentity:
        """Refuse: the file object cannot be opened again."""
        raise InvalidArgumentError(
            f"checkpoint is invalid: {self.name} cannot be read again; omit it, or import from a file"
        )


class StandardInput(OpenFile):
    """Standard input."""

    def __init__(self) -> None:
        super().__init__(standard_input(), "stdin")

    def open(self) -> io.BufferedReader:
        """Open the descriptor again: at exit Python closes sys.stdin, and aborts if a thread still reads it."""
        with _found(self.name):
            opened = open(standard_input().fileno(), "rb", buffering=BLOCK_BYTES, closefd=False)  # noqa: SIM115
            return cast("io.BufferedReader", opened)


class UrlFile:
    """A file at a URL.

    Args:
        file: The remote file.
    """

    is_ours = True

    def __init__(self, file: remote.RemoteFile) -> None:
        self._file = file
        self.name = file.name
        self.file_name = file.name.removesuffix(HIDDEN_QUERY)

    def stored_bytes(self) -> int | None:
        """Return the size, or None if the server does not report it."""
        return self._file.stored_bytes()

    def open(self) -> io.BufferedReader:
        """Open the file."""
        return self._file.open()

    def open_again(self) -> io.BufferedReader:
        """Open the file a second time."""
        opened = self._file.open()
        if not opened.seekable():
            opened.close()
            raise _no_table(self.name)
        return opened

    def is_same(self, other: os.stat_result) -> bool:  # noqa: ARG002 - required by the protocol
        """Return False: the file is not on this machine."""
        return False

    def identify(self) -> SourceIdentity:
        """Return the identity; its URL has no secrets, so that a URL that was signed again still matches."""
        size = self.stored_bytes()
        if size is None:
            raise InvalidArgumentError(
                f"checkpoint is invalid: the size of {self.name} is unknown; download the file first"
            )
        with self._file.open() as opened:
            try:
                head = opened.read(IDENTITY_BYTES)
            except OSError as error:
                raise SourceError(f"{self.name}: cannot be read: {error}") from None
        return source_identity(self.name, size, head + self._file.tag().encode())


def standard_input() -> BinaryIO:
    """Return standard input.

    Raises:
        SourceError: The process has no standard input.
    """
    stdin: TextIO | None = sys.stdin
    if stdin is None:
        raise SourceError("standard input is closed")
    return stdin.buffer


def _no_table(name: str) -> SourceError:
    return SourceError(f"{name}: Parquet can only be read from a regular file; save it to a file first")


@contextlib.contextmanager
def _found(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SourceError(f"{name}: there is no such file") from None
    except OSError as error:
        raise SourceError(f"{name}: cannot be opened: {error.strerror or error}") from None


def _regular_bytes(status: os.stat_result) -> int | None:
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class _Wrapped(io.RawIOBase):
    """A raw stream over any file object."""

    def __init__(self, file: ReadableFile) -> None:
        super().__init__()
        self._file = file
        self._position = file.tell() if isinstance(file, io.FileIO) and file.seekable() else 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)
