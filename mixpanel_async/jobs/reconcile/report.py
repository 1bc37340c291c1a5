"""What a comparison of a source with Mixpanel found."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from mixpanel_async.json_types import JSONValue

DifferenceKind: TypeAlias = Literal["missing", "unexpected", "different", "duplicate", "rejected", "unreadable"]


class DifferingValues(msgspec.Struct, frozen=True):
    """The values of a property that differs.

    Attributes:
        source: Its value in the source; None if it is not there.
        export: Its value in the export; None if it is not there.
    """

    source: JSONValue
    export: JSONValue


class EventDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that differs between the source and Mixpanel.

    Attributes:
        kind: `missing` (only in the source), `unexpected` (only in Mixpanel), `different`, `duplicate` (more than once
            on one side), `rejected` (not a valid event of the source) or `unreadable` (not a valid line of the export).
        event: Name of the event.
        day: The day on which it happened.
        distinct_id: The user's ID.
        insert_id: Its $insert_id.
        position: Where it is in the source; "" for an event of the export.
        fields: The properties that differ.
        copies: How often the event is in the source and in the export, for a duplicate.
        message: What is invalid, for what cannot be compared.
        record: The event, as the source or else the export has it.
    """

    kind: DifferenceKind
    event: str = ""
    day: str = ""
    distinct_id: str = ""
    insert_id: str = ""
    position: str = ""
    fields: Mapping[str, DifferingValues] = {}
    copies: tuple[int, int] | None = None
    message: str = ""
    record: msgspec.Raw = msgspec.Raw(b"")

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        if self.message:
            return f"{where}{self.kind}: {self.message}"
        user = f"of {self.distinct_id}" if self.distinct_id else "without a user"
        text = f"{where}{self.kind}: {self.event} {user} on {self.day} ($insert_id {self.insert_id})"
        if self.copies is not None:
            return f"{text}: {self.copies[0]} in the source, {self.copies[1]} in the export"
        changes = (f"{name}: {_shown(two.source)} became {_shown(two.export)}" for name, two in self.fields.items())
        return f"{text}: {', '.join(changes)}" if self.fields else text


_MAX_SHOWN = 60


def _shown(value: JSONValue) -> str:
    if value is None:
        return "nothing"
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


class DayCount(msgspec.Struct, frozen=True):
    """The events of one name on one day.

    Attributes:
        day: The day.
        event: Name of the events.
        source: Number in the source, with duplicates.
        export: Number in the export, with duplicates.
        missing: Number of events that only the source has.
        unexpected: Number of events that only the export has.
        different: Number of events that differ.
    """

    day: str
    event: str
    source: int
    export: int
    missing: int
    unexpected: int
    different: int


class ReconcileReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a comparison of a source with Mixpanel.

    Attributes:
        source: Name of the source.
        from_date: First day, inclusive.
        to_date: Last day, inclusive.
        source_events: Events of the source on these days, with duplicates.
        export_events: Events of the export, with duplicates.
        equal: Events that are the same on both sides.
        missing: Events that only the source has.
        unexpected: Events that only the export has.
        different: Events on both sides with differing properties.
        source_duplicates: Further copies of events in the source.
        export_duplicates: Further copies of events in the export, which Mixpanel's reports count once.
        outside: Events of the source on other days, or with names that are not compared.
        rejected: Records of the source that are not valid events, so that an import does not send them.
        skipped: Records that the mapping skips.
        linking: Events that link IDs (`$identify`, `$create_alias`, `$merge`), which are not compared.
        unreadable: Lines of the export that are not events.
        allows_unexpected: Whether events that only the export has count as equal.
        exports: How often the events were exported.
        days: Counts by day and name, those with differences first; at most 1,000.
        days_left_out: Number of further counts.
        examples: The first few differences of each kind.
        duration_seconds: Duration of the comparison.
    """

    source: str
    from_date: str
    to_date: str
    source_events: int
    export_events: int
    equal: int
    missing: int
    unexpected: int
    different: int
    source_duplicates: int
    export_duplicates: int
    outside: int = 0
    rejected: int = 0
    skipped: int = 0
    linking: int = 0
    unreadable: int = 0
    allows_unexpected: bool = False
    exports: int = 1
    days: Sequence[DayCount] = ()
    days_left_out: int = 0
    examples: Sequence[EventDifference] = ()
    duration_seconds: float = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether a further export cannot make the two sides more equal."""
        return not self.missing and not self.different and (self.allows_unexpected or not self.unexpected)

    @property
    def is_equal(self) -> bool:
        """Whether Mixpanel has every event of the source, unchanged, and no others; duplicates do not count."""
        return self.is_settled and not self.rejected and not self.unreadable
