"""Compressed text outputs. Blocks."""

import importlib
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

from mixpanel_async.codecs.gzip import gzip_compressor
from mixpanel_async.errors import MissingExtraError

# Text is compressed in pieces of one size, so that the same events give the same bytes however they arrived.
_PIECE_BYTES: Final = 256 * 1024
_GZIP_LEVEL: Final = 1
_MODULES: Final = ("compression.zstd", "backports.zstd")  # the first one from Python 3.14 on


class Compressor(Protocol):
    """A compressed stream that is being written."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready after more data."""

    def flush(self) -> bytes:
        """Return the rest of the stream."""


class TextStream:
    """Writes text, compressed or as it is.

    Args:
        write: Writes bytes.
        compression: gz, zst or "".

    Raises:
        MissingExtraError: The package for zstd is not installed.
    """

    def __init__(self, write: Callable[[bytes], object], compression: Literal["", "gz", "zst"]) -> None:
        self._write = write
        self._compressor = _compressor(compression)
        self._held = bytearray()

    def write(self, text: bytes) -> None:
        """Write more text."""
        if self._compressor is None:
            self._write(text)
            return
        self._held += text
        whole = len(self._held) - len(self._held) % _PIECE_BYTES
        for start in range(0, whole, _PIECE_BYTES):
            self._put(self._compressor.compress(bytes(self._held[start : start + _PIECE_BYTES])))
        del self._held[:whole]

    def end(self) -> None:
        """Write what is left of the stream."""
        if self._compressor is not None:
            self._put(self._compressor.compress(bytes(self._held)))
            self._put(self._compressor.flush())

    def _put(self, data: bytes) -> None:
        if data:
            self._write(data)


def _compressor(compression: str) -> Compressor | None:
    if compression == "gz":
        return gzip_compressor(_GZIP_LEVEL)
    return _zstd().ZstdCompressor() if compression == "zst" else None


def _zstd() -> Any:  # noqa: ANN401 - one of two modules with the same interface
    for module in _MODULES:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise MissingExtraError("zstd", "writing zstd")
