"""A JSON array cut into its elements as its bytes arrive. Pure; it holds one element at a time."""

import re
from typing import Final

from mixpanel_async.errors import TruncatedReplyError

MAX_ELEMENT_BYTES: Final = 64 * 1024 * 1024
_IN_STRING: Final = re.compile(rb'["\\]')
_OUTSIDE: Final = re.compile(rb'["\[\]{},]')


class ArraySplitter:
    """Cuts the text of one JSON array at its commas, wherever the pieces of text begin and end.

    Only the array's own structure is checked; whether an element is valid JSON is found when it is decoded.

    Args:
        max_element_bytes: Longest element that is held.
    """

    def __init__(self, max_element_bytes: int = MAX_ELEMENT_BYTES) -> None:
        self._max_element_bytes = max_element_bytes
        self._kept = bytearray()  # the beginning of the element that is under way
        self._depth = 0  # 0: before the array, 1: in it, above: inside an element
        self._is_closed = False
        self._is_in_string = False
        self._is_escaped = False
        self._has_comma = False
        self._found: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the elements that are complete with this piece of text.

        Raises:
            ValueError: The text is no JSON array, or an element is longer than allowed.
        """
        start = position = 0
        while position < len(chunk):
            if self._is_escaped:
                self._is_escaped = False
                position += 1
                continue
            found = (_IN_STRING if self._is_in_string else _OUTSIDE).search(chunk, position)
            if found is None:
                break
            position = found.end()
            if self._is_in_string:
                self._is_escaped = found[0] == b"\\"
                self._is_in_string = self._is_escaped
            elif self._step(found[0], chunk[start : position - 1]):
                start = position
        self._keep(chunk[start:])
        elements, self._found = self._found, []
        return elements

    def close(self) -> None:
        """Say that there is no more text.

        Raises:
            TruncatedReplyError: The array has not ended.
        """
        if not self._is_closed:
            raise TruncatedReplyError("the reply ends inside its JSON array")

    def _step(self, sign: bytes, before: bytes) -> bool:
        """Take one sign outside of strings; return whether it ended what came before it."""
        if self._is_closed or (self._depth == 0 and sign != b"["):
            raise ValueError("the reply is not one JSON array")
        if self._depth == 0:
            if (self._kept + before).strip():
                raise ValueError("the reply is not one JSON array")
            self._kept.clear()
            self._depth = 1
            return True
        if sign == b'"':
            self._is_in_string = True
        elif sign in b"[{":
            self._depth += 1
        elif sign in b"]}" and self._depth > 1:
            self._depth -= 1
        elif sign == b"}":
            raise ValueError("the reply's JSON array is closed by a brace")
        elif self._depth == 1:
            self._end_element(before, is_last=sign == b"]")
            return True
        return False

    def _end_element(self, before: bytes, *, is_last: bool) -> None:
        element = bytes(self._kept + before).strip()
        self._kept.clear()
        if element:
            self._check_size(len(element))
            self._found.append(element)
        elif not is_last or self._has_comma:
            raise ValueError("the reply's JSON array has an empty place")
        self._has_comma = not is_last
        self._is_closed = is_last

    def _keep(self, rest: bytes) -> None:
        if self._is_closed or self._depth == 0:
            rest = rest.lstrip()  # only space may stand here; it is not collected
        self._kept += rest
        if self._is_closed and self._kept:
            raise ValueError("the reply goes on behind its JSON array")
        self._check_size(len(self._kept))

    def _check_size(self, size: int) -> None:
        if size > self._max_element_bytes:
            raise ValueError(f"an element is longer than {self._max_element_bytes:,} bytes")
