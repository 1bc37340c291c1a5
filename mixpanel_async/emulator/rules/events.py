"""Mixpanel's rules for one event, as its reference states them.

The records are freshly decoded JSON without other references, so long strings are truncated in place.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from mixpanel_async import limits

# The reference sets no limit on arrays in arrays; orjson reads 1024 levels and writes 254.
MAX_LEVELS = 200
LINKING_EVENTS = frozenset({"$identify", "$create_alias", "$merge"})
_INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_UUID4 = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")


class Flaw(NamedTuple):
    """Why a record is rejected: the dotted name of the field, and the message."""

    field: str
    message: str


DEMANDED = Flaw("", "refused on demand")  # by a fault


def check_imported_event(record: object) -> Flaw | None:
    """Return the first flaw of a record of /import, given as decoded JSON; None if there is none."""
    flaw = check_nesting(record)
    if flaw is not None or not isinstance(record, dict):
        return flaw
    properties = record["properties"]
    if record["event"] in LINKING_EVENTS:
        return check_identity(record["event"], properties)
    return (
        _check_time(properties.get("time"))
        or _check_user(properties)
        or _check_insert_id(properties.get("$insert_id"))
        or check_properties(properties)
    )


def check_tracked_event(record: object) -> Flaw | None:
    """Return the first flaw of a record of /track, which needs only a name and the token; None if there is none."""
    flaw = check_nesting(record)
    if flaw is not None or not isinstance(record, dict):
        return flaw
    event, properties = record["event"], record["properties"]
    if not isinstance(properties.get("token"), str) or not properties["token"]:
        return Flaw("properties.token", "'properties.token' is invalid: must be the project's token")
    if event == "$merge":
        return Flaw("event", "'event' is invalid: only /import accepts $merge")
    if event in LINKING_EVENTS:
        return check_identity(event, properties)
    return (
        ("time" in properties and _check_time(properties["time"]))
        or ("distinct_id" in properties and _check_distinct_id(properties["distinct_id"]))
        or ("$insert_id" in properties and _check_insert_id(properties["$insert_id"]))
        or check_properties(properties)
    )


def check_nesting(record: object) -> Flaw | None:
    """Check that a record is an object with an event name, an object of properties and nothing else."""
    if not isinstance(record, dict):
        return Flaw("", "the record is invalid: must be a JSON object")
    event = record.get("event")
    if not isinstance(event, str) or not event:
        return Flaw("event", "'event' is invalid: must be a non-empty string")
    if not isinstance(record.get("properties"), dict):
        return Flaw("properties", "'properties' is invalid: must be a JSON object")
    if len(record) > 2:  # noqa: PLR2004 - the two fields just seen
        extra = next(name for name in record if name not in {"event", "properties"})
        return Flaw(extra, f"'{extra}' is invalid: unknown field")
    return None


def check_identity(event: str, properties: Mapping[str, Any]) -> Flaw | None:
    """Check one of the `LINKING_EVENTS`, which link IDs and are not counted."""
    if event == "$merge":
        ids = properties.get("$distinct_ids")
        if not isinstance(ids, list) or len(ids) != 2 or not all(_is_id(one) for one in ids):  # noqa: PLR2004
            return Flaw("properties.$distinct_ids", "'properties.$distinct_ids' is invalid: must be two distinct_ids")
        return None
    first, second = linked_properties(event, properties)
    for name in (first, second):
        if not _is_id(properties.get(name)):
            return Flaw(f"properties.{name}", f"'properties.{name}' is invalid: must be a distinct_id")
    if second == "$anon_id" and _UUID4.fullmatch(properties["$anon_id"]) is None:
        return Flaw("properties.$anon_id", "'properties.$anon_id' is invalid: must be a UUID of version 4")
    return None


def linked_properties(event: str, properties: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of the two properties whose IDs $identify or $create_alias links; the SDKs have their own."""
    if event == "$create_alias":
        return "distinct_id", "alias"
    if "$identified_id" not in properties and "$anon_distinct_id" in properties:
        return "distinct_id", "$anon_distinct_id"
    return "$identified_id", "$anon_id"


def check_properties(properties: dict[str, Any]) -> Flaw | None:
    """Check the number, sizes and depth of properties, and truncate long strings in place."""
    if len(properties) > limits.MAX_PROPERTIES:
        return Flaw("properties", f"'properties' is invalid: more than {limits.MAX_PROPERTIES} properties")
    for name, value in properties.items():
        kind = type(value)
        if kind is str:
            # A truncated ID would merge users, so distinct_id is left alone.
            if len(value) > limits.MAX_STRING_CHARACTERS and name != "distinct_id":
                properties[name] = value[: limits.MAX_STRING_CHARACTERS]
        elif kind is dict or kind is list:
            message = None if _is_short_list(value) else bound_nested(value)
            if message is not None:
                return Flaw(f"properties.{name}", f"'properties.{name}' is invalid: {message}")
    return None


def _is_short_list(value: dict[str, Any] | list[Any]) -> bool:
    """Return whether a value is one of the common lists that need no closer look: few, short and not nested."""
    if type(value) is not list or len(value) > limits.MAX_ARRAY_ELEMENTS:
        return False
    for inner in value:
        kind = type(inner)
        if kind is dict or kind is list or (kind is str and len(inner) > limits.MAX_STRING_CHARACTERS):
            return False
    return True


def bound_nested(value: dict[str, Any] | list[Any]) -> str | None:
    """Check an object or array and truncate long strings in it, in place; return the message of a flaw.

    It does not recurse, because JSON may be a thousand levels deep. An object that is a property's value has depth 1;
    arrays do not add to the depth.
    """
    stack: list[tuple[Any, int, int]] = [(value, 0, 1)]
    while stack:
        container, depth, level = stack.pop()
        depth += isinstance(container, dict)
        message = _bound_container(container, depth, level)
        if message is not None:
            return message
        for key, inner in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(inner, str):
                if len(inner) > limits.MAX_STRING_CHARACTERS:
                    container[key] = inner[: limits.MAX_STRING_CHARACTERS]
            elif isinstance(inner, dict | list):
                stack.append((inner, depth, level + 1))
    return None


def _bound_container(container: dict[str, Any] | list[Any], depth: int, level: int) -> str | None:
    if level > MAX_LEVELS:
        return f"arrays nested more than {MAX_LEVELS} deep"
    if isinstance(container, list):
        too_long = len(container) > limits.MAX_ARRAY_ELEMENTS
        return f"an array of more than {limits.MAX_ARRAY_ELEMENTS} elements" if too_long else None
    if depth > limits.MAX_OBJECT_DEPTH:
        return f"objects nested more than {limits.MAX_OBJECT_DEPTH} deep"
    if len(container) > limits.MAX_OBJECT_KEYS:
        return f"an object of more than {limits.MAX_OBJECT_KEYS} keys"
    return None


def check_size(record: object) -> Flaw | None:
    """Check the size of one event, before strings are truncated.

    It encodes the event: call it only if the complete body is larger than the limit.
    """
    return oversize(record, limits.MAX_EVENT_BYTES)


def oversize(record: object, max_bytes: int) -> Flaw | None:
    """Check that a record's JSON has at most `max_bytes`."""
    try:
        size = len(orjson.dumps(record))
    except orjson.JSONEncodeError:
        return Flaw("", "the record is invalid: nested too deep")
    return Flaw("", f"the record is invalid: larger than {max_bytes} bytes") if size > max_bytes else None


def time_milliseconds(time: float) -> int:
    """Return an event's time in milliseconds; the valid `time` may be in seconds or milliseconds."""
    if time < limits.MIN_EVENT_TIME_MILLISECONDS:
        return round(time * 1000)
    return int(time)


def _check_time(time: object) -> Flaw | None:
    if type(time) is not int and type(time) is not float:
        return Flaw("properties.time", "'properties.time' is invalid: must be specified as seconds since epoch")
    if time < limits.MIN_EVENT_TIME_SECONDS:
        return Flaw("properties.time", "'properties.time' is invalid: must be after 1971-01-01")
    return None


def _check_user(properties: dict[str, Any]) -> Flaw | None:
    """With Simplified ID Merge, $user_id or $device_id is enough."""
    if properties.get("distinct_id") is None and ("$user_id" in properties or "$device_id" in properties):
        return None
    return _check_distinct_id(properties.get("distinct_id"))


def _check_distinct_id(distinct_id: object) -> Flaw | None:
    if not isinstance(distinct_id, str):
        return Flaw("properties.distinct_id", "'properties.distinct_id' is invalid: must be a string")
    if distinct_id in limits.FORBIDDEN_IDS:
        return Flaw("properties.distinct_id", "'properties.distinct_id' is invalid: the value is not allowed")
    return None


def _check_insert_id(insert_id: object) -> Flaw | None:
    name = "properties.$insert_id"
    if not isinstance(insert_id, str):
        return Flaw(name, f"'{name}' is invalid: must be a string")
    if _INSERT_ID.fullmatch(insert_id) is None:
        return Flaw(name, f"'{name}' is invalid: must be 1 to 36 of A-Z, a-z, 0-9 and -")
    if insert_id in limits.FORBIDDEN_IDS:
        return Flaw(name, f"'{name}' is invalid: the value is not allowed")
    return None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value != "" and value not in limits.FORBIDDEN_IDS
