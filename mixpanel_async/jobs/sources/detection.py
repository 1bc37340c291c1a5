"""Detects the format and compression of a source from its name and first bytes."""

import io
import pathlib
import re
from typing import Final, Literal, TypeAlias

from mixpanel_async.codecs.json_stream import RECORD_SEPARATOR, is_one_value_a_line
from mixpanel_async.codecs.lines import BYTE_ORDER_MARK
from mixpanel_async.errors import SourceError

Format: TypeAlias = Literal["ndjson", "json", "csv", "tsv", "parquet"]
Compression: TypeAlias = Literal["", "gzip", "zstd", "bzip2", "xz"]
FORMATS: Final[tuple[Format, ...]] = ("ndjson", "json", "csv", "tsv", "parquet")

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
_COMPRESSED: Final = frozenset({".gz", ".zst", ".bz2", ".xz"})
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPED: Final = b"\x2a\x4d\x18"
_BZIP2: Final = re.compile(rb"BZh[1-9]1AY&SY")
_XZ: Final = b"\xfd7zXZ\x00"
_PARQUET: Final = b"PAR1"
# What is not read, by its first bytes, and what to do.
_ARCHIVES: Final = (
    (b"PK\x03\x04", "is a zip; save it as a file whose name ends in .zip, so that its members are read"),
    (b"PK\x05\x06", "is an empty zip"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"Rar!", "is a rar archive; unpack it first"),
    (b"SQLite format 3\x00", "is an SQLite database; export a table as CSV"),
    (b"Obj\x01", "is Avro; convert it to Parquet or NDJSON"),
    (b"ORC", "is ORC; convert it to Parquet or NDJSON"),
    (b"ARROW1", "is an Arrow file (Feather); convert it to Parquet, or import the table that pyarrow reads from it"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook; save it as CSV"),
)
_TAR: Final = (257, b"ustar")
_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
DETECTION_BYTES: Final = 512
_SURE_BYTES: Final = 4  # bytes of a magic number, or of text after whitespace, that detection needs


def compression_of(head: bytes) -> Compression:
    """Return the compression of a file by its first bytes; its name may be wrong."""
    if head.startswith(_GZIP):
        return "gzip"
    # Parallel compressors put skippable frames before the first data frame.
    is_skipped = head[1:4] == _ZSTD_SKIPPED and head[0] >> 4 == 5  # noqa: PLR2004 - 0x50 to 0x5F
    if head.startswith(_ZSTD) or is_skipped:
        return "zstd"
    if _BZIP2.match(head):
        return "bzip2"
    return "xz" if head.startswith(_XZ) else ""


def check_readable(name: str, head: bytes, compression: Compression) -> None:
    """Check that a file is not an archive, or compressed twice.

    Args:
        name: Name of the source.
        head: Its first bytes, decompressed.
        compression: Its compression.

    Raises:
        SourceError: It cannot be read; the error says what it is.
    """
    inner = compression_of(head)
    if compression and inner:
        raise SourceError(f"{name}: {inner} inside {compression}; decompress it once first")
    if head.startswith(_ZLIB):
        raise SourceError(f"{name}: is a bare zlib stream; decompress it first, or compress it with gzip")
    position, mark = _TAR
    if head[position : position + len(mark)] == mark:
        raise SourceError(
            f"{name}: is a tar archive; save it as a file whose name ends in .tar, .tgz or .tar.gz, "
            "so that its members are read"
        )
    for magic, what in _ARCHIVES:
        if head.startswith(magic):
            raise SourceError(f"{name}: {what}")


def format_by_name(name: str) -> Format | None:
    """Return the format of a file by its name, or None."""
    suffixes = [suffix.lower() for suffix in pathlib.PurePath(name).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return _BY_SUFFIX.get(suffixes[-1]) if suffixes else None


def format_of(name: str, head: bytes, declared: Format | None) -> Format:
    """Return the format of a source.

    Args:
        name: Name of the source.
        head: Its first bytes, decompressed.
        declared: The format that the caller declared, or None.

    Raises:
        SourceError: The format cannot be detected.
    """
    if declared is not None:
        return declared
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    by_name = format_by_name(name)
    if by_name not in {None, "json", "ndjson"}:
        return by_name
    if start.startswith((b"{", RECORD_SEPARATOR)):  # the suffix .json is used for all layouts
        return "ndjson" if is_one_value_a_line(start) else "json"
    if by_name == "json":
        return "json" if start.startswith(b"[") else "ndjson"
    if by_name is not None:
        return by_name
    if start.startswith(b"["):
        return "json"
    if start.startswith(_PARQUET):
        return "parquet"
    if not start:
        return "ndjson"  # an empty file is valid in any format
    raise SourceError(f"{name}: unknown format; set format to one of {', '.join(FORMATS)}")


def with_head(file: io.BufferedReader) -> tuple[io.BufferedReader, bytes]:
    """Return a file and its first bytes; reading the file returns them again.

    A pipe may return a single byte at first. Read a few bytes, not a full block, so that a slow pipe is not delayed.

    Args:
        file: A file of which nothing was read.
    """
    head = file.peek(DETECTION_BYTES)[:DETECTION_BYTES]
    if _is_sure(head):
        return file, head
    head = b""
    while not _is_sure(head) and len(head) < DETECTION_BYTES and (byte := file.read(1)):
        head += byte
    return io.BufferedReader(_Continued(head, file)), head


def _is_sure(head: bytes) -> bool:
    return len(head.removeprefix(BYTE_ORDER_MARK).lstrip()) >= _SURE_BYTES


class _Continued(io.RawIOBase):
    """A file, preceded by bytes that were already read of it."""

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
