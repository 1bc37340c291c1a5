"""The lines of a text, read with bounded memory. Blocks."""

import codecs
import io
import re
from collections.abc import Callable
from typing import Final

from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.jobs.sources.tail import TAIL_BYTES, Tail

_LINE_END: Final = re.compile(r"\r\n?|\n")
_MARK: Final = "\ufeff"
_HEAD: Final = 1000  # characters that are kept of a line that is too long


class TextLines:
    """The lines of a text, with their line ends; invalid bytes are lone surrogates.

    Args:
        read: Returns the next block of UTF-8; b"" at the end.

    Attributes:
        number: Number of the last line that was taken.
        failure: What `read` raised, or None. The lines before it are valid.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._lines: list[str] = []
        self._next = 0
        self._rest = ""
        self._long: tuple[int, str] | None = None  # size and beginning of the current line, which is too long
        self._long_ends: dict[int, tuple[int, str]] = {}  # the same of whole lines, by number
        self._is_first = True
        self._is_over = False
        self.number = 0
        self.failure: Exception | None = None
        self._tail = Tail()

    @property
    def mark(self) -> str:
        """What differs where the lines before the next one differ."""
        return self._tail.mark()

    def peek(self, count: int) -> list[str]:
        """Return the next lines, at most `count`, up to a line that is too long; [] there and at the end."""
        while self._next >= len(self._lines) and self._fill():
            pass
        return self._upcoming(count)

    def peek_all(self, count: int) -> list[str]:
        """Return the next `count` lines, fewer only before a line that is too long and at the end."""
        while len(self._lines) - self._next < count and self._fill():
            pass
        return self._upcoming(count)

    def take(self, count: int) -> None:
        """Move on by some lines that `peek` returned."""
        taken = self._lines[max(self._next, self._next + count - TAIL_BYTES) : self._next + count]
        self._tail.add("".join(line[-TAIL_BYTES:] for line in taken).encode("utf-8", "surrogateescape"))
        self._next += count
        self.number += count

    def take_too_long(self) -> tuple[int, str] | None:
        """Take the next line if it is too long; return its size and its beginning."""
        found = self._long_ends.pop(self.number + 1, None)
        if found is not None:
            self.take(1)
        return found

    def skip(self, number: int) -> bool:
        """Move past line `number`; return whether there are that many."""
        while self.number < number:
            lines = self.peek(number - self.number)
            if lines:
                self.take(len(lines))
            elif self.take_too_long() is None:
                return False
        return True

    def _upcoming(self, count: int) -> list[str]:
        if self._long_ends:
            count = min(count, min(self._long_ends) - self.number - 1)
        return self._lines[self._next : self._next + count]

    def _fill(self) -> bool:
        """Read a block; return False at the end."""
        if self._is_over:
            return False
        try:
            block = self._read()
        except Exception as error:
            self.failure, self._is_over = error, True
            return False
        self._is_over = not block
        text = self._decoder.decode(block, self._is_over)
        if self._is_first and text:
            text, self._is_first = text.removeprefix(_MARK), False
        if self._next:
            del self._lines[: self._next]
            self._next = 0
        self._split(text)
        return True

    def _split(self, text: str) -> None:
        if self._long is not None:
            text = self._skip_long(*self._long, text)
        text = self._rest + text
        # Without a newline argument, StringIO would translate line ends; "\n" alone is the fast case.
        lines = io.StringIO(text, newline="" if "\r" in text else "\n").readlines()
        self._rest = ""
        # A carriage return at the end may be the first half of a line end.
        if lines and not self._is_over and not lines[-1].endswith("\n"):
            self._rest = lines.pop()
        self._lines += lines
        if len(self._rest) > MAX_LINE_BYTES:
            self._long, self._rest = (len(self._rest), self._rest[:_HEAD]), ""

    def _skip_long(self, size: int, head: str, text: str) -> str:
        """Return what follows the line that is too long, or "" while the line continues."""
        end = _LINE_END.search(text)
        self._long = (size + len(text), head)
        if end is None and not self._is_over:
            return ""
        self._long = None
        self._long_ends[self.number + len(self._lines) - self._next + 1] = (size + (end.start() if end else 0), head)
        self._lines.append("")
        return text[end.end() :] if end else ""
