"""Which format and compression a source has: told, by name, or by its first bytes. Pure."""

import io
import pathlib
from typing import Final, Literal, TypeAlias

from mixpanel_async.codecs.lines import BYTE_ORDER_MARK
from mixpanel_async.errors import SourceError

Format: TypeAlias = Literal["ndjson", "json", "csv", "tsv", "parquet"]
Compression: TypeAlias = Literal["", "gzip", "zstd"]
FORMATS: Final[tuple[Format, ...]] = ("ndjson", "json", "csv", "tsv", "parquet")

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_COMPRESSED: Final = frozenset({".gz", ".zst"})
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED: Final = b"\x2a\x4d\x18"
_PARQUET: Final = b"PAR1"
HEAD_BYTES: Final = 512
_SURE_BYTES: Final = 4  # of a magic number, or of text behind what is blank


def compression_of(head: bytes) -> Compression:
    """Return how a file is compressed, by its first bytes: what it is called may be wrong."""
    if head.startswith(_GZIP):
        return "gzip"
    # Tools that compress in parallel put frames to be skipped in front of the first one with data.
    is_skipped = head[1:4] == _ZSTD_SKIPPED and head[0] >> 4 == 5  # noqa: PLR2004 - 0x50 to 0x5F
    return "zstd" if head.startswith(_ZSTD) or is_skipped else ""


def format_by_name(name: str) -> Format | None:
    """Return the format that a file's name tells, or None."""
    suffixes = [suffix.lower() for suffix in pathlib.PurePath(name).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return _BY_SUFFIX.get(suffixes[-1]) if suffixes else None


def format_of(name: str, head: bytes, told: Format | None) -> Format:
    """Return a source's format.

    Args:
        name: What it is called.
        head: Its first bytes, inflated.
        told: What the caller says, or None.

    Raises:
        SourceError: Nothing tells.
    """
    if told is not None:
        return told
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    by_name = format_by_name(name)
    if by_name == "json":  # .json is used for both
        return "json" if start.startswith(b"[") else "ndjson"
    if by_name is not None:
        return by_name
    if start.startswith(b"{"):
        return "ndjson"
    if start.startswith(b"["):
        return "json"
    if start.startswith(_PARQUET):
        return "parquet"
    if not start:
        return "ndjson"  # empty: any format will do
    raise SourceError(f"{name}: cannot tell its format; say which of {', '.join(FORMATS)} it is")


def with_head(file: io.BufferedReader) -> tuple[io.BufferedReader, bytes]:
    """Return a file and its first bytes, which are still to be read from it.

    A pipe may give a single byte at first. It is waited for a few, but not for as many as a block has: whoever feeds it
    slowly is not kept waiting.

    Args:
        file: Nothing has been read of it.
    """
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    if _tells(head):
        return file, head
    found = b""
    while not _tells(found) and len(found) < HEAD_BYTES and (more := file.read(1)):
        found += more
    return io.BufferedReader(_Continued(found, file)), found


def _tells(head: bytes) -> bool:
    return len(head.removeprefix(BYTE_ORDER_MARK).lstrip()) >= _SURE_BYTES


class _Continued(io.RawIOBase):
    """Bytes that were read, and the file behind them."""

    def __init__(self, start: bytes, file: io.BufferedReader) -> None:
        super().__init__()
        self._start = start
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        if self._start:
            found, self._start = self._start[: len(buffer)], self._start[len(buffer) :]
        else:
            found = self._file.read1(len(buffer))
        buffer[: len(found)] = found
        return len(found)
