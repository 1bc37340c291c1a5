"""Applies a mapping: turns one flat record into one event."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, MissingColumnsError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError, flattened, without_names
from mixpanel_async.jobs.mapping.coercion import typed_fields
from mixpanel_async.jobs.mapping.columns import check_names, unnamed
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.mapping.identity import (
    PLACEHOLDER,
    PLACEHOLDER_MESSAGE,
    USER_FIELDS,
    IdReader,
    needed_field,
    text_field,
)
from mixpanel_async.jobs.mapping.timestamps import AMBIGUOUS, MISSING, SHIFTED, UNUSED_ZONE, TimeParser
from mixpanel_async.jobs.model.chunks import FlatRecord, Notice
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS
from mixpanel_async.records import validation
from mixpanel_async.records.values import ValueConverter

_EVENT_KEYS: Final = {"event", "properties"}
_MAX_NOTICES: Final = 10  # examples of a chunk; all are counted
_CLOCKS: Final = {
    AMBIGUOUS: "happens twice where clocks are set back; the option ambiguous chooses which one is meant",
    MISSING: "does not exist where clocks are set forward; the option ambiguous can reject it",
}


class EventMapper:
    """Turns flat records into events.

    Args:
        mapping: The mapping.
        keeps_events: Whether records that are events already stay unchanged.
        values: Converts what JSON does not have.
        default_zone: Time zone of times that have none, if the mapping names none.
    """

    def __init__(
        self,
        mapping: RecordMapping,
        *,
        keeps_events: bool = False,
        values: ValueConverter | None = None,
        default_zone: str | None = None,
    ) -> None:
        self._mapping = mapping
        self._keeps_events = keeps_events
        self._times = TimeParser(
            mapping.time_format,
            mapping.time_zone or default_zone,
            ambiguous=mapping.ambiguous,
            shift_from_zone=mapping.shift_from_zone,
        )
        self._ids = IdReader(mapping, values or ValueConverter())
        self._roles = mapping.roles()
        self._texts = self._roles | {*mapping.distinct_id_fields()}
        self._range = mapping.time_range()
        self._has_filter = mapping.events is not None or self._range != (-math.inf, math.inf)
        self._cleans = bool(mapping.drop or mapping.keep or mapping.scrub or mapping.flatten or mapping.rename)
        self._changes: Counter[str] = Counter()
        self._noticed: Counter[str] = Counter()
        self._notices: list[Notice] = []
        self._skipped: dict[int, str] = {}

    def check_fields(self, fields: list[str]) -> None:
        """Check that a table has the columns that the mapping needs.

        Raises:
            InvalidSettingError: A column is missing or duplicate.
        """
        mapping = self._mapping
        check_names(fields, is_unnamed_dropped="" in mapping.drop)
        named = {*mapping.insert_id_fields, *mapping.types, *mapping.rename, *mapping.drop, *mapping.keep} - {""}
        needed = {mapping.time_field} if mapping.event is not None else {mapping.time_field, mapping.event_field}
        absent = {name for name in needed if name not in fields} | {*self._ids.missing_columns(fields)}
        missing = sorted(absent) + sorted(name for name in named if name not in fields)
        if missing:
            header = ", ".join(map(repr, fields))
            raise MissingColumnsError(
                f"the mapping is invalid: the table has no column {', '.join(map(repr, missing))}; map one of {header}",
                missing=missing,
                columns=fields,
            )

    def event(
        self, row: FlatRecord, number: int, *, file: int = 0, part: int = 0, is_table: bool = False
    ) -> Mapping[str, object]:
        """Return the event for a record.

        Args:
            row: The record's fields, or an event, whose properties are then the fields.
            number: The record's number in its file, for an $insert_id that distinguishes equal records.
            file: Index of the file in the source, from 0.
            part: Index of the event in its record, if that holds several.
            is_table: Whether the record is a row of a table, where an empty cell means that there is no value.

        Raises:
            InvalidRecordError: A required field is missing or invalid.
            RecordSkippedError: The mapping's filters skip the event.
        """
        mapping, event, roles = self._mapping, self._mapping.event, self._roles
        inner = row.get("properties")
        if isinstance(inner, Mapping) and row.keys() == _EVENT_KEYS:
            if self._keeps_events or row["event"] in IDENTITY_EVENTS:  # these have neither a time nor an ID to map
                return row
            event = event or text_field(row, "event", "event")
            row, roles = inner, self._roles - {mapping.event_field}
        fields = typed_fields(
            row,
            mapping.types,
            is_inferred=mapping.infer_types,
            is_table=is_table,
            texts=self._texts,
            has_decimal_comma=mapping.decimal_comma,
        )
        properties: dict[str, object] = {"time": self._time(fields, number)}
        properties |= self._ids.users(fields)
        place = f"{number}.{part}" if part else str(number)
        properties["$insert_id"] = self._ids.insert_id(fields, f"{file}:{place}" if file else place)
        if event is None:
            event = text_field(fields, mapping.event_field, "event")
        if self._has_filter:
            self._filter(event, properties["time"], number)
        others = {name: value for name, value in fields.items() if name not in roles}
        if self._cleans:
            others = self._cleaned(others)
        if is_table and "" in others:
            raise unnamed()
        for name, value in others.items():
            properties[self._new_name(name, properties)] = value
        properties.update(mapping.constants)
        # Most events have neither of the other IDs, and a call less for each row counts.
        is_suspect = "$user_id" in properties or "$device_id" in properties
        is_suspect = is_suspect or validation.is_placeholder_id(properties.get("distinct_id"))
        if is_suspect and self._ids.has_placeholder(properties):
            self._notice(number, PLACEHOLDER, PLACEHOLDER_MESSAGE)
        return {"event": event, "properties": properties}

    def _time(self, fields: Mapping[str, object], number: int) -> int:
        moment = self._times.read(needed_field(fields, self._mapping.time_field, "time"))
        for kind in self._times.found:
            if kind == SHIFTED:
                self._changes[kind] += 1
            elif kind == UNUSED_ZONE:
                if self._mapping.time_zone is None:
                    continue
                self._noticed[kind] += 1
            else:
                self._notice(number, kind, f"{fields[self._mapping.time_field]} {_CLOCKS[kind]}")
        return moment

    def _notice(self, number: int, kind: str, message: str) -> None:
        self._noticed[kind] += 1
        if len(self._notices) < _MAX_NOTICES:
            self._notices.append(Notice(number, kind, message))

    def take_notices(self) -> tuple[Counter[str], list[Notice]]:
        """Return how many records since the last call were unusual, by what is unusual, and examples."""
        noticed, notices = self._noticed, self._notices
        self._noticed, self._notices = Counter(), []
        return noticed, notices

    def take_changes(self) -> Counter[str]:
        """Return how many records were changed since the last call, by kind of change."""
        changes, self._changes = self._changes, Counter()
        return changes

    def take_skipped(self) -> Mapping[int, str]:
        """Return the numbers of the records that were skipped since the last call, and the filter that did it."""
        skipped, self._skipped = self._skipped, {}
        return skipped

    def _filter(self, event: str, time: object, number: int) -> None:
        """Apply the filters.

        Raises:
            RecordSkippedError: A filter skips the event.
        """
        low, high = self._range
        if self._mapping.events is not None and event not in self._mapping.events:
            filter_name = "event"
        elif isinstance(time, int) and not low <= _seconds(time) < high:
            filter_name = "time"
        else:
            return
        self._skipped[number] = filter_name
        raise RecordSkippedError(filter_name)

    def _cleaned(self, properties: dict[str, object]) -> dict[str, object]:
        mapping = self._mapping
        cleaned = {name: value for name, value in properties.items() if self._is_kept(name)}
        self._changes["dropped"] += len(cleaned) != len(properties)
        if mapping.scrub:
            scrubbed = without_names(cleaned, mapping.scrub)
            self._changes["scrubbed"] += scrubbed is not cleaned
            cleaned = scrubbed if isinstance(scrubbed, dict) else cleaned
        if mapping.flatten and any(isinstance(value, Mapping) for value in cleaned.values()):
            cleaned = flattened(cleaned)
            self._changes["flattened"] += 1
        self._changes["renamed"] += not mapping.rename.keys().isdisjoint(cleaned)
        return cleaned

    def _is_kept(self, name: str) -> bool:
        mapping = self._mapping
        return name not in mapping.drop and (not mapping.keep or name in mapping.keep or name in USER_FIELDS)

    def _new_name(self, name: str, properties: Mapping[str, object]) -> str:
        name = self._mapping.rename.get(name, name)
        if name in properties:
            raise InvalidRecordError("is a duplicate; rename or drop one of them", field=name)
        return name


def _seconds(time: int) -> float:
    return time / 1000 if time >= limits.MIN_EVENT_TIME_MILLISECONDS else time
