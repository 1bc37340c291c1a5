"""Text encodings of files, found by the byte order mark or declared. Everything after this module reads UTF-8."""

import codecs
import io
from typing import Final

from mixpanel_async.errors import InvalidArgumentError

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: it begins with that mark
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, ""),
)
_UTF_8: Final = frozenset({"utf-8", "utf-8-sig", "ascii"})
_BLOCK_BYTES: Final = 1 << 18


def check_encoding(encoding: str) -> None:
    """Check that a text encoding exists.

    Raises:
        InvalidArgumentError: The encoding is unknown.
    """
    try:
        b"a\0\0\0".decode(encoding)
    except UnicodeDecodeError:
        return  # bytes.decode() of nothing accepts any encoding name
    except (LookupError, TypeError, ValueError):
        raise InvalidArgumentError(
            f"encoding is invalid: {encoding!r} is unknown; use one such as utf-8, utf-16, cp1252 or latin-1"
        ) from None


def encoding_of(head: bytes, declared: str | None) -> str:
    """Return the encoding of a text, or "" for UTF-8.

    Args:
        head: Its first bytes. A byte order mark is more certain than what was declared for all files.
        declared: The declared encoding, or None.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if declared is None:
        return ""
    name = codecs.lookup(declared).name
    return "" if name in _UTF_8 else name


def as_utf8(file: io.BufferedReader, encoding: str) -> io.BufferedReader:
    """Return a file of text in some encoding as a file of UTF-8.

    Bytes that have no meaning in the encoding become bytes that are not UTF-8 either, so that their record is rejected.
    """
    return io.BufferedReader(_Transcoded(file, encoding), _BLOCK_BYTES)


class _Transcoded(io.RawIOBase):
    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._encoding = encoding
        self._errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._held = b""
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        while not self._held and not self._is_over:
            block = self._file.read1(_BLOCK_BYTES)
            self._is_over = not block
            try:
                self._held = self._decoder.decode(block, self._is_over).encode("utf-8", self._errors)
            except UnicodeError as error:
                raise OSError(f"the text is not {self._encoding}: {error}; set another encoding") from None
        part = self._held[: len(buffer)]
        buffer[: len(part)] = part
        self._held = self._held[len(part) :]
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()
