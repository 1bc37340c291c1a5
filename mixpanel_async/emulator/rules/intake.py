"""Turns decoded records of /import and /track into rows of the store."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from mixpanel_async import limits
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.rules.events import (
    DEMANDED,
    LINKING_EVENTS,
    Flaw,
    check_imported_event,
    check_size,
    check_tracked_event,
    linked_properties,
    time_milliseconds,
)
from mixpanel_async.emulator.rules.identity import Merge, event_user


class EventRow(NamedTuple):
    """One stored event; the store adds the sequence number.

    `head` is a JSON object of the time as sent and the token; `properties` is one of all other properties. Because they
    are separate, an export can write the time in either unit without decoding the other properties.
    """

    project: int
    event: str
    time_ms: int
    distinct_id: str
    insert_id: str
    received_ms: int
    head: str
    properties: str


class IdentityLink(NamedTuple):
    """Two IDs of one user, and the event that linked them."""

    project: int
    event: str
    first: str
    second: str


@dataclass
class Intake:
    """The result for the records of a request.

    Attributes:
        rows: Events to store.
        links: Links between IDs to store.
        merges: IDs that the links and events merge.
        failed: One entry for each rejected record, as strict mode reports it.
        ignored: Records that are neither rejected nor stored: too old for /track, or with another project's token.
    """

    rows: list[EventRow] = field(default_factory=list)
    links: list[IdentityLink] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    ignored: int = 0

    @property
    def taken(self) -> int:
        """The number of records to store."""
        return len(self.rows) + len(self.links)


def take_imported(
    records: Sequence[Any],
    *,
    project: Project,
    arrival: float,
    body_bytes: int,
    doomed: Collection[int],
    lenient: bool = False,
) -> Intake:
    """Divide the records of an /import request into stored and rejected ones.

    Args:
        records: Decoded JSON.
        project: The project.
        arrival: When the request came, in seconds since 1970.
        body_bytes: Size of the uncompressed body.
        doomed: Indexes of records to reject, whatever they contain.
        lenient: Fill in a missing $insert_id and distinct_id.
    """
    intake = Intake()
    for index, record in enumerate(records):
        if lenient:
            _fill_in(record, "")
        flaw = _general_flaw(index, record, body_bytes, doomed) or check_imported_event(record)
        if flaw is not None:
            intake.failed.append(_failed_entry(index, record, flaw))
        elif record["event"] in LINKING_EVENTS:
            _take_link(intake, project, record["event"], record["properties"])
        else:
            _take_event(intake, project, record["event"], record["properties"], arrival)
    return intake


def take_tracked(
    records: Sequence[Any],
    *,
    arrival: float,
    body_bytes: int,
    project_of: Callable[[str], Project | None],
    fallback_id: str,
    doomed: Collection[int],
) -> Intake:
    """Divide the records of a /track request into stored, ignored and rejected ones.

    Args:
        records: Decoded JSON.
        arrival: When the request came, in seconds since 1970.
        body_bytes: Size of the uncompressed body.
        project_of: Returns the project that has a token; events with an unknown token are ignored.
        fallback_id: distinct_id of events that have none.
        doomed: Indexes of records to reject, whatever they contain.
    """
    intake = Intake()
    oldest_ms = round((arrival - limits.MAX_TRACK_AGE_SECONDS) * 1000)
    for index, record in enumerate(records):
        flaw = _general_flaw(index, record, body_bytes, doomed) or check_tracked_event(record)
        if flaw is not None:
            intake.failed.append(_failed_entry(index, record, flaw))
            continue
        event, properties = record["event"], record["properties"]
        project = project_of(properties["token"])
        if project is None:
            intake.ignored += 1
        elif event in LINKING_EVENTS:
            _take_link(intake, project, event, properties)
        elif "time" in properties and time_milliseconds(properties["time"]) < oldest_ms:
            intake.ignored += 1
        else:
            properties.setdefault("time", int(arrival))
            _fill_in(record, fallback_id)
            _take_event(intake, project, event, properties, arrival)
    return intake


def _fill_in(record: object, distinct_id: str) -> None:
    properties = record.get("properties") if isinstance(record, dict) else None
    if isinstance(properties, dict):
        if "$device_id" not in properties and "$user_id" not in properties:
            properties.setdefault("distinct_id", distinct_id)
        properties.setdefault("$insert_id", secrets.token_hex(16))


def _general_flaw(index: int, record: object, body_bytes: int, doomed: Collection[int]) -> Flaw | None:
    if index in doomed:
        return DEMANDED
    # Measuring encodes the event; a small body cannot contain an event that is too large.
    return check_size(record) if body_bytes > limits.MAX_EVENT_BYTES else None


def _take_event(intake: Intake, project: Project, event: str, properties: dict[str, Any], arrival: float) -> None:
    distinct_id = properties.get("distinct_id", "")
    if "$device_id" in properties or "$user_id" in properties:
        user = event_user(properties, project.id_merge)
        distinct_id = user.distinct_id
        if not properties.get("distinct_id"):
            properties["distinct_id"] = distinct_id
        if user.device is not None:
            intake.merges.append(Merge(project.id, distinct_id, user.device, is_forced=False))
    intake.rows.append(_row(project.id, event, properties, distinct_id, arrival))


def _row(project: int, event: str, properties: dict[str, Any], distinct_id: str, arrival: float) -> EventRow:
    sent = properties.pop("time")
    time_ms = time_milliseconds(sent)
    received_ms = round(arrival * 1000)
    if time_ms > received_ms + limits.MAX_EVENT_AHEAD_SECONDS * 1000:
        sent, time_ms = int(arrival), int(arrival) * 1000
    head = {"time": sent}
    if "token" in properties:
        head["token"] = properties.pop("token")
    return EventRow(
        project,
        event,
        time_ms,
        distinct_id,
        properties["$insert_id"],
        received_ms,
        orjson.dumps(head).decode(),
        orjson.dumps(properties).decode(),
    )


def _take_link(intake: Intake, project: Project, event: str, properties: dict[str, Any]) -> None:
    link = _link(project.id, event, properties)
    intake.links.append(link)
    if project.id_merge == "original":
        intake.merges.append(Merge(project.id, link.first, link.second, is_forced=event == "$merge"))
        return
    user = event_user(properties, project.id_merge)
    if user.device is not None:
        intake.merges.append(Merge(project.id, user.distinct_id, user.device, is_forced=False))


def _link(project: int, event: str, properties: dict[str, Any]) -> IdentityLink:
    if event == "$merge":
        first, second = properties["$distinct_ids"]
        return IdentityLink(project, event, first, second)
    first, second = (properties[name] for name in linked_properties(event, properties))
    return IdentityLink(project, event, first, second)


def _failed_entry(index: int, record: object, flaw: Flaw) -> dict[str, Any]:
    properties = record.get("properties") if isinstance(record, dict) else None
    insert_id = properties.get("$insert_id") if isinstance(properties, dict) else None
    return {
        "index": index,
        "insert_id": insert_id if isinstance(insert_id, str) else "",
        "field": flaw.field,
        "message": flaw.message,
    }
