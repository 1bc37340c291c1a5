"""Files that are compressed, read as what they were before; blocks."""

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
    """Return a file as it was before it was compressed, and what reading it raises where it is broken.

    Args:
        raw: The file as it is stored.
        compression: How it is compressed.
        name: Of the file, for errors.

    Raises:
        SourceError: What is needed to read it is not installed.
    """
    if compression == "gzip":
        return cast("io.BufferedReader", _GZIP_FILE(fileobj=raw)), _BROKEN  # has all that is used of one
    if compression == "zstd":
        zstd = _zstd(name)
        return cast("io.BufferedReader", zstd.ZstdFile(raw)), (*_BROKEN, zstd.ZstdError)
    return raw, _BROKEN


def _zstd(name: str) -> Any:  # noqa: ANN401 - one of two modules that are alike
    for module in ("compression.zstd", "backports.zstd"):  # the first one from Python 3.14 on
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise SourceError(f'{name}: is compressed with zstd: pip install "mixpanel-async[zstd]", or unpack it first')
