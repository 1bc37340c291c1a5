"""Decompresses gzip, zstd, bzip2 and xz files. Blocks."""

import bz2
import importlib
import io
import lzma
from typing import Any, Final, TypeAlias, cast

from mixpanel_async.codecs.gzip import BROKEN, GzipReader
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.detection import Compression

Errors: TypeAlias = tuple[type[Exception], ...]

_BUFFER_BYTES: Final = 1 << 16
_BROKEN: Final[Errors] = (EOFError, OSError, *BROKEN)


def decompressed_file(raw: io.BufferedReader, compression: Compression, name: str) -> tuple[io.BufferedReader, Errors]:
    """Return a decompressed view of a file, and the exceptions that it raises if the file is damaged.

    Args:
        raw: The file as stored.
        compression: Its compression.
        name: Name of the file, for errors.

    Raises:
        SourceError: The file is compressed with zstd and the package for it is not installed.
    """
    if compression == "gzip":
        return io.BufferedReader(GzipReader(raw), _BUFFER_BYTES), _BROKEN
    if compression == "zstd":
        zstd = _zstd(name)
        return cast("io.BufferedReader", zstd.ZstdFile(raw)), (*_BROKEN, zstd.ZstdError)
    if compression == "bzip2":
        # Not a BufferedReader, as the others below, but it has every method that is used here.
        return cast("io.BufferedReader", bz2.BZ2File(raw)), _BROKEN
    if compression == "xz":
        return cast("io.BufferedReader", lzma.LZMAFile(raw)), (*_BROKEN, lzma.LZMAError)
    return raw, _BROKEN


def _zstd(name: str) -> Any:  # noqa: ANN401 - one of two modules with the same interface
    for module in ("compression.zstd", "backports.zstd"):  # the first one from Python 3.14 on
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise SourceError(f'{name}: is compressed with zstd: pip install "mixpanel-async[zstd]", or decompress it first')


def trailing_notice(file: io.BufferedReader) -> str:
    """Return what is unusual about a file that was read to its end, or ""."""
    raw: object = getattr(file, "raw", None)
    if isinstance(raw, GzipReader) and raw.ignored_bytes:
        return f"{raw.ignored_bytes:,} bytes after the gzip data are not gzip and were ignored"
    return ""
