"""Reads and decompresses files in blocks on a thread, one block ahead of the caller."""

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.decompression import Errors, decompressed_file, trailing_notice
from mixpanel_async.jobs.sources.detection import Compression, compression_of, with_head
from mixpanel_async.jobs.sources.encodings import as_utf8, encoding_of
from mixpanel_async.jobs.sources.locations import BLOCK_BYTES, Location
from mixpanel_async.jobs.sources.tail import TAIL_BYTES
from mixpanel_async.jobs.worker_thread import WorkerThread

T = TypeVar("T")
_CLOSE_SECONDS: Final = 1.0


class ReadAheadFile:
    """One file.

    Args:
        location: Location of the file.
        name: Name for messages.
        thread: Runs blocking calls.

    Attributes:
        name: Name for messages.
        location: Location of the file.
        total_bytes: Size as stored, or None for a pipe.
        compression: The detected compression.
        head: The first bytes, decompressed.
    """

    def __init__(self, location: Location, name: str, thread: WorkerThread) -> None:
        self.location = location
        self.name = name
        self._thread = thread
        self._raw: io.BufferedReader | None = None
        self._file: io.BufferedReader | None = None
        self._next: asyncio.Future[bytes] | None = None
        self._read_bytes = 0
        self._broken_by: Errors = (EOFError, OSError)
        self._broken: Exception | None = None
        self.total_bytes: int | None = None
        self._decompressed: io.BufferedReader | None = None
        self._is_transcoded = False
        self._is_closed = False
        self.compression: Compression = ""
        self.head = b""

    async def open(self, encoding: str | None = None) -> None:
        """Open the file and detect its compression and encoding.

        Args:
            encoding: Text encoding of the file, or None for UTF-8 or what its byte order mark says.

        Raises:
            SourceError: The file cannot be opened.
        """
        await self._thread.submit(lambda: self._open(encoding))

    def _open(self, declared: str | None) -> None:
        self.total_bytes = self.location.stored_bytes()
        raw = self.location.open()
        if self._is_closed:  # a pipe without a writer opened when the job had been stopped
            if self.location.is_ours:
                raw.close()
            raise SourceError(f"{self.name}: the file was closed")
        self._raw = raw
        with self._translated():
            raw, head = with_head(raw)
            self.compression = compression_of(head)
            file, self._broken_by = decompressed_file(raw, self.compression, self.name)
            self._decompressed = file
            self._file, self.head = with_head(file)
            if encoding := encoding_of(self.head, declared):
                self._is_transcoded = True
                self._file, self.head = with_head(as_utf8(self._file, encoding))

    async def skip(self, offset: int) -> bytes:
        """Move to an offset of the decompressed file; return the last bytes before it, as many as a `Tail` has.

        Raises:
            SourceError: The file is damaged, or has become shorter.
        """
        return await self._thread.submit(lambda: self._skip(offset)) if offset else b""

    def _skip(self, offset: int) -> bytes:
        held = min(offset, TAIL_BYTES)
        if self._file is None:
            raise SourceError(f"{self.name}: the file is not open")
        with self._translated():
            if not self.compression and not self._is_transcoded and self._file.seekable():
                if self.total_bytes is not None and offset > self.total_bytes:
                    raise SourceError(f"{self.name}: the file has become shorter")
                self._file.seek(offset - held)
                offset = held
            while offset > held:
                offset -= len(self._read_some(self._file, min(offset - held, BLOCK_BYTES)))
            tail = b""
            while len(tail) < held:
                tail += self._read_some(self._file, held - len(tail))
        self._note_position()
        return tail

    def _read_some(self, file: io.BufferedReader, size: int) -> bytes:
        if part := file.read(size):
            return part
        raise SourceError(f"{self.name}: the file has become shorter")

    @property
    def notice(self) -> str:
        """What is unusual about the file, once it was read to its end, or ""."""
        return "" if self._decompressed is None else trailing_notice(self._decompressed)

    @property
    def read_bytes(self) -> int:
        """Bytes read, as stored."""
        return self._read_bytes

    async def read(self) -> bytes:
        """Return the next block, decompressed; b"" at the end.

        Raises:
            SourceError: The file is damaged.
        """
        pending, self._next = self._next or self._thread.submit(self.read_block), None
        block = await pending
        if block:
            self._next = self._thread.submit(self.read_block)
        return block

    async def on_thread(self, work: Callable[[], T]) -> T:
        """Return the result of work on what was read, done on the thread that reads."""
        return await self._thread.submit(work)

    def read_block(self) -> bytes:
        """Do what `read` does, without reading ahead. Call this on the thread."""
        if self._file is None or self._raw is None:
            raise SourceError(f"{self.name}: the file is not open")
        with self._translated():
            block = self._fill(self._file)
        if not block:
            self._check_end()
        self._read_bytes = self._raw.tell() if self.total_bytes is not None else self._read_bytes + len(block)
        return block

    def _fill(self, file: io.BufferedReader) -> bytes:
        """Read a block; an error of a damaged stream is raised after the bytes before it were returned."""
        if self._broken is not None:
            raise self._broken
        if not self.compression and not self._is_transcoded:
            # Take what a pipe has: waiting for a full block would delay the records of a slow writer.
            return file.read1(BLOCK_BYTES) if self.total_bytes is None else file.read(BLOCK_BYTES)
        found: list[bytes] = []
        size = 0
        try:
            while size < BLOCK_BYTES and (part := file.read1(BLOCK_BYTES - size)):
                found.append(part)
                size += len(part)
        except self._broken_by as error:
            self._broken = error
            if not found:
                raise
        return b"".join(found)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn exceptions of reading the file into SourceError.

        Raises:
            SourceError: The file is damaged.
        """
        try:
            yield
        except EOFError:
            raise SourceError(f"{self.name}: the {self.compression} stream is truncated") from None
        except self._broken_by as error:
            raise SourceError(f"{self.name}: cannot be read: {error}") from None

    def _note_position(self) -> None:
        if self._raw is not None and self.total_bytes is not None:
            self._read_bytes = self._raw.tell()

    def _check_end(self) -> None:
        """Check that the file was read up to its size when opened.

        Raises:
            SourceError: The file was truncated meanwhile. Between two records, nothing else would show it.
        """
        if self._raw is None or self.total_bytes is None:
            return
        if (found := self._raw.tell()) < self.total_bytes:
            sizes = f"{found:,} bytes, not {self.total_bytes:,}"
            raise SourceError(f"{self.name}: is shorter than it was when it was opened ({sizes})")

    def note_share(self, share: float) -> None:
        """Update `read_bytes` from the share of the file that a reader read, from 0 to 1."""
        self._read_bytes = round(share * (self.total_bytes or 0))

    async def aclose(self) -> None:
        """Close the file, unless the caller opened it."""
        self._is_closed = True
        if self._raw is not None and self.location.is_ours:
            # A read of a pipe may never return. Then the thread is blocked and cannot close the file.
            await asyncio.wait((self._thread.submit(self._close),), timeout=_CLOSE_SECONDS)

    def _close(self) -> None:
        for file in (self._file, self._raw):
            if file is not None:
                file.close()
