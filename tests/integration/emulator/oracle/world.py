"""A small world: events, users and profiles as plain Python values."""

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.integration.emulator.oracle.parser import Scope, parse_expression
from tests.integration.emulator.oracle.values import UNDEFINED, is_true, settled, string


@dataclass(frozen=True)
class Event:
    """One stored event; `number` is its place in the order of arrival."""

    name: str
    time_ms: int
    distinct_id: str
    properties: Mapping[str, Any]
    number: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """The order of events: by time, then by arrival."""
        return self.time_ms, self.number


@dataclass(frozen=True)
class World:
    """All that a project has stored.

    Attributes:
        events: In the order of arrival.
        canonical: IDs that were merged into another one.
        profiles: Properties by ID; those of merged users are under the ID that was kept.
        zone: IANA name of the project's time zone.
    """

    events: Sequence[Event]
    canonical: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zone: str = "UTC"

    def distinct(self) -> list[Event]:
        """Return the newest of events with equal name, time, distinct_id and $insert_id."""
        found = {}
        for event in self.events:
            found[event.name, event.time_ms, event.distinct_id, event.properties["$insert_id"]] = event
        return sorted(found.values(), key=lambda event: event.number)

    def user(self, event: Event) -> str | None:
        """Return the user of an event; None for an event without one."""
        return self.canonical.get(event.distinct_id, event.distinct_id) or None

    def profile(self, user: str | None) -> Mapping[str, Any]:
        """Return the profile of a user."""
        return {} if user is None else self.profiles.get(user, {})

    def value(self, text: str, event: Event) -> Any:  # noqa: ANN401 - any value
        """Return the value of an expression, or of a plain property."""
        if "[" not in text and "(" not in text and '"' not in text:
            text = f'properties["{text}"]'
        seconds = event.time_ms / 1000
        fields = {"$name": event.name, "$time": seconds, "$distinct_id": event.properties.get("distinct_id", UNDEFINED)}
        properties = {**event.properties, "time": seconds}
        return settled(parse_expression(text)(Scope(properties, self.profile(self.user(event)), fields)))

    def label(self, text: str, event: Event) -> str:
        """Return the segment of an event."""
        value = self.value(text, event)
        return "undefined" if value is UNDEFINED else str(string(value))

    def chosen(self, events: Iterable[Event], names: Sequence[str] | None, where: str | None) -> list[Event]:
        """Return the events with one of some names for which an expression is true."""
        return [
            event
            for event in events
            if (names is None or event.name in names) and (where is None or is_true(self.value(where, event)))
        ]

    def local(self, time_ms: int) -> dt.datetime:
        """Return what the project's clock shows."""
        return dt.datetime.fromtimestamp(time_ms / 1000, zoneinfo.ZoneInfo(self.zone)).replace(tzinfo=None)

    def within(self, events: Iterable[Event], first: dt.date, last: dt.date) -> list[Event]:
        """Return the events of some days of the project's clock, both inclusive."""
        return [event for event in events if first <= self.local(event.time_ms).date() <= last]
