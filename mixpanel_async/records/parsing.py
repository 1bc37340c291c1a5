"""Parses one JSON line into a record, with a precise error."""

from collections.abc import Mapping

import orjson

from mixpanel_async.errors import InvalidRecordError


def read_line(line: bytes) -> object:
    """Return what a line says.

    Raises:
        InvalidRecordError: It is no JSON.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        problem = f"{error.msg} (byte {error.pos + 1})"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise InvalidRecordError(f"byte {error.start + 1} is no UTF-8; convert the file") from None
    hint = ""
    if b"NaN" in line or b"Infinity" in line:
        hint = "; JSON has no NaN or Infinity: leave the property out"
    elif line.startswith(b"\xef\xbb\xbf"):
        hint = "; a byte order mark stands only at the beginning of a file"
    raise InvalidRecordError(f"no valid JSON: {problem}{hint}")


def as_object(record: object, example: str = '{"event": ..., "properties": {...}}') -> Mapping[str, object]:
    """Return what came as a record if it is one.

    Raises:
        InvalidRecordError: It has no fields.
    """
    if not isinstance(record, Mapping):
        raise InvalidRecordError(f"must be an object such as {example}")
    return record


def is_readable(line: bytes) -> bool:
    """Return whether a line is JSON to the last corner."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
