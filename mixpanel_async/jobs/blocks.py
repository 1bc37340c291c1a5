"""Files as blocks of bytes: opened, inflated and read on a thread, a block ahead of whoever uses them."""

import asyncio
import contextlib
import gzip
import importlib
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Protocol, cast, runtime_checkable

from mixpanel_async.errors import MixpanelError, SourceError
from mixpanel_async.jobs.blocking import BlockingThread
from mixpanel_async.jobs.checkpoint import HEAD_BYTES as IDENTITY_BYTES
from mixpanel_async.jobs.checkpoint import SourceIdentity, identity
from mixpanel_async.jobs.formats import Compression, compression_of

try:
    from isal import igzip, isal_zlib

    _GZIP_FILE: Callable[..., object] = igzip.IGzipFile
    _BROKEN: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, cast("type[Exception]", isal_zlib.error))
except ImportError:  # no wheel for this platform
    _GZIP_FILE = gzip.GzipFile
    _BROKEN = (EOFError, OSError, zlib.error)

BLOCK_BYTES: Final = 1 << 20
STDIN: Final = "-"
_HEAD_BYTES: Final = 512
_CLOSE_SECONDS: Final = 1.0


@runtime_checkable
class ReadableFile(Protocol):
    """A file object that gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; b"" at the end."""


class BlockFile:
    """One file.

    Args:
        file: Where it is, "-" for standard input; or a file object, which stays open at the end.
        thread: Runs what blocks.

    Attributes:
        name: For people.
        path: Where it is, or None for a file object.
        total_bytes: Its size as it is stored, or None for a pipe.
        compression: How it was found to be compressed.
        head: Its first bytes, inflated.
    """

    def __init__(self, file: str | ReadableFile, thread: BlockingThread) -> None:
        self.path = file if isinstance(file, str) else None
        self._given = None if isinstance(file, str) else file
        self.name = "stdin" if file == STDIN else self.path or str(getattr(file, "name", "file"))
        self._thread = thread
        self._raw: io.BufferedReader | None = None
        self._file: io.BufferedReader | None = None
        self._text: io.TextIOWrapper | None = None
        self._next: asyncio.Future[bytes] | None = None
        self._read_bytes = 0
        self._broken: Exception | None = None
        self.total_bytes: int | None = None
        self.compression: Compression = ""
        self.head = b""

    async def open(self) -> None:
        """Open the file and find out how it is compressed.

        Raises:
            SourceError: It cannot be opened.
        """
        await self._thread.submit(self._open)

    def _open(self) -> None:
        raw = self._open_raw()
        self._raw = raw
        self.total_bytes = self.stored_bytes()
        with self.translated():
            self.compression = compression_of(raw.peek(_HEAD_BYTES))
            self._file = self._inflated(raw)
            self.head = self._file.peek(_HEAD_BYTES)[:_HEAD_BYTES]

    def _open_raw(self) -> io.BufferedReader:
        if self._given is not None:
            given: object = self._given
            if isinstance(given, io.TextIOBase):
                raise SourceError(f"{self.name}: is open as text; open it in binary mode")
            return given if isinstance(given, io.BufferedReader) else io.BufferedReader(_Wrapped(self._given))
        # Not sys.stdin: at its end the interpreter closes that, and aborts where a thread still reads from it.
        is_stdin = self.path == STDIN
        with self._found():
            opened = open(  # noqa: SIM115 - closed by aclose()
                sys.stdin.fileno() if is_stdin else str(self.path), "rb", buffering=BLOCK_BYTES, closefd=not is_stdin
            )
            return cast("io.BufferedReader", opened)

    @contextlib.contextmanager
    def _found(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise SourceError(f"{self.name}: there is no such file") from None
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be opened: {error.strerror or error}") from None

    def stored_bytes(self) -> int | None:
        """Return the file's size, or None where it has none; blocks.

        Raises:
            SourceError: There is no such file.
        """
        if self._given is not None or self.path == STDIN:
            return _size_of(self._given if self._given is not None else sys.stdin.buffer)
        with self._found():
            status = os.stat(str(self.path))  # noqa: PTH116
            return status.st_size if stat.S_ISREG(status.st_mode) else None

    def identify(self) -> SourceIdentity:
        """Return what tells the file from others; blocks.

        Raises:
            SourceError: It cannot be read.
        """
        with self._found(), open(str(self.path), "rb") as file:  # noqa: PTH123
            size = os.fstat(file.fileno()).st_size
            return identity(os.path.realpath(str(self.path)), size, file.read(IDENTITY_BYTES))

    async def skip(self, offset: int) -> None:
        """Go to a place in the inflated file.

        Raises:
            SourceError: The file is broken, or shorter.
        """
        if offset:
            await self._thread.submit(lambda: self._skip(offset))

    def _skip(self, offset: int) -> None:
        if self._file is None:
            raise SourceError(f"{self.name}: is not open")
        with self.translated():
            if not self.compression:
                self._file.seek(offset)
                return
            while offset:
                part = self._file.read(min(offset, BLOCK_BYTES))
                if not part:
                    raise SourceError(f"{self.name}: is shorter than it was")
                offset -= len(part)

    def _inflated(self, raw: io.BufferedReader) -> io.BufferedReader:
        if self.compression == "gzip":
            return cast("io.BufferedReader", _GZIP_FILE(fileobj=raw))  # has all that is used of one
        if self.compression == "zstd":
            return _open_zstd(raw, self.name)
        return raw

    @property
    def read_bytes(self) -> int:
        """Bytes read of the file as it is stored."""
        return self._read_bytes

    async def read(self) -> bytes:
        """Return the next block, inflated; b"" at the end.

        Raises:
            SourceError: The file is broken.
        """
        pending, self._next = self._next or self._thread.submit(self._read), None
        block = await pending
        if block:
            self._next = self._thread.submit(self._read)
        return block

    def _read(self) -> bytes:
        if self._file is None or self._raw is None:
            raise SourceError(f"{self.name}: is not open")
        with self.translated():
            block = self._fill(self._file)
        self._read_bytes = self._raw.tell() if self.total_bytes is not None else self._read_bytes + len(block)
        return block

    def _fill(self, file: io.BufferedReader) -> bytes:
        """Read a block; what a broken stream raises comes after the bytes that were read before."""
        if self._broken is not None:
            raise self._broken
        if not self.compression:
            # A pipe gives what it has: whoever feeds it slowly is not kept waiting for a full block.
            return file.read1(BLOCK_BYTES) if self.total_bytes is None else file.read(BLOCK_BYTES)
        found: list[bytes] = []
        size = 0
        try:
            while size < BLOCK_BYTES and (part := file.read1(BLOCK_BYTES - size)):
                found.append(part)
                size += len(part)
        except _BROKEN as error:
            self._broken = error
            if not found:
                raise
        return b"".join(found)

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what reading the file raises into our errors.

        Raises:
            SourceError: The file is broken.
        """
        try:
            yield
        except EOFError:
            raise SourceError(f"{self.name}: ends in the middle of its {self.compression} stream") from None
        except _BROKEN as error:
            raise SourceError(f"{self.name}: cannot be read: {error}") from None
        except Exception as error:
            if self.compression != "zstd" or isinstance(error, MixpanelError):
                raise
            raise SourceError(f"{self.name}: cannot be read: {error}") from None

    def text(self) -> io.TextIOWrapper:
        """Return the inflated file as text for the csv module, to be read on the thread; bad bytes are kept apart.

        Raises:
            SourceError: It is not open.
        """
        if self._file is None:
            raise SourceError(f"{self.name}: is not open")
        self._text = io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        return self._text

    def note_position(self) -> None:
        """Note how far the file was read by others; called on the thread."""
        if self._raw is not None and self.total_bytes is not None:
            self._read_bytes = self._raw.tell()

    def note_share(self, share: float) -> None:
        """Note how much of the file was read by others, from 0 to 1."""
        self._read_bytes = round(share * (self.total_bytes or 0))

    async def aclose(self) -> None:
        """Close the file, unless it was opened by somebody else."""
        if self._raw is not None and self._given is None and self.path != STDIN:
            # A read of a pipe that never ends keeps the thread; then there is nobody to close the file.
            await asyncio.wait((self._thread.submit(self._close),), timeout=_CLOSE_SECONDS)

    def _close(self) -> None:
        for file in (self._text, self._file, self._raw):
            if file is not None:
                file.close()


def _open_zstd(raw: io.BufferedReader, name: str) -> io.BufferedReader:
    for module in ("compression.zstd", "backports.zstd"):  # the first one from Python 3.14 on
        try:
            zstd = importlib.import_module(module)
        except ImportError:
            continue
        return cast("io.BufferedReader", zstd.ZstdFile(raw))
    raise SourceError(f'{name}: is compressed with zstd; pip install "backports.zstd", or unpack it first')


class _Wrapped(io.RawIOBase):
    """A file object of any kind, as a raw stream."""

    def __init__(self, file: ReadableFile) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _size_of(file: object) -> int | None:
    try:
        status = os.fstat(file.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
