"""Splits blocks of bytes into lines, wherever the blocks begin and end."""

import io
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

# Escapes and whitespace can make a line longer than the largest event; without a bound, a file that has no line ends
# would be read into memory as a whole.
MAX_LINE_BYTES: Final = 8_000_000
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NEWLINE: Final = 0x0A
# A block of short lines holds hundreds of thousands of them. They are passed on in groups, because checking, rejecting
# and freeing that many at once takes a tenth of a second and more.
_GROUP_LINES: Final = 4096
_STEP_BYTES: Final = 16 * 1024  # a group of blank lines is not larger than this


class Lines(msgspec.Struct):
    """Some whole lines of a block, with their line ends, and the lines that were too long to keep.

    Attributes:
        lines: The lines.
        first: Number of the first line, from 1.
        too_long: Numbers and sizes of lines before `first` that were not kept.
    """

    lines: Sequence[bytes]
    first: int
    too_long: Sequence[tuple[int, int]] = ()


class LineSplitter:
    """Splits blocks into lines. A line ends with a line feed, the last line with the file.

    Args:
        number: Number of lines before the first block.
    """

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self._rest = b""
        self._dropped_bytes = 0
        self._unread_bytes = 0
        self._is_first = number == 0

    def feed(self, block: bytes) -> Iterator[Lines]:
        """Yield the lines that this block completes, some thousand at a time; take all before the next block."""
        too_long: list[tuple[int, int]] = []
        if self._is_first:
            block, self._is_first = block.removeprefix(BYTE_ORDER_MARK), False
        if self._dropped_bytes:
            end = block.find(b"\n")
            if end < 0:
                self._dropped_bytes += len(block)
                return
            too_long.append(self._end_dropped(end))
            block = block[end + 1 :]
        # BytesIO splits at line feeds alone; bytes.splitlines also splits at carriage returns.
        file = io.BytesIO(self._rest + block if self._rest else block)
        size, self._rest = len(self._rest) + len(block), b""
        lines: list[bytes] = []
        while found := file.readlines(_STEP_BYTES):
            lines += found
            if len(lines) >= _GROUP_LINES and lines[-1][-1] == _NEWLINE:
                self._unread_bytes = size - file.tell()
                yield self._numbered(lines, too_long)
                lines, too_long = [], []
        self._unread_bytes = 0
        self._rest = lines.pop() if lines and lines[-1][-1] != _NEWLINE else b""
        if len(self._rest) > MAX_LINE_BYTES:
            self._dropped_bytes, self._rest = len(self._rest), b""
        if lines or too_long:
            yield self._numbered(lines, too_long)

    def close(self) -> Lines:
        """Return the last line if it has no line end."""
        if self._dropped_bytes:
            return Lines((), self.number + 1, (self._end_dropped(0),))
        lines = (self._rest,) if self._rest else ()
        self._rest = b""
        return self._numbered(lines, ())

    @property
    def held_bytes(self) -> int:
        """Bytes that were fed and belong to no line so far."""
        return self._unread_bytes + len(self._rest) + self._dropped_bytes

    def _numbered(self, lines: Sequence[bytes], too_long: Sequence[tuple[int, int]]) -> Lines:
        first = self.number + 1
        self.number += len(lines)
        return Lines(lines, first, too_long)

    def _end_dropped(self, more: int) -> tuple[int, int]:
        self.number += 1
        size, self._dropped_bytes = self._dropped_bytes + more, 0
        return self.number, size


def count_lines(block: bytes) -> int:
    """Return how many lines a block of whole lines holds."""
    return block.count(b"\n")


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    if text.isascii():
        return True
    try:
        str(text, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
