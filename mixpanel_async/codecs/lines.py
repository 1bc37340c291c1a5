"""Blocks of bytes into lines, whatever the blocks' borders. Pure."""

import io
from collections.abc import Sequence
from typing import Final

import msgspec

# A line may be longer than an event, by escapes and spaces, but not without bound.
MAX_LINE_BYTES: Final = 8_000_000
_NEWLINE: Final = 0x0A
_BOM: Final = b"\xef\xbb\xbf"


class Lines(msgspec.Struct):
    """Whole lines of a block, their line ends included, and those that were too long to be kept.

    Attributes:
        lines: The lines.
        first: Number of the first one, from 1.
        too_long: Numbers and sizes of lines before it that were not kept.
    """

    lines: Sequence[bytes]
    first: int
    too_long: Sequence[tuple[int, int]] = ()


class LineSplitter:
    """Cuts blocks into lines; a line ends with a line feed, the last one with the file.

    Args:
        number: Lines before the first block.
    """

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self._rest = b""
        self._dropped_bytes = 0
        self._is_first = number == 0

    def feed(self, block: bytes) -> Lines:
        """Return the lines that are complete with this block."""
        too_long: list[tuple[int, int]] = []
        if self._is_first:
            block, self._is_first = block.removeprefix(_BOM), False
        if self._dropped_bytes:
            end = block.find(b"\n")
            if end < 0:
                self._dropped_bytes += len(block)
                return Lines((), self.number + 1)
            too_long.append(self._end_dropped(end))
            block = block[end + 1 :]
        lines = list(io.BytesIO(self._rest + block if self._rest else block))
        self._rest = lines.pop() if lines and lines[-1][-1] != _NEWLINE else b""
        if len(self._rest) > MAX_LINE_BYTES:
            self._dropped_bytes, self._rest = len(self._rest), b""
        first = self.number + 1
        self.number += len(lines)
        return Lines(lines, first, too_long)

    def close(self) -> Lines:
        """Return what is left without a line end."""
        if self._dropped_bytes:
            return Lines((), self.number + 1, (self._end_dropped(0),))
        lines = (self._rest,) if self._rest else ()
        first = self.number + 1
        self.number += len(lines)
        self._rest = b""
        return Lines(lines, first)

    @property
    def held_bytes(self) -> int:
        """Bytes of the line that has begun."""
        return len(self._rest)

    def _end_dropped(self, more: int) -> tuple[int, int]:
        self.number += 1
        size, self._dropped_bytes = self._dropped_bytes + more, 0
        return self.number, size
