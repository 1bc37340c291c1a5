"""Where the bytes of files are: on disk, in standard input, in an open file, at an address. Everything here blocks."""

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol, TextIO, cast, runtime_checkable

from mixpanel_async import remote
from mixpanel_async.errors import InvalidSettingError, SourceError
from mixpanel_async.jobs.model.source_identity import HEAD_BYTES, SourceIdentity, source_identity
from mixpanel_async.redaction import HIDDEN_QUERY, shown

BLOCK_BYTES: Final = 1 << 20
STDIN: Final = "-"


@runtime_checkable
class ReadableFile(Protocol):
    """A file object that gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; b"" at the end."""


class Location(Protocol):
    """Where a file is.

    Attributes:
        name: For people.
        file_name: What its format may be told by.
        is_ours: Whether what `open` returns is ours to close.
    """

    name: str
    file_name: str
    is_ours: bool

    def stored_bytes(self) -> int | None:
        """Return the file's size, or None where it has none.

        Raises:
            SourceError: There is no such file.
        """

    def open(self) -> io.BufferedReader:
        """Open it.

        Raises:
            SourceError: It cannot be opened.
        """

    def open_again(self) -> str | io.BufferedReader:
        """Return the path, or one more open file, of what can be read from any place.

        Raises:
            SourceError: This cannot.
        """

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether it is the same file as another one on this machine."""

    def identify(self) -> SourceIdentity:
        """Return what tells the file from others.

        Raises:
            SourceError: It cannot be read.
            InvalidSettingError: It cannot be read a second time.
        """


class DiskFile:
    """A file, by its path.

    Args:
        path: Where it is.
    """

    is_ours = True

    def __init__(self, path: str) -> None:
        self._path = path
        self.name = self.file_name = shown(path)

    def stored_bytes(self) -> int | None:
        """Return its size, or None for a pipe or device."""
        with _found(self.name):
            return _regular_bytes(os.stat(self._path))  # noqa: PTH116

    def open(self) -> io.BufferedReader:
        """Open it."""
        with _found(self.name):
            return cast("io.BufferedReader", open(self._path, "rb", buffering=BLOCK_BYTES))  # noqa: PTH123

    def open_again(self) -> str:
        """Return its path."""
        if self.stored_bytes() is None:
            raise _no_table(self.name)
        return self._path

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether it is the same file as another one."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self._path), other)  # noqa: PTH116
        return False

    def identify(self) -> SourceIdentity:
        """Return what tells it from others."""
        with _found(self.name), open(self._path, "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            return source_identity(shown(os.path.realpath(self._path)), size, file.read(HEAD_BYTES))


class OpenFile:
    """A file that somebody else opened, and closes.

    Args:
        file: Open in binary mode.
        name: For people.
    """

    is_ours = False

    def __init__(self, file: ReadableFile, name: str) -> None:
        self._file = file
        self.name = self.file_name = name

    def stored_bytes(self) -> int | None:
        """Return its size; what is no plain file may give other bytes than those that are stored, and has none."""
        status = self._status()
        return None if status is None else _regular_bytes(status)

    def _status(self) -> os.stat_result | None:
        raw: object = self._file.raw if isinstance(self._file, io.BufferedReader) else self._file
        if isinstance(raw, io.FileIO):
            with contextlib.suppress(OSError):
                return os.fstat(raw.fileno())
        return None

    def open(self) -> io.BufferedReader:
        """Return it, with a buffer."""
        given: object = self._file
        if isinstance(given, io.TextIOBase):
            raise SourceError(f"{self.name}: is open as text; open it in binary mode")
        if isinstance(given, io.BufferedReader):
            return given
        return io.BufferedReader(_Wrapped(self._file), BLOCK_BYTES)

    def open_again(self) -> str:
        """There is only one of it."""
        raise _no_table(self.name)

    def is_same(self, other: os.stat_result) -> bool:
        """Return whether it is the same file as another one."""
        status = self._status()
        return status is not None and os.path.samestat(status, other)

    def identify(self) -> SourceIdentity:
        """There is no way to find it again."""
        raise InvalidSettingError(f"a checkpoint needs files that can be read again; {self.name} cannot")


class StandardInput(OpenFile):
    """Standard input."""

    def __init__(self) -> None:
        super().__init__(standard_input(), "stdin")

    def open(self) -> io.BufferedReader:
        """Open it once more: at its end the interpreter closes sys.stdin, and aborts where a thread still reads it."""
        with _found(self.name):
            opened = open(standard_input().fileno(), "rb", buffering=BLOCK_BYTES, closefd=False)  # noqa: SIM115
            return cast("io.BufferedReader", opened)


class AddressedFile:
    """A file at an address.

    Args:
        file: The file.
    """

    is_ours = True

    def __init__(self, file: remote.RemoteFile) -> None:
        self._file = file
        self.name = file.name
        self.file_name = file.name.removesuffix(HIDDEN_QUERY)

    def stored_bytes(self) -> int | None:
        """Return its size, or None where the server does not tell."""
        return self._file.stored_bytes()

    def open(self) -> io.BufferedReader:
        """Open it."""
        return self._file.open()

    def open_again(self) -> io.BufferedReader:
        """Open it once more."""
        opened = self._file.open()
        if not opened.seekable():
            opened.close()
            raise _no_table(self.name)
        return opened

    def is_same(self, other: os.stat_result) -> bool:  # noqa: ARG002 - as of any other
        """It is elsewhere."""
        return False

    def identify(self) -> SourceIdentity:
        """Return what tells it from others; its address without what is secret, as that changes when it is renewed."""
        size = self.stored_bytes()
        if size is None:
            raise InvalidSettingError(
                f"a checkpoint needs the size of each file; the server does not tell it: {self.name}"
            )
        with self._file.open() as opened:
            try:
                head = opened.read(HEAD_BYTES)
            except OSError as error:
                raise SourceError(f"{self.name}: cannot be read: {error}") from None
        return source_identity(self.name, size, head + self._file.tag().encode())


def standard_input() -> BinaryIO:
    """Return standard input.

    Raises:
        SourceError: The program was started without one.
    """
    stdin: TextIO | None = sys.stdin
    if stdin is None:
        raise SourceError("standard input is closed")
    return stdin.buffer


def _no_table(name: str) -> SourceError:
    return SourceError(f"{name}: Parquet is read from plain files; save it as one first")


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
    """A file object of any kind, as a raw stream."""

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
