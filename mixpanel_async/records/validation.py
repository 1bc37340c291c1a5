"""Mixpanel's documented rules for records, checked before anything is sent.

The encoder calls these checks only if a cheap test of the encoded bytes says that a rule may be broken.
"""

import datetime as dt
import math
import operator
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Final

from mixpanel_async import limits
from mixpanel_async.errors import CannotEncodeError, InvalidRecordError
from mixpanel_async.json_types import JSONValue

_INSERT_ID: Final = re.compile(rf"[A-Za-z0-9-]{{1,{limits.MAX_INSERT_ID_BYTES}}}")
_MAX_PLAIN_LISTS: Final = 8  # lists in lists have no limit, but ordinary ones are not nested deeper
_PLAIN_TYPES: Final = frozenset({str, int, bool, type(None), dt.datetime, dt.date, dt.time, uuid.UUID})
_WORDS: Final = ("none", "null", "nil", "nan", "nat", "undefined", "[object object]", "<na>", "n/a", "(null)", "<null>")
# As written by Python, JavaScript, SQL and spreadsheets, without those that Mixpanel refuses.
_PLACEHOLDERS: Final = (
    frozenset({spell(word) for word in _WORDS for spell in (str.lower, str.upper, str.title, str.capitalize)})
    | {"[object Object]", "NaN", "NaT", "<NA>", *(blank * count for blank in " \t\xa0" for count in range(1, 5))}
) - limits.FORBIDDEN_IDS
_NO_TIME: Final = 2**63  # beyond it arithmetic with floats fails, and so does JSON


def check_event_name(event: object) -> str:
    """Return `event` if it can be the name of an event.

    Raises:
        CannotEncodeError: `event` is not a string.
        InvalidRecordError: `event` is empty.
    """
    if not isinstance(event, str):
        raise CannotEncodeError(f"the event's name must be a string, not {type(event).__name__}", field="event")
    if not event:
        raise InvalidRecordError("the event's name is empty", field="event")
    return event


def read_distinct_id(distinct_id: object, field: str = "properties.distinct_id", *, may_be_empty: bool = True) -> str:
    """Return a caller's id as the string that is sent; an integer becomes its decimal digits, a UUID its text.

    Raises:
        CannotEncodeError: `distinct_id` is neither a string nor an integer.
        InvalidRecordError: `distinct_id` is a value that Mixpanel refuses.
    """
    if isinstance(distinct_id, uuid.UUID) or (isinstance(distinct_id, str) and not issubclass(type(distinct_id), str)):
        distinct_id = str(distinct_id)  # a UUID, or a proxy that stands for text
    if hasattr(distinct_id, "__index__") and not isinstance(distinct_id, bool):  # an int, or one of numpy's
        distinct_id = operator.index(distinct_id)
        if abs(distinct_id) >= _NO_TIME:  # Python refuses to print the digits of a very long integer
            raise InvalidRecordError("an integer beyond 64 bits is not an id; pass it as a string", field=field)
        distinct_id = str(distinct_id)
    return check_distinct_id(distinct_id, field, may_be_empty=may_be_empty)


def check_distinct_id(distinct_id: object, field: str = "properties.distinct_id", *, may_be_empty: bool = True) -> str:
    """Return `distinct_id` if Mixpanel takes it.

    Mixpanel's list of forbidden values is compared as printed, in lower case; other spellings are left to Mixpanel.

    Raises:
        CannotEncodeError: `distinct_id` is not a string.
        InvalidRecordError: `distinct_id` is a value that Mixpanel refuses.
    """
    if not isinstance(distinct_id, str):
        # A caller's integer has become text before; that of a file is sent as it is, which Mixpanel refuses.
        rule = "a string; quote the number" if isinstance(distinct_id, int) else "a string or an integer"
        raise CannotEncodeError(f"must be {rule}, not {type(distinct_id).__name__}", field=field)
    if not distinct_id.isascii() and any("\ud800" <= character <= "\udfff" for character in distinct_id):
        raise half_a_character(field)
    if distinct_id in limits.FORBIDDEN_IDS or not (distinct_id or may_be_empty):
        hint = '; use "" for an event without a user' if may_be_empty else ""
        raise InvalidRecordError(f"{distinct_id!r} is a value that Mixpanel refuses as an id{hint}", field=field)
    return distinct_id


def is_placeholder_id(distinct_id: object) -> bool:
    """Return whether an ID looks like a missing value written as text, which Mixpanel takes for a user."""
    return isinstance(distinct_id, str) and distinct_id in _PLACEHOLDERS


def are_placeholders_among(distinct_ids: Iterable[str]) -> bool:
    """Return whether an ID of many looks like a missing value; at the speed of C."""
    return not _PLACEHOLDERS.isdisjoint(distinct_ids)


def half_a_character(field: str) -> CannotEncodeError:
    """Return the error for an id with a lone surrogate: with U+FFFD instead it would name another user."""
    return CannotEncodeError(
        "has half of a character (a lone surrogate), which no text has; send the id whole", field=field
    )


def check_insert_id(insert_id: object, field: str = "properties.$insert_id") -> str:
    """Return `insert_id` if Mixpanel takes it: 1 to 36 of A-Z a-z 0-9 and -.

    Raises:
        CannotEncodeError: `insert_id` is not a string.
        InvalidRecordError: `insert_id` is too long, has other characters, or is a value that Mixpanel refuses.
    """
    if isinstance(insert_id, uuid.UUID):
        return str(insert_id)
    if not isinstance(insert_id, str):
        raise CannotEncodeError(f"must be a string, not {type(insert_id).__name__}", field=field)
    if not _INSERT_ID.fullmatch(insert_id) or insert_id in limits.FORBIDDEN_IDS:
        raise InvalidRecordError(
            f"{insert_id[:60]!r} is invalid: it must be 1 to 36 characters of A-Z a-z 0-9 and -; hash a longer id",
            field=field,
        )
    return insert_id


def read_time(time: object, field: str = "properties.time") -> int:
    """Return a time as the number that is sent: whole seconds and milliseconds unchanged, the rest in milliseconds.

    Args:
        time: Unix time in seconds or milliseconds (from 31,536,000,000 on), or an aware datetime.
        field: Named in the error.

    Raises:
        CannotEncodeError: `time` is neither a finite number nor a datetime.
        InvalidRecordError: `time` is a datetime without a time zone or before 1971, or a number beyond 64 bits.
    """
    if type(time) is int:
        if abs(time) >= _NO_TIME:
            raise _no_time(field)
        return time
    if hasattr(time, "__index__") and not isinstance(time, bool):  # one of numpy's
        time = operator.index(time)
        if abs(time) >= _NO_TIME:
            raise _no_time(field)
        return time
    if hasattr(time, "__float__") and not isinstance(time, bool):  # a Decimal, for example
        time = float(time)
    if isinstance(time, float):
        if not math.isfinite(time):
            raise CannotEncodeError(f"{time} is not a time", field=field)
        if abs(time) >= _NO_TIME:
            raise _no_time(field)
        return int(time) if time >= limits.MIN_EVENT_TIME_MILLISECONDS else _milliseconds(time, field)
    if isinstance(time, dt.datetime):
        if time.tzinfo is None:
            raise InvalidRecordError(
                "a datetime without a time zone is ambiguous; add one, for example UTC", field=field
            )
        return _milliseconds(time.timestamp(), field)
    raise CannotEncodeError(
        f"must be seconds, milliseconds or an aware datetime, not {type(time).__name__}", field=field
    )


def _milliseconds(seconds: float, field: str) -> int:
    """Return a time in milliseconds; before 1971 Mixpanel would read the number as seconds of a much later day."""
    found = round(seconds * 1000)
    if found < limits.MIN_EVENT_TIME_MILLISECONDS:
        raise InvalidRecordError(f"{seconds:,} seconds is before 1971-01-01, which Mixpanel refuses", field=field)
    return found


def _no_time(field: str) -> InvalidRecordError:
    return InvalidRecordError("a number beyond 64 bits is not a time", field=field)


def check_time(time: int, now: float, *, max_age_seconds: float | None = None, field: str = "properties.time") -> None:
    """Check that Mixpanel accepts a time unchanged.

    Args:
        time: Unix time in seconds or milliseconds, as `read_time` gives it.
        now: Unix time in seconds.
        max_age_seconds: How old it may be (/track takes five days); None: from 1971 on.
        field: Named in the error.

    Raises:
        InvalidRecordError: The time is before 1971, over an hour ahead, or too old for /track.
    """
    seconds = time / 1000 if time >= limits.MIN_EVENT_TIME_MILLISECONDS else time
    if seconds < limits.MIN_EVENT_TIME_SECONDS:
        raise InvalidRecordError(f"{time} is before 1971-01-01, which Mixpanel refuses", field=field)
    if seconds > now + limits.MAX_EVENT_AHEAD_SECONDS:
        raise InvalidRecordError(
            f"{time} is more than an hour ahead; Mixpanel would replace it and no longer recognise repeats", field=field
        )
    if max_age_seconds is not None and seconds < now - max_age_seconds:
        raise InvalidRecordError(
            f"{time} is more than five days ago, which /track ignores; use import_event()", field=field
        )


def is_plain(
    values: Iterable[JSONValue], max_depth: int = limits.MAX_OBJECT_DEPTH, max_lists: int = _MAX_PLAIN_LISTS
) -> bool:
    """Return whether values are certainly finite, and nested and sized within the limits; names no field.

    False sends the caller to the slow checks, which find the field at fault or clear the value.
    """
    for value in values:
        kind = type(value)
        if kind in _PLAIN_TYPES:
            continue
        if kind is float:
            if value - value != 0.0:  # NaN and infinity minus themselves are NaN
                return False
        elif kind is dict:
            if max_depth <= 0 or len(value) > limits.MAX_OBJECT_KEYS:
                return False
            if not is_plain(value.values(), max_depth - 1, max_lists):
                return False
        elif kind is list:
            if max_lists <= 0 or len(value) > limits.MAX_ARRAY_ELEMENTS:
                return False
            if not is_plain(value, max_depth, max_lists - 1):
                return False
        else:
            return False
    return True


def check_shape(properties: Mapping[str, JSONValue], *, own: int = 0, field: str = "properties") -> None:
    """Check the limits on numbers of properties, keys and elements, and on the depth of objects.

    Args:
        properties: The user's properties.
        own: How many properties the encoder adds.
        field: Named in errors.

    Raises:
        InvalidRecordError: A limit is exceeded; the error names the field.
    """
    if len(properties) + own > limits.MAX_PROPERTIES:
        raise InvalidRecordError(
            f"{len(properties) + own} properties, {limits.MAX_PROPERTIES} are allowed", field=field
        )
    for name, value in properties.items():
        _check_value(value, f"{field}.{name}", 0)


def _check_value(value: JSONValue, field: str, depth: int) -> None:
    if isinstance(value, Mapping):
        if depth >= limits.MAX_OBJECT_DEPTH:
            raise InvalidRecordError(f"objects are nested more than {limits.MAX_OBJECT_DEPTH} deep", field=field)
        if len(value) > limits.MAX_OBJECT_KEYS:
            raise InvalidRecordError(f"{len(value)} keys, {limits.MAX_OBJECT_KEYS} are allowed", field=field)
        for name, inner in value.items():
            _check_value(inner, f"{field}.{name}", depth + 1)
    elif isinstance(value, list | tuple):
        if len(value) > limits.MAX_ARRAY_ELEMENTS:
            raise InvalidRecordError(f"{len(value)} elements, {limits.MAX_ARRAY_ELEMENTS} are allowed", field=field)
        for inner in value:
            _check_value(inner, field, depth)


def check_uuid_v4(value: object, field: str) -> str:
    """Return `value` if it is a UUID of version 4, which Mixpanel requires for anonymous ids.

    Raises:
        InvalidRecordError: `value` is not such a UUID.
    """
    if not isinstance(value, str):
        raise CannotEncodeError(f"must be a string, not {type(value).__name__}", field=field)
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != 4:  # noqa: PLR2004 - UUID version 4
        raise InvalidRecordError(f"{value!r} is not a UUID of version 4", field=field)
    return value
