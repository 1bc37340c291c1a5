"""Parses one JSON line into a record, with a precise error."""

import contextlib
import math
from collections.abc import Mapping
from typing import Final

import msgspec
import orjson

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.records.exact_numbers import read_decimal

_HUGE: Final = object()
_find_huge: Final = msgspec.json.Decoder(float_hook=lambda text: _HUGE if math.isinf(float(text)) else 0.0).decode
_decode: Final = msgspec.json.Decoder(float_hook=read_decimal).decode


def read_line(line: bytes) -> object:
    """Return the decoded line, with numbers as they are: an int, or a Decimal where a float would round.

    Raises:
        InvalidRecordError: The line is not valid JSON.
    """
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)
    try:
        orjson.loads(line)  # its errors name the byte
    except orjson.JSONDecodeError as error:
        problem = f"{error.msg} (byte {error.pos + 1})"
    else:
        raise InvalidRecordError(f"not valid JSON: {reason}")
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise InvalidRecordError(
            f"byte {error.start + 1} is not UTF-8; set the encoding of the file, such as cp1252, or convert it"
        ) from None
    hint = ""
    if "infinity when parsed" in problem:
        hint = f": {_place_of_huge_number(line)} is beyond any float; send it as text"
    elif b"NaN" in line or b"Infinity" in line:
        hint = "; JSON has no NaN or Infinity: leave the property out"
    elif "after document" in problem:
        hint = "; if values follow each other without line ends, set format to json"
    elif line.startswith(b"\xef\xbb\xbf"):
        hint = "; a byte order mark stands only at the beginning of a file"
    raise InvalidRecordError(f"not valid JSON: {problem}{hint}")


def _place_of_huge_number(line: bytes) -> str:
    """Return the name of the first field whose number no float can hold."""

    def find(value: object, place: str) -> str:
        fields = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for name, inner in fields:
            if found := find(inner, f"{place}.{name}" if place else str(name)):
                return found
        return place if value is _HUGE else ""

    with contextlib.suppress(msgspec.MsgspecError, RecursionError):
        return find(_find_huge(line), "")
    return "a number"


def as_object(record: object, example: str = '{"event": ..., "properties": {...}}') -> Mapping[str, object]:
    """Return a record if it is an object.

    Raises:
        InvalidRecordError: The record is not an object.
    """
    if not isinstance(record, Mapping):
        raise InvalidRecordError(f"must be an object such as {example}")
    return record


def is_readable(line: bytes) -> bool:
    """Return whether the whole line is valid JSON."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
