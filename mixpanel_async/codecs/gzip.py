"""gzip and zlib streams, compressed and decompressed with isal: ten times as fast as zlib, and without the GIL."""

import io
import zlib
from collections.abc import Iterator
from typing import Final, Protocol, cast

try:
    from isal import isal_zlib as _fastest
except ImportError:  # no wheel for this platform
    import zlib as _fastest  # type: ignore[no-redef]

# The window bits of zlib: 15, plus 16 for a gzip header or 32 to accept either header.
_GZIP: Final = 31
_GZIP_OR_ZLIB: Final = 47
_MAGIC: Final = b"\x1f\x8b"
_INPUT_BYTES: Final = 1 << 16  # of ordinary files all of it is decompressed at once, so that nothing is copied
_OUTPUT_BYTES: Final = 1 << 20
_PEEK_BYTES: Final = 1 << 16
# Values of Content-Encoding; RFC 9110 has x-gzip as another name of gzip.
COMPRESSED_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
# What a decompressor raises where the stream is damaged.
BROKEN: Final = (zlib.error, cast("type[Exception]", _fastest.error))


class _Member(Protocol):
    """Decompresses one gzip member or zlib stream."""

    @property
    def eof(self) -> bool:
        """Whether a valid trailer was reached."""

    @property
    def unused_data(self) -> bytes:
        """Input after the trailer."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that was not processed yet, because the output was bounded."""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Return `data` decompressed, at most `max_length` bytes; 0 means all."""


def gzip_bytes(data: bytes, level: int) -> bytes:
    """Return `data` compressed with gzip; equal input always gives equal output.

    Args:
        data: Any bytes.
        level: Compression level, 0 to 3.
    """
    return bytes(_fastest.compress(data, level, _GZIP))


class _Compressor(Protocol):
    """Compresses one gzip member."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready after more data."""

    def flush(self) -> bytes:
        """Return the rest, with the trailer."""


def gzip_compressor(level: int) -> _Compressor:
    """Return the compressor of a gzip stream.

    Args:
        level: Compression level, 0 to 3.
    """
    return cast("_Compressor", _fastest.compressobj(level, zlib.DEFLATED, _GZIP))


class Decompressor:
    """Decompresses a body block by block: a zlib stream (HTTP's deflate), or gzip with one or more members.

    A gzip stream is "a series of members" (RFC 1952, 2.2); joining compressed files makes such bodies.
    """

    def __init__(self) -> None:
        self._member = _member(_GZIP_OR_ZLIB)

    @property
    def is_whole(self) -> bool:
        """Whether the body may end here: a valid trailer of its last member was reached."""
        return self._member.eof

    def blocks(self, data: bytes, max_bytes: int) -> Iterator[bytes]:
        """Yield `data` decompressed, in blocks of at most `max_bytes`.

        Raises:
            One of BROKEN: The body is damaged, or something that is not a gzip member follows a member.
        """
        is_full = False
        while data or is_full:
            if self._member.eof:
                self._member = _member(_GZIP)
            block = self._member.decompress(data, max_bytes)
            yield block
            if self._member.eof:
                data, is_full = self._member.unused_data, False
            else:
                # A full block may leave output inside the decompressor even when no input is left.
                data, is_full = self._member.unconsumed_tail, len(block) == max_bytes


def _member(window_bits: int) -> _Member:
    return cast("_Member", _fastest.decompressobj(window_bits))


class GzipReader(io.RawIOBase):
    """Decompresses a gzip file of one or more members; every byte before the damage is read.

    Args:
        file: The compressed file.

    Attributes:
        ignored_bytes: Bytes after the last member that are not gzip; gzip itself ignores them, too.

    Raises:
        EOFError: While reading: the file ends inside a member.
        One of BROKEN: While reading: the file is damaged.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__()
        self._file = file
        self._member: _Member | None = _member(_GZIP)
        self._data = b""
        self._held = memoryview(b"")
        self._is_over = False
        self._failure: Exception | None = None
        self.ignored_bytes = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        """Read decompressed bytes: as many as there is space for, or what comes first if that is not much."""
        view = memoryview(buffer)
        filled = self._move(view)
        while filled < len(view) and not (filled and len(view) <= _PEEK_BYTES):
            if not self._hold_more(is_first=not filled):
                break
            filled += self._move(view[filled:])
        return filled

    def _move(self, view: memoryview) -> int:
        part = self._held[: len(view)]
        view[: len(part)] = part
        self._held = self._held[len(part) :]
        return len(part)

    def _hold_more(self, *, is_first: bool) -> bool:
        """Decompress more; return False at the end, or where the file is damaged and bytes before it are to be read."""
        while not self._held and not self._is_over:
            if self._failure is not None:
                raise self._failure
            try:
                self._held = memoryview(self._next_block() if self._member is not None else self._next_member())
            except (EOFError, OSError, *BROKEN) as error:
                if is_first:
                    raise
                self._failure = error
                return False
        return not self._is_over

    def _next_block(self) -> bytes:
        member = cast("_Member", self._member)
        data = self._data or self._file.read1(_INPUT_BYTES)
        block = member.decompress(data, _OUTPUT_BYTES)
        if member.eof:
            self._data, self._member = member.unused_data, None
        else:
            self._data = member.unconsumed_tail
            # A full block may leave output inside the decompressor even when no input is left.
            if not data and not block:
                raise EOFError
        return block

    def _next_member(self) -> bytes:
        """Find the next member after zero padding, or the end; return nothing."""
        self._data = self._data.lstrip(b"\0")
        while len(self._data) < len(_MAGIC) and (more := self._file.read1(_INPUT_BYTES)):
            self._data = (self._data + more).lstrip(b"\0")
        if self._data.startswith(_MAGIC):
            self._member = _member(_GZIP)
            return b""
        self._is_over = True
        while self._data:
            self.ignored_bytes += len(self._data)
            self._data = self._file.read1(_INPUT_BYTES)
        return b""
