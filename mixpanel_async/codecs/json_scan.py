"""Finds where the values of a JSON text begin and end, without decoding them."""

import re
from typing import Final

import msgspec

from mixpanel_async.time_slice import Steps

QUOTE: Final = ord('"')
COMMA: Final = ord(",")
_BACKSLASH: Final = ord("\\")
CLOSING: Final = {ord("["): ord("]"), ord("{"): ord("}")}
# A string, which may be cut off by the end of the window, or one structural character.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[\[\]{},]', re.DOTALL)
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_SCALAR: Final = re.compile(rb"[^ \t\r\n,\]}]*")


class JsonScanner:
    """Scans one JSON text.

    Args:
        data: The text.
        window_bytes: How much of it is scanned in one step.
    """

    def __init__(self, data: bytes, window_bytes: int) -> None:
        self._data = data
        self._window_bytes = window_bytes

    def skip_space(self, start: int, end: int | None = None) -> int:
        """Return the position of the next character that is not whitespace, or the end of the text."""
        match = _SPACE.match(self._data, start, len(self._data) if end is None else end)
        return start if match is None else match.end()

    def last_end(self, start: int) -> tuple[int | None, bool]:
        """Find the last end of an element in a window.

        Returns:
            Where it is, or None if the first element is larger; and whether the container ends there.
        """
        data = self._data
        depth, last = 1, None
        limit = min(start + self._window_bytes, len(data))
        for match in _TOKEN.finditer(data, start, limit):
            character = data[match.start()]
            if character == COMMA:
                if depth == 1:
                    last = match.start()
            elif character == QUOTE:
                if not match[1]:
                    break
            elif character in CLOSING:
                depth += 1
            else:
                depth -= 1
                if not depth:
                    return match.start(), True
        if last is None and limit == len(data):
            raise msgspec.DecodeError("Input data was truncated")
        return last, False

    def end_of_value(self, start: int) -> Steps[int]:
        """Return the end of the value that starts at a byte.

        Raises:
            msgspec.DecodeError: The text ends before it.
        """
        if start < len(self._data) and self._data[start] in CLOSING:
            return (yield from self._end_of_container(start))
        return self.end_of_scalar(start)

    def end_of_scalar(self, start: int) -> int:
        """Return the end of the string, number or word that starts at a byte."""
        data = self._data
        if start >= len(data):
            raise msgspec.DecodeError("Input data was truncated")
        if data[start] != QUOTE:
            match = _SCALAR.match(data, start)
            return max(start + 1, match.end() if match is not None else start)
        end = start
        while (end := data.find(b'"', end + 1)) >= 0:
            before = end - 1
            while data[before] == _BACKSLASH:
                before -= 1
            if (end - before) % 2:
                return end + 1
        raise msgspec.DecodeError("Input data was truncated")

    def _end_of_container(self, start: int) -> Steps[int]:
        """Return the end of a container that is decoded as a whole."""
        data = self._data
        depth, position = 0, start
        while position < len(data):
            yield
            limit = min(position + self._window_bytes, len(data))
            cut = limit
            for match in _TOKEN.finditer(data, position, limit):
                character = data[match.start()]
                if character == QUOTE:
                    if not match[1]:
                        cut = match.start()
                        break
                elif character in CLOSING:
                    depth += 1
                elif character != COMMA:
                    depth -= 1
                    if not depth:
                        return match.end()
            position = cut if cut > position else self.end_of_scalar(position)
        raise msgspec.DecodeError("Input data was truncated")


def json_error(problem: str, position: int) -> msgspec.DecodeError:
    """Return the error for a text that is not JSON, with the position of the problem."""
    return msgspec.DecodeError(f"JSON is malformed: {problem} (byte {position})")
