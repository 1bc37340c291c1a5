"""Full validation of one event for /import.

The fast path calls this for an event that its cheap checks do not accept, to get a precise error.
"""

from collections.abc import Mapping

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, RecordTooLargeError
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS, EventFields, KeyProperties
from mixpanel_async.records import validation
from mixpanel_async.records.json_writer import check_properties
from mixpanel_async.records.parsing import as_object
from mixpanel_async.records.rejection import too_deep
from mixpanel_async.records.values import ValueConverter

_MAX_SHOWN = 60
_BRACKETS_AND_NEWLINE = 3  # lines of files keep their line end


def check_event(record: object, size: int, now: float, max_bytes: int) -> EventFields | None:
    """Check an event against the documented rules of /import.

    Args:
        record: The decoded event.
        size: Size of its JSON in bytes.
        now: Unix time in seconds.
        max_bytes: Maximum size in bytes.

    Returns:
        The identifying fields; None for the events that link IDs.

    Raises:
        InvalidRecordError: Mixpanel would reject the event.
    """
    if size > max_bytes:
        raise RecordTooLargeError(size=size, limit=max_bytes)
    record = as_object(record)
    event = validation.check_event_name(_needed(record, "event", "the event name"))
    properties = _needed(record, "properties", "the event properties")
    if not isinstance(properties, Mapping):
        raise InvalidRecordError("must be an object", field="properties")
    for name in record:
        if name not in {"event", "properties"}:
            raise InvalidRecordError("unknown field; put it into properties", field=str(name)[:_MAX_SHOWN])
    if event in IDENTITY_EVENTS:
        return None
    time = _needed(properties, "time", "seconds or milliseconds since 1970", "properties.")
    moment = validation.read_time(time)
    validation.check_time(moment, now)
    who = _user(properties)
    insert_id = _needed(properties, "$insert_id", "provide one, or set insert_id_hash", "properties.")
    validation.check_insert_id(insert_id)
    _check_values(properties)
    return EventFields(event, KeyProperties(time if isinstance(time, int | float) else moment, who, str(insert_id)))


def _user(properties: Mapping[str, object]) -> str:
    """Return the user of an event; with Simplified ID Merge `$user_id` or `$device_id` is enough."""
    if properties.get("distinct_id") is None:
        ids = [properties.get("$user_id"), properties.get("$device_id")]
        if any(one is not None for one in ids):
            for name, one in zip(("$user_id", "$device_id"), ids, strict=True):
                if one is not None:
                    validation.check_distinct_id(one, f"properties.{name}", may_be_empty=False)
            return "\0".join(str(one or "") for one in ids)
    return validation.check_distinct_id(
        _needed(properties, "distinct_id", '"" for an event without a user', "properties.")
    )


def _check_values(properties: Mapping[str, object]) -> None:
    try:
        check_properties(properties, 0, ValueConverter(is_exact=True))
    except RecursionError:  # lists in lists; the rules do not limit their depth
        raise too_deep("properties") from None


def _needed(fields: Mapping[str, object], name: str, what: str, path: str = "") -> object:
    value = fields.get(name)
    if value is None:
        lists = [other for other, inner in fields.items() if name == "event" and isinstance(inner, list)]
        hint = f"; to import the list {lists[0]!r}, set records_path to it" if lists else ""
        raise InvalidRecordError(f"is missing ({what}{hint})", field=f"{path}{name}")
    return value


def max_event_bytes(max_batch_bytes: int) -> int:
    """Return the maximum size of an event that is alone in a batch of at most `max_batch_bytes`."""
    return min(limits.MAX_EVENT_BYTES, max_batch_bytes - _BRACKETS_AND_NEWLINE)
