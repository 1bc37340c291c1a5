"""What becomes of the records of a source project on their way to a target project. Pure functions."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS
from mixpanel_async.records.exact_numbers import dumps_exactly
from mixpanel_async.records.parsing import read_line

_BEFORE: Final = "$distinct_id_before_identity"
# What Mixpanel adds to an event when it takes it in, or when it exports it; the target adds its own.
_ADDED: Final = frozenset(
    {
        "$import",
        "$mp_api_endpoint",
        "$mp_api_timestamp_ms",
        "$is_reshuffled",
        "mp_api_endpoint",
        "mp_api_timestamp_ms",
        "mp_processing_time_ms",
        "mp_sent_by_lib_version",
        _BEFORE,
    }
)


def event_as_it_was(event: dict[str, Any]) -> dict[str, Any]:
    """Return an exported event for a project with the same identity mode: under the id with which it was tracked."""
    properties = event["properties"]
    own = {name: value for name, value in properties.items() if name not in _ADDED}
    if before := properties.get(_BEFORE):
        own["distinct_id"] = before
    return {**event, "properties": own}


def other_event_as_it_was(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the same for events that do not merge ids; None for those that do, which were imported before."""
    return None if event["event"] in IDENTITY_EVENTS else event_as_it_was(event)


def event_with_simple_ids(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return an exported event of a project with Original ID Merge for one with Simplified ID Merge.

    The export names the user whom the source project found. An event that was tracked under another id, that of a
    device, gets both ids: they are how the target merges the two. Events that only merge ids are left out.
    """
    if event["event"] in IDENTITY_EVENTS:
        return None
    properties = event["properties"]
    own = {name: value for name, value in properties.items() if name not in _ADDED}
    user, before = own.get("distinct_id"), properties.get(_BEFORE)
    if user is None or user == "" or str(user).startswith("$device:"):
        return {**event, "properties": own}
    if before and before != user:
        own.setdefault("$device_id", before)
    if own.get("$device_id") != user:
        own.setdefault("$user_id", user)
    return {**event, "properties": own}


def profile_updates(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an update for each exported profile; it neither locates the user by this machine's address nor dates them.

    Args:
        lines: Lines of an export of user or group profiles.
    """
    for line in lines:
        try:
            profile = read_line(line)
        except InvalidRecordError:
            profile = None
        # What is no profile stays as it is: the import rejects it, with its line.
        yield dumps_exactly(_update_of(profile)) + b"\n" if isinstance(profile, Mapping) else line


def _update_of(profile: Mapping[str, Any]) -> dict[str, Any]:
    target = {name: profile[name] for name in ("$distinct_id", "$group_key", "$group_id") if name in profile}
    properties = profile.get("$properties") or {}
    if isinstance(properties, Mapping):
        properties = {name: value for name, value in properties.items() if name != "$last_seen"}
    if "$group_key" in target:
        return {**target, "$set": properties}
    return {**target, "$ip": "0", "$ignore_time": True, "$set": properties}
