"""The rules for one event that goes to /import, looked at in full. Pure.

The fast lanes call this where a cheap look says that something may be wrong, to hear what it is.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import orjson

from mixpanel_async import limits
from mixpanel_async.engine import rules
from mixpanel_async.errors import InvalidRecord, RecordTooLarge
from mixpanel_async.models import Outcome, Verdict

# They link ids and are no events: neither time nor id is asked of them.
IDENTITY_EVENTS = frozenset({"$identify", "$create_alias", "$merge"})
_MAX_SHOWN = 60
_BRACKETS_AND_NEWLINE = 3  # a line of a file keeps its end


class OwnFields(msgspec.Struct, gc=False):
    """The properties that Mixpanel recognises an event by."""

    time: int | float
    distinct_id: str
    insert_id: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.MAX_INSERT_ID_BYTES)] = msgspec.field(
        name="$insert_id"
    )


class EventFields(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields of an event that are looked at; two equal ones are one event."""

    event: Annotated[str, msgspec.Meta(min_length=1)]
    properties: OwnFields


def rejected(error: InvalidRecord) -> Verdict:
    """Return the outcome of a record that local validation refused."""
    reason = "too_large" if isinstance(error, RecordTooLarge) else "invalid"
    return Verdict(Outcome.REJECTED, reason, error.field, error.message)


def malformed(message: str) -> Verdict:
    """Return the outcome of something that is no record at all."""
    return Verdict(Outcome.REJECTED, "malformed", "", message)


def too_deep(field: str = "") -> InvalidRecord:
    """Return the error for a record that is nested too deeply to be walked through."""
    return InvalidRecord("is nested too deeply; flatten it", field=field)


def read_line(line: bytes) -> object:
    """Return what a line says.

    Raises:
        InvalidRecord: It is no JSON.
    """
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        problem = f"{error.msg} (byte {error.pos + 1})"
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise InvalidRecord(f"byte {error.start + 1} is no UTF-8; convert the file") from None
    hint = ""
    if b"NaN" in line or b"Infinity" in line:
        hint = "; JSON has no NaN or Infinity: leave the property out"
    elif line.startswith(b"\xef\xbb\xbf"):
        hint = "; a byte order mark stands only at the beginning of a file"
    raise InvalidRecord(f"no valid JSON: {problem}{hint}")


def as_object(record: object, example: str = '{"event": ..., "properties": {...}}') -> Mapping[str, object]:
    """Return what came as a record if it is one.

    Raises:
        InvalidRecord: It has no fields.
    """
    if not isinstance(record, Mapping):
        raise InvalidRecord(f"must be an object such as {example}")
    return record


def is_readable(line: bytes) -> bool:
    """Return whether a line is JSON to the last corner."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def check_event(record: object, size: int, now: float, max_bytes: int) -> EventFields | None:
    """Check an event against every rule that /import documents.

    Args:
        record: Decoded JSON.
        size: Bytes of its JSON.
        now: Unix time in seconds.
        max_bytes: Bytes that it may have.

    Returns:
        What it is recognised by; None for the events that link ids.

    Raises:
        InvalidRecord: Mixpanel would refuse it.
    """
    if size > max_bytes:
        raise RecordTooLarge(size=size, limit=max_bytes)
    record = as_object(record)
    event = rules.check_event_name(_needed(record, "event", "the event's name"))
    properties = _needed(record, "properties", "the event's properties")
    if not isinstance(properties, Mapping):
        raise InvalidRecord("must be an object", field="properties")
    for name in record:
        if name not in {"event", "properties"}:
            raise InvalidRecord("unknown field; put it into properties", field=str(name)[:_MAX_SHOWN])
    if event in IDENTITY_EVENTS:
        return None
    time = _needed(properties, "time", "seconds or milliseconds since 1970", "properties.")
    moment = rules.read_time(time)
    rules.check_time(moment, now)
    who = rules.check_distinct_id(_needed(properties, "distinct_id", '"" for nobody', "properties."))
    insert_id = _needed(properties, "$insert_id", "give one, or have one made from a hash", "properties.")
    rules.check_insert_id(insert_id)
    rules.check_finite(properties, "properties")
    try:
        rules.check_shape(properties)
    except RecursionError:  # lists in lists, of which the rules allow any number
        raise too_deep("properties") from None
    return EventFields(event, OwnFields(time if isinstance(time, int | float) else moment, who, str(insert_id)))


def _needed(fields: Mapping[str, object], name: str, what: str, path: str = "") -> object:
    value = fields.get(name)
    if value is None:
        raise InvalidRecord(f"is missing ({what})", field=f"{path}{name}")
    return value


def max_event_bytes(max_batch_bytes: int) -> int:
    """Return the bytes that one event may have, alone in a batch of at most `max_batch_bytes`."""
    return min(limits.MAX_EVENT_BYTES, max_batch_bytes - _BRACKETS_AND_NEWLINE)
