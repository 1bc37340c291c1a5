"""Writes values as JSON bytes: at orjson's speed if they are ordinary; others are converted, or an error names them."""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.json_types import JSONValue, Properties
from mixpanel_async.records import validation
from mixpanel_async.records.values import ValueConverter

# A list or object with too many values has at least as many commas less one, and a byte for each value.
_SAFE_COMMAS: Final = min(limits.MAX_ARRAY_ELEMENTS, limits.MAX_OBJECT_KEYS) - 1
_SAFE_BYTES: Final = 2 * _SAFE_COMMAS
_BRACE, _BRACKET = b"{["  # looking for one byte costs a tenth of looking for a string
_find_null: Final = re.compile(rb"null").search


def encode_properties(properties: Properties, own: frozenset[str], values: ValueConverter) -> bytes:
    """Return one or more properties as JSON that follows other fields: a comma in place of the brace.

    Args:
        properties: The user's properties.
        own: The properties that the event has beside them.
        values: Converts what JSON does not have.

    Raises:
        CannotEncodeError: A value cannot be written as JSON.
        InvalidRecordError: There are too many properties, keys or elements, or objects are nested too deeply.
    """
    try:
        body = orjson.dumps(properties)
    except (TypeError, RecursionError):
        return b"," + _encode_converted(properties, own, values)[1:]
    tail = b"," + body[1:]
    if (
        _find_null(tail)  # orjson writes NaN as null
        or (_BRACE in tail and tail.count(b"{") > limits.MAX_OBJECT_DEPTH)
        or len(properties) + len(own) > limits.MAX_PROPERTIES
        or (len(tail) > _SAFE_BYTES and (_BRACE in tail or _BRACKET in tail) and tail.count(b",") > _SAFE_COMMAS)
    ):
        check_properties(properties, len(own), values)
    return tail


def _encode_converted(properties: Properties, own: frozenset[str], values: ValueConverter) -> bytes:
    converted = values.convert_mapping(properties, "properties")
    twice = own & converted.keys()
    if twice:  # for example a member of an enum, which was not text before
        raise InvalidRecordError("a key has the text of a field of the event", field=f"properties.{min(twice)}")
    if values.checks_shape:
        validation.check_shape(converted, own=len(own))
    return orjson.dumps(converted)


def check_properties(properties: Properties | Mapping[str, object], own: int, values: ValueConverter) -> None:
    """Check properties that may break a limit; None and lists of small objects are common, and checked first.

    Raises:
        CannotEncodeError: A number is NaN or infinite; the error names its field.
        InvalidRecordError: There are too many properties, keys or elements, or objects are nested too deeply.
    """
    is_too_large = values.checks_shape and len(properties) + own > limits.MAX_PROPERTIES
    if is_too_large or not validation.is_plain(properties.values()):
        converted = values.convert_mapping(properties, "properties")  # finds a NaN
        if values.checks_shape:
            validation.check_shape(converted, own=own)


def encode_json(value: JSONValue, field: str, values: ValueConverter) -> bytes:
    """Return any value as JSON.

    Raises:
        CannotEncodeError: The value cannot be written as JSON without changing its meaning.
    """
    try:
        body = values.dumps(value)
    except (TypeError, RecursionError):
        return exact_copy(values.dumps(values.convert(value, field)))
    if _find_null(body) and not validation.is_plain((value,), limits.MAX_OBJECT_DEPTH + 1):
        values.convert(value, field)  # finds a NaN
    return exact_copy(body)


def exact_copy(part: bytes) -> bytes:
    """Return a copy of what orjson returned, for keeping: its own object holds some 4 KiB of work buffer (3.13)."""
    return b"%b" % part
