"""Files as blocks of bytes: opened, inflated and read on a thread, a block ahead of whoever uses them."""

import asyncio
import contextlib
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Self, cast

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.blocking import BlockingThread
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


class BlockFile:
    """One open file.

    Args:
        path: Where it is; "-" is standard input.
        thread: Runs what blocks.

    Attributes:
        name: For people.
        total_bytes: Its size as it is stored, or None for a pipe.
        compression: How it was found to be compressed.
        head: Its first bytes, inflated.
    """

    def __init__(self, path: str | os.PathLike[str], thread: BlockingThread) -> None:
        self._path = os.fspath(path)
        self.name = "stdin" if self._path == STDIN else self._path
        self._thread = thread
        self._raw: io.BufferedReader | None = None
        self._file: io.BufferedReader | None = None
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
        try:
            raw = cast("io.BufferedReader", sys.stdin.buffer) if self._path == STDIN else self._open_path()
        except FileNotFoundError:
            raise SourceError(f"{self.name}: there is no such file") from None
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be opened: {error.strerror or error}") from None
        self._raw = raw
        status = os.fstat(raw.fileno())
        self.total_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None
        with self.translated():
            self.compression = compression_of(raw.peek(_HEAD_BYTES))
            self._file = self._inflated(raw)
            self.head = self._file.peek(_HEAD_BYTES)[:_HEAD_BYTES]

    def _open_path(self) -> io.BufferedReader:
        file = open(self._path, "rb", buffering=BLOCK_BYTES)  # noqa: PTH123, SIM115 - closed by aclose()
        return cast("io.BufferedReader", file)

    def _inflated(self, raw: io.BufferedReader) -> io.BufferedReader:
        if self.compression == "gzip":
            return cast("io.BufferedReader", _GZIP_FILE(fileobj=raw))  # has all that is used of one
        if self.compression == "zstd":
            raise SourceError(f"{self.name}: zstd is not supported yet; unpack it first")
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

    def text(self) -> io.TextIOWrapper:
        """Return the inflated file as text for the csv module, to be read on the thread; bad bytes are kept apart.

        Raises:
            SourceError: It is not open.
        """
        if self._file is None:
            raise SourceError(f"{self.name}: is not open")
        return io.TextIOWrapper(self._file, encoding="utf-8-sig", errors="surrogateescape", newline="")

    def tell(self) -> None:
        """Note how far the file was read by others; called on the thread."""
        if self._raw is not None and self.total_bytes is not None:
            self._read_bytes = self._raw.tell()

    async def aclose(self) -> None:
        """Close the file, unless it is standard input."""
        if self._raw is not None and self._path != STDIN:
            self._thread.submit(self._raw.close)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
