"""Splits a JSON array into its elements as its bytes arrive; holds one element at a time."""

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

MAX_ELEMENT_BYTES: Final = 64 * 1024 * 1024
_STEP_BYTES: Final = 4096  # full of brackets, 4 KiB take about 5 ms
_IN_STRING: Final = re.compile(rb'["\\]')
_OUTSIDE: Final = re.compile(rb'["\[\]{},]')

JsonArrayProblem: TypeAlias = Literal[
    "not_array", "empty_element", "closed_by_brace", "element_too_long", "trailing", "truncated"
]


class JsonArrayError(ValueError):
    """The text is not one whole JSON array.

    Attributes:
        reason: What is wrong, for callers that raise an error of their own.
    """

    def __init__(self, reason: JsonArrayProblem, message: str) -> None:
        super().__init__(message)
        self.reason: JsonArrayProblem = reason


class JsonArraySplitter:
    """Splits the text of one JSON array at its commas, wherever the blocks of text begin and end.

    Only the structure of the array itself is checked; decoding an element shows whether the element is valid JSON.

    Args:
        max_element_bytes: Size of the longest element that is held.
    """

    def __init__(self, max_element_bytes: int = MAX_ELEMENT_BYTES) -> None:
        self._max_element_bytes = max_element_bytes
        self._kept = bytearray()  # start of the current element
        self._depth = 0  # 0: before the array, 1: in it, above: inside an element
        self._is_closed = False
        self._is_in_string = False
        self._is_escaped = False
        self._has_comma = False
        self._elements: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """Return the elements that this block completes.

        Raises:
            JsonArrayError: The text is not a JSON array, or an element is longer than allowed.
        """
        start = position = 0
        while position < len(block):
            if self._is_escaped:
                self._is_escaped = False
                position += 1
                continue
            match = (_IN_STRING if self._is_in_string else _OUTSIDE).search(block, position)
            if match is None:
                break
            position = match.end()
            if self._is_in_string:
                self._is_escaped = match[0] == b"\\"
                self._is_in_string = self._is_escaped
            elif self._step(match[0], block[start : position - 1]):
                start = position
        self._keep(block[start:])
        elements, self._elements = self._elements, []
        return elements

    def close(self) -> None:
        """Check that the array ended.

        Raises:
            JsonArrayError: The array is not closed (reason `truncated`).
        """
        if not self._is_closed:
            raise JsonArrayError("truncated", "the JSON array is not closed")

    def _step(self, character: bytes, before: bytes) -> bool:
        """Handle one structural character outside strings; return whether it ended the text before it."""
        if self._is_closed or (self._depth == 0 and character != b"["):
            raise JsonArrayError("not_array", "the text is not a single JSON array")
        if self._depth == 0:
            if (self._kept + before).strip():
                raise JsonArrayError("not_array", "the text is not a single JSON array")
            self._kept.clear()
            self._depth = 1
            return True
        if character == b'"':
            self._is_in_string = True
        elif character in b"[{":
            self._depth += 1
        elif character in b"]}" and self._depth > 1:
            self._depth -= 1
        elif character == b"}":
            raise JsonArrayError("closed_by_brace", "the JSON array is closed by a brace")
        elif self._depth == 1:
            self._end_element(before, is_last=character == b"]")
            return True
        return False

    def _end_element(self, before: bytes, *, is_last: bool) -> None:
        element = bytes(self._kept + before).strip()
        self._kept.clear()
        if element:
            self._check_size(len(element))
            self._elements.append(element)
        elif not is_last or self._has_comma:
            raise JsonArrayError("empty_element", "the JSON array has an empty element")
        self._has_comma = not is_last
        self._is_closed = is_last

    def _keep(self, rest: bytes) -> None:
        if self._is_closed or self._depth == 0:
            rest = rest.lstrip()  # only whitespace is valid here; it must not accumulate
        self._kept += rest
        if self._is_closed and self._kept:
            raise JsonArrayError("trailing", "there is text after the JSON array")
        self._check_size(len(self._kept))

    def _check_size(self, size: int) -> None:
        if size > self._max_element_bytes:
            raise JsonArrayError("element_too_long", f"an element is longer than {self._max_element_bytes:,} bytes")


def feed_in_steps(feed: Callable[[bytes], list[bytes]], block: bytes) -> Iterator[list[bytes]]:
    """Feed a block to a splitter in steps that each take a few milliseconds at most; yield the elements of each step.

    Args:
        feed: The method `feed` of a splitter.
        block: The block.

    Raises:
        JsonArrayError: As for `feed`.
    """
    for start in range(0, len(block), _STEP_BYTES):
        yield feed(block[start : start + _STEP_BYTES])
