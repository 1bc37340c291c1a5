"""Applies a mapping: turns one flat record into one event."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError, flattened, without_names
from mixpanel_async.jobs.mapping.coercion import typed_fields
from mixpanel_async.jobs.mapping.columns import check_names, unnamed
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.mapping.timestamps import TimeParser
from mixpanel_async.jobs.model.chunks import FlatRecord
from mixpanel_async.records.exact_numbers import dumps_exactly
from mixpanel_async.records.values import ValueConverter

_EVENT_KEYS: Final = {"event", "properties"}
_HASH_BYTES: Final = 16  # 32 hexadecimal digits fit into an $insert_id, and 128 bits do not collide by chance


class EventMapper:
    """Turns flat records into events.

    Args:
        mapping: The mapping.
        keeps_events: Whether records that are events already stay unchanged.
        values: Converts what JSON does not have.
    """

    def __init__(
        self, mapping: RecordMapping, *, keeps_events: bool = False, values: ValueConverter | None = None
    ) -> None:
        self._values = values or ValueConverter()
        self._mapping = mapping
        self._keeps_events = keeps_events
        self._times = TimeParser(mapping.time_format, mapping.time_zone)
        roles = {mapping.time_field}
        if mapping.event is None:
            roles.add(mapping.event_field)
        if mapping.distinct_id is None:
            roles.add(mapping.distinct_id_field)
        if mapping.insert_id_hash is None:
            roles.add(mapping.insert_id_field)
        self._roles = frozenset(roles)
        self._range = mapping.time_range()
        self._changes: Counter[str] = Counter()
        self._skipped: dict[int, str] = {}

    def check_fields(self, fields: list[str]) -> None:
        """Check that a table has the columns that the mapping needs.

        Raises:
            InvalidSettingError: A column is missing or duplicate.
        """
        mapping = self._mapping
        check_names(fields, is_unnamed_dropped="" in mapping.drop)
        named = {*mapping.insert_id_fields, *mapping.types, *mapping.rename, *mapping.drop, *mapping.keep} - {""}
        missing = [repr(name) for name in [*sorted(self._roles), *sorted(named)] if name not in fields]
        if missing:
            header = ", ".join(map(repr, fields))
            raise InvalidSettingError(
                f"the mapping is invalid: the table has no column {', '.join(missing)}; map one of {header}"
            )

    def event(self, row: FlatRecord, number: int, *, file: int = 0, is_table: bool = False) -> Mapping[str, object]:
        """Return the event for a record.

        Args:
            row: The record's fields, or an event, whose properties are then the fields.
            number: The record's number in its file, for an $insert_id that distinguishes equal records.
            file: Index of the file in the source, from 0.
            is_table: Whether the record is a row of a table, where an empty cell means that there is no value.

        Raises:
            InvalidRecordError: A required field is missing or invalid.
            RecordSkippedError: The mapping's filters skip the event.
        """
        mapping, event, roles = self._mapping, self._mapping.event, self._roles
        inner = row.get("properties")
        if isinstance(inner, Mapping) and row.keys() == _EVENT_KEYS:
            if self._keeps_events:
                return row
            event = event or _text(row, "event", "event")
            row, roles = inner, self._roles - {mapping.event_field}
        fields = typed_fields(
            row,
            mapping.types,
            is_inferred=mapping.infer_types,
            is_table=is_table,
            texts=self._roles,
            has_decimal_comma=mapping.decimal_comma,
        )
        properties: dict[str, object] = {"time": self._times.read(_field(fields, mapping.time_field, "time"))}
        properties["distinct_id"] = (
            _text(fields, mapping.distinct_id_field, "distinct_id")
            if mapping.distinct_id is None
            else mapping.distinct_id
        )
        if mapping.insert_id_hash is None:
            properties["$insert_id"] = _text(fields, mapping.insert_id_field, "$insert_id")
        else:
            properties["$insert_id"] = self._hash(fields, f"{file}:{number}" if file else str(number))
        if event is None:
            event = _text(fields, mapping.event_field, "event")
        self._filter(event, properties["time"], number)
        others = self._cleaned({name: value for name, value in fields.items() if name not in roles})
        if is_table and "" in others:
            raise unnamed()
        for name, value in others.items():
            properties[self._new_name(name, properties)] = value
        properties.update(mapping.constants)
        return {"event": event, "properties": properties}

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
        return name not in self._mapping.drop and (not self._mapping.keep or name in self._mapping.keep)

    def _new_name(self, name: str, properties: Mapping[str, object]) -> str:
        name = self._mapping.rename.get(name, name)
        if name in properties:
            raise InvalidRecordError("is a duplicate; rename or drop one of them", field=name)
        return name

    def _hash(self, fields: Mapping[str, object], position: str) -> str:
        mapping = self._mapping
        content = [fields.get(name) for name in mapping.insert_id_fields] if mapping.insert_id_fields else fields
        try:
            text = dumps_exactly(content, orjson.OPT_SORT_KEYS)
        except (TypeError, RecursionError):
            text = dumps_exactly(self._values.convert(content, "record"), orjson.OPT_SORT_KEYS)
        if mapping.insert_id_hash == "position":
            text += b"\n" + position.encode()
        return hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest()


def _seconds(time: int) -> float:
    return time / 1000 if time >= limits.MIN_EVENT_TIME_MILLISECONDS else time


def _field(fields: Mapping[str, object], name: str, role: str) -> object:
    value = fields.get(name)
    if value is None:
        raise InvalidRecordError(f"is missing (field {name!r})", field=role)
    return value


def _text(fields: Mapping[str, object], name: str, role: str) -> str:
    value = _field(fields, name, role)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidRecordError(f"must be text, not {type(value).__name__} (field {name!r})", field=role)
