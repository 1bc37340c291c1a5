"""Splits a stream of JSON values as its bytes arrive: arrays, objects in any layout, or a list inside an object."""

import re
from collections.abc import Sequence
from typing import Final

import orjson

from mixpanel_async.codecs.json_array import JsonArrayError, JsonArrayProblem

RECORD_SEPARATOR: Final = b"\x1e"  # before each value of a JSON text sequence (RFC 7464)
_IN_STRING: Final = re.compile(rb'["\\\x1e]')
_OUTSIDE: Final = re.compile(rb'["\[\]{},\x1e]')
_SPACE: Final = b" \t\r\n\x1e"


class JsonStreamSplitter:
    """Splits a text of JSON values, one after the other, with or without commas and line ends between them.

    The elements of an array count one by one. Only the structure is checked; decoding an element shows whether the
    element is valid JSON. What was complete before an error is returned first.

    Args:
        max_element_bytes: Size of the longest element that is held.
        path: Names of the fields that lead to the list of records; empty: the values are the records.
    """

    def __init__(self, max_element_bytes: int, path: Sequence[str] = ()) -> None:
        self._max_element_bytes = max_element_bytes
        self._path = path
        self._kept = bytearray()  # start of the current element, or of what precedes it
        self._levels: list[bool] = []  # open containers around the elements: True for an array, False for an object
        self._depth = 0  # inside an element
        self._is_skipping = False  # the current value is not on the path
        self._is_in_string = False
        self._is_escaped = False
        self._has_comma = False
        self._is_after_value = False  # a comma ends nothing then
        self._elements: list[bytes] = []
        self._error: JsonArrayError | None = None
        self.is_path_found = not path

    def feed(self, block: bytes) -> list[bytes]:
        """Return the elements that this block completes.

        Raises:
            JsonArrayError: The text is not JSON, or an element is longer than allowed.
        """
        if self._error is not None:
            raise self._error
        try:
            self._feed(block)
        except JsonArrayError as error:
            self._error = error
            if not self._elements:
                raise
        elements, self._elements = self._elements, []
        return elements

    def close(self) -> list[bytes]:
        """Return the last element, if nothing had to close it.

        Raises:
            JsonArrayError: A value is not closed (reason `truncated`), or the path leads nowhere.
        """
        if self._error is not None:
            raise self._error
        if self._levels or self._depth or self._is_in_string:
            what = "array" if self._levels and self._levels[0] else "object"
            raise _error("truncated", f"the JSON {what} is not closed")
        if self._path and not self.is_path_found:
            raise _error("not_array", f"there is no list at {'.'.join(self._path)}")
        self._end_text(b"")
        return self._elements

    def _feed(self, block: bytes) -> None:
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
            character = match[0]
            if character == RECORD_SEPARATOR:
                self._separate(block[start : position - 1])
                start = position
            elif self._is_in_string:
                self._is_escaped = character == b"\\"
                self._is_in_string = self._is_escaped
            elif character == b'"':
                self._is_in_string = True
            elif not self._depth:
                start = self._step(character, block, start, position)
            elif character in b"[{":
                self._depth += 1
            elif character in b"]}":
                self._depth -= 1
                if not self._depth:
                    self._end_value(block[start:position])
                    start = position
        if not self._is_skipping:
            self._kept += block[start:] if self._kept or self._depth else block[start:].lstrip(_SPACE)
            self._check_size(len(self._kept))

    def _step(self, character: bytes, block: bytes, start: int, position: int) -> int:
        """Handle a structural character outside elements; return where the text of the next element begins."""
        before = block[start : position - 1]
        is_array = self._levels[-1] if self._levels else None
        if character in b"[{":
            return position - 1 if self._open(character, before, is_array=is_array) else position
        if character == b",":
            if is_array is False:
                self._kept.clear()  # a field that is not on the path
            else:
                self._end_text(before)
                self._has_comma = True
        elif is_array is None or is_array != (character == b"]"):
            if character == b"}" and is_array:
                raise _error("closed_by_brace", "the JSON array is closed by a brace")
            raise _error("not_array", f"a {character.decode()} has no opening bracket: the text is not a JSON array")
        else:
            if is_array:
                self._end_text(before, is_last=True)
            self._kept.clear()
            self._levels.pop()
            self._has_comma = False
        return position

    def _open(self, character: bytes, before: bytes, *, is_array: bool | None) -> bool:
        """Open an element, or a container around elements; return whether it is an element."""
        if is_array is False:
            return self._open_field(character, before)
        if (self._kept + before).strip(_SPACE):
            self._end_text(before)  # something that is not JSON
        self._kept.clear()
        if is_array is None and (character == b"[" or self._path):
            self._levels.append(character == b"[")
            self.is_path_found = self.is_path_found or character == b"["
            return False
        self._depth = 1
        return True

    def _open_field(self, character: bytes, before: bytes) -> bool:
        name = _name_of(bytes(self._kept + before))
        self._kept.clear()
        index = self._levels.count(False) - 1
        is_last = index == len(self._path) - 1
        if name != self._path[index] or (character == b"[" and not is_last):
            self._depth, self._is_skipping = 1, True
            return True
        if is_last:
            self.is_path_found = True
        if is_last and character == b"{":
            self._depth = 1
            return True
        self._levels.append(is_last)
        return False

    def _end_value(self, text: bytes) -> None:
        if not self._is_skipping:
            element = bytes(self._kept + text).strip(_SPACE)
            self._check_size(len(element))
            self._elements.append(element)
        self._is_skipping = False
        self._has_comma = False
        self._kept.clear()
        self._is_after_value = True

    def _end_text(self, before: bytes, *, is_last: bool = False) -> None:
        """End an element that is neither an object nor an array: a scalar, or what is not JSON."""
        element = bytes(self._kept + before).strip(_SPACE)
        self._kept.clear()
        if element:
            self._elements.append(element)
        elif self._levels and (self._has_comma or not is_last) and not self._is_after_value:
            raise _error("empty_element", "the JSON array has an empty element")
        self._is_after_value = False

    def _separate(self, before: bytes) -> None:
        """End an incomplete value at a separator, with which each value of a text sequence begins."""
        text = bytes(self._kept + before).strip(_SPACE)
        if text and not self._is_skipping:
            self._elements.append(text)
        self._kept.clear()
        self._levels.clear()
        self._depth = 0
        self._is_skipping = self._is_in_string = self._is_escaped = self._has_comma = False

    def _check_size(self, size: int) -> None:
        if size > self._max_element_bytes:
            raise _error("element_too_long", f"an element is longer than {self._max_element_bytes:,} bytes")

    @property
    def is_in_string(self) -> bool:
        """Whether the text ended inside a string."""
        return self._is_in_string


def is_one_value_a_line(head: bytes) -> bool:
    """Return whether a text that begins with an object has one value per line, as far as its beginning shows."""
    line, end, rest = head.partition(b"\n")
    if line.startswith(RECORD_SEPARATOR):
        return False
    splitter = JsonStreamSplitter(len(head) + 1)
    try:
        found = splitter.feed(line)
    except JsonArrayError:
        return True
    if found:  # one value is complete: does another one follow on its line?
        after = line[line.find(found[0]) + len(found[0]) :].lstrip()
        return not after.startswith((b"{", b",", RECORD_SEPARATOR))
    if not end or splitter.is_in_string:
        return True
    return rest.lstrip()[:1] not in {b'"', b"}", b"[", b""} and not line.rstrip().endswith((b":", b"["))


def _name_of(text: bytes) -> str:
    """Return the name of a field, from the text before its value; "" if there is no name."""
    name, colon, rest = text.strip(_SPACE).rpartition(b":")
    try:
        found = orjson.loads(name) if colon and not rest.strip() else ""
    except orjson.JSONDecodeError:
        return ""
    return found if isinstance(found, str) else ""


def _error(reason: JsonArrayProblem, message: str) -> JsonArrayError:
    return JsonArrayError(reason, message)
