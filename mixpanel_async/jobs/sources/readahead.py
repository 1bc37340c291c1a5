"""Files as blocks of bytes: opened, inflated and read on a thread, a block ahead of whoever uses them."""

import asyncio
import contextlib
import io
from collections.abc import Iterator
from typing import Final

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.decompression import Errors, decompressed_file
from mixpanel_async.jobs.sources.detection import Compression, compression_of, with_head
from mixpanel_async.jobs.sources.locations import BLOCK_BYTES, Location
from mixpanel_async.jobs.worker_thread import WorkerThread

_CLOSE_SECONDS: Final = 1.0


class ReadAheadFile:
    """One file.

    Args:
        location: Where it is.
        name: For people.
        thread: Runs what blocks.

    Attributes:
        name: For people.
        location: Where it is.
        total_bytes: Its size as it is stored, or None for a pipe.
        compression: How it was found to be compressed.
        head: Its first bytes, inflated.
    """

    def __init__(self, location: Location, name: str, thread: WorkerThread) -> None:
        self.location = location
        self.name = name
        self._thread = thread
        self._raw: io.BufferedReader | None = None
        self._file: io.BufferedReader | None = None
        self._text: io.TextIOWrapper | None = None
        self._next: asyncio.Future[bytes] | None = None
        self._read_bytes = 0
        self._broken_by: Errors = (EOFError, OSError)
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
        self.total_bytes = self.location.stored_bytes()
        self._raw = raw = self.location.open()
        with self.translated():
            raw, head = with_head(raw)
            self.compression = compression_of(head)
            file, self._broken_by = decompressed_file(raw, self.compression, self.name)
            self._file, self.head = with_head(file)

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
            if not self.compression and self._file.seekable():
                self._file.seek(offset)
                offset = 0
            while offset:
                part = self._file.read(min(offset, BLOCK_BYTES))
                if not part:
                    raise SourceError(f"{self.name}: is shorter than it was")
                offset -= len(part)
        self.note_position()

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
        if not block:
            self.check_end()
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
        except self._broken_by as error:
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
        except self._broken_by as error:
            raise SourceError(f"{self.name}: cannot be read: {error}") from None

    def check_end(self) -> None:
        """Check that the file was read as far as it went when it was opened; called on the thread, at its end.

        Raises:
            SourceError: It was cut meanwhile, perhaps between two records, where nothing else tells.
        """
        if self._raw is None or self.total_bytes is None:
            return
        if (found := self._raw.tell()) < self.total_bytes:
            sizes = f"{found:,} bytes, not {self.total_bytes:,}"
            raise SourceError(f"{self.name}: is shorter than it was when it was opened ({sizes})")

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
        if self._raw is not None and self.location.is_ours:
            # A read of a pipe that never ends keeps the thread; then there is nobody to close the file.
            await asyncio.wait((self._thread.submit(self._close),), timeout=_CLOSE_SECONDS)

    def _close(self) -> None:
        for file in (self._text, self._file, self._raw):
            if file is not None:
                file.close()
