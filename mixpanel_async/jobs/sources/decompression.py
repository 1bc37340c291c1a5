"""Decompresses gzip and zstd files. Blocks."""

import gzip
import importlib
import io
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.sources.detection import Compression

Errors: TypeAlias = tuple[type[Exception], ...]

try:
    from isal import igzip, isal_zlib

    _GZIP_FILE: Callable[..., object] = igzip.IGzipFile
    _BROKEN: Final[Errors] = (EOFError, OSError, zlib.error, cast("type[Exception]", isal_zlib.error))
except ImportError:  # no wheel for this platform
    _GZIP_FILE = gzip.GzipFile
    _BROKEN = (EOFError, OSError, zlib.error)  # type: ignore[misc]


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
        # Not a BufferedReader, but it has every method that is used here.
        return cast("io.BufferedReader", _GZIP_FILE(fileobj=raw)), _BROKEN
    if compression == "zstd":
        zstd = _zstd(name)
        return cast("io.BufferedReader", zstd.ZstdFile(raw)), (*_BROKEN, zstd.ZstdError)
    return raw, _BROKEN


def _zstd(name: str) -> Any:  # noqa: ANN401 - one of two modules with the same interface
    for module in ("compression.zstd", "backports.zstd"):  # the first one from Python 3.14 on
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise SourceError(f'{name}: is compressed with zstd: pip install "mixpanel-async[zstd]", or decompress it first')
