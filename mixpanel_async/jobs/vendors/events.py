"""Reads events of a vendor's export by the vendor's table."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import orjson

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.columns import check_names
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.model.chunks import FlatRecord
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS
from mixpanel_async.jobs.vendors.fields import Leaf, View, at, first_value, id_text, is_empty, leaves, prepared, read_id
from mixpanel_async.jobs.vendors.model import Kind, Paths, Preset
from mixpanel_async.jobs.vendors.presets import PRESETS
from mixpanel_async.records import validation
from mixpanel_async.records.exact_numbers import dumps_exactly
from mixpanel_async.records.values import ValueConverter

_PLAIN: Final = RecordMapping()
# Settings of a mapping that refer to the vendor's record, not to the event made from it.
_FIELDS: Final = (
    "event_field", "time_field", "distinct_id_field", "user_id_field", "device_id_field", "insert_id_field",
)  # fmt: skip
_EVENT_KEYS: Final = {"event", "properties"}
_RESERVED: Final = frozenset({"time", "distinct_id", "$insert_id", "$user_id", "$device_id"})
_COUNTRY: Final = "mp_country_code"
_CODE_LETTERS: Final = 2
_HASH_BYTES: Final = 16
_ITSELF: Final = "mixpanel"  # its records are events already


class _Roles(msgspec.Struct):
    """The parts of an event that are not its own properties, and the paths where they were found."""

    properties: dict[str, object] = {}
    used: set[str] = msgspec.field(default_factory=set)


class VendorEvents:
    """Turns a vendor's records into events.

    Args:
        vendor: Name of the preset.
        mapping: Replaces parts of the preset: fields are paths in the vendor's record.
        values: Converts what JSON does not have.
        keeps_events: Whether records that are events in Mixpanel's form stay unchanged.

    Attributes:
        mapping: What remains of the mapping, for the events.
        time_zone: Time zone of times that have none, if the mapping names none.
    """

    def __init__(
        self, vendor: str, mapping: RecordMapping, values: ValueConverter, *, keeps_events: bool = False
    ) -> None:
        self._vendor = vendor
        self._keeps_events = keeps_events and vendor != _ITSELF
        self._values = values
        self._preset = preset = _adapted(PRESETS[vendor], mapping)
        self._has_name = mapping.event is not None
        self._has_user = mapping.distinct_id is not None
        self._makes_insert_ids = mapping.insert_id_hash is not None
        self._rejects_placeholders = mapping.placeholder_ids == "reject"
        self._reserved = _RESERVED if vendor == _ITSELF else _RESERVED | {"token"}  # Mixpanel's project
        self._is_unnamed_dropped = "" in mapping.drop
        self._changes: Counter[str] = Counter()
        self._skipped: dict[int, str] = {}
        self.mapping = msgspec.structs.replace(
            mapping,
            vendor=None,
            time_format=mapping.time_format or preset.time_format,
            **{name: getattr(_PLAIN, name) for name in _FIELDS},
        )
        self.time_zone = preset.time_zone

    @property
    def holds_several(self) -> bool:
        """Whether a record can hold several events."""
        return bool(self._preset.list)

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns of tables without a header; empty if all exports have one."""
        return self._preset.columns

    def check_columns(self, columns: Sequence[str]) -> None:
        """Check that a table has the columns that an event needs.

        Raises:
            InvalidSettingError: A column is missing or duplicate.
        """
        preset = self._preset
        check_names(columns, is_unnamed_dropped=self._is_unnamed_dropped)
        needed = [preset.time]
        if not self._has_name:
            needed.append(preset.names)
        if not self._has_user:
            mixed = (preset.mixed_id,) if preset.mixed_id else ()
            needed.append((*preset.distinct_id, *preset.user_id, *preset.device_id, *mixed))
        for paths in needed:
            if not {*paths, *(path.partition(".")[0] for path in paths)} & set(columns):
                raise InvalidSettingError(
                    f"the mapping is invalid: the table has no column {' or '.join(map(repr, paths))}, which "
                    f"the preset {self._vendor} needs; it has {', '.join(map(repr, columns))}"
                )

    def split(self, row: FlatRecord, number: int) -> Iterator[FlatRecord]:
        """Yield a record as records of one event each.

        Raises:
            InvalidRecordError: The field of the events is not a list.
            RecordSkippedError: The record has no events.
        """
        field = self._preset.list
        if not field or self.keeps(row):
            yield row
            return
        events = row.get(field)
        if events is not None and not isinstance(events, list | tuple):
            raise InvalidRecordError(f"must be a list, not {type(events).__name__}", field=field)
        if not events:
            self._skipped[number] = "no events"
            raise RecordSkippedError("no events")
        for event in events:
            yield {**row, field: [event]}

    def keeps(self, row: FlatRecord) -> bool:
        """Return whether a record stays as it is: an event in Mixpanel's form, as a repaired dead letter may be."""
        return self._keeps_events and row.keys() == _EVENT_KEYS

    def event(self, row: FlatRecord, number: int, *, is_table: bool) -> FlatRecord:
        """Return the event for a record.

        Raises:
            InvalidRecordError: A part of the event is missing or invalid.
            RecordSkippedError: The record is not an event.
        """
        preset = self._preset
        if preset.list:
            event = row[preset.list]
            row = {**row, preset.list: event[0] if isinstance(event, list) else event}
        view = prepared(preset, row, is_table=is_table)
        kind = self._kind(view, number)
        roles = _Roles()
        name = self._name(view, kind, roles)
        if name in IDENTITY_EVENTS:
            if self._vendor == _ITSELF:
                return row
            raise InvalidRecordError(f"{name!r} is a name that Mixpanel reserves", field="event")
        roles.properties["time"] = self._time(view, roles)
        self._read_ids(view, roles)
        self._read_insert_id(view, roles)
        return {"event": name, "properties": self._properties(view, roles)}

    def take_changes(self) -> Counter[str]:
        """Return how many records were changed since the last call, by kind of change."""
        changes, self._changes = self._changes, Counter()
        return changes

    def take_skipped(self) -> Mapping[int, str]:
        """Return the numbers of the records since the last call that are not events, and why."""
        skipped, self._skipped = self._skipped, {}
        return skipped

    def _kind(self, view: View, number: int) -> Kind:
        preset = self._preset
        found = at(view, preset.kind) if preset.kind else None
        kind = preset.kinds.get(found) if isinstance(found, str) else None
        if kind is None:
            if preset.is_closed:
                raise unknown_kind(preset, found)
            return Kind()
        if kind.skipped:
            self._skipped[number] = kind.skipped
            raise RecordSkippedError(kind.skipped)
        return kind

    def _name(self, view: View, kind: Kind, roles: _Roles) -> str:
        if self._has_name:
            return ""  # the mapping names it
        if kind.name:
            roles.used.add(self._preset.names[0])
            return kind.name
        names = (*kind.names, *self._preset.names)
        path, name = first_value(view, names)
        if not path:
            raise _missing("event", names)
        roles.used.add(path)
        return id_text(name, path, "event")

    def _time(self, view: View, roles: _Roles) -> object:
        path, time = first_value(view, self._preset.time)
        if not path:
            raise _missing("time", self._preset.time)
        roles.used.add(path)
        return time

    def _read_ids(self, view: View, roles: _Roles) -> None:
        """Find the user and the device: the IDs of Simplified ID Merge."""
        preset = self._preset
        user, device = self._id(view, preset.user_id), self._id(view, preset.device_id)
        if preset.mixed_id and user is None:
            mixed = self._id(view, (preset.mixed_id,))
            if mixed == device or any(at(view, path) is value for path, value in preset.anonymous.items()):
                device = device or mixed
            else:
                user = mixed
        found = roles.properties
        if user is not None:
            found["$user_id"] = user
        if device is not None:
            found["$device_id"] = device
        if not self._has_user:
            found["distinct_id"] = self._distinct_id(view, user or device)
        ids = {found.get(name) for name in ("$user_id", "$device_id", "distinct_id")} - {None, ""}
        for path in (*preset.distinct_id, *preset.user_id, *preset.device_id, preset.mixed_id):
            if path and read_id(view, path, {}) in ids:
                roles.used.add(path)
        roles.used.update(path for path in preset.distinct_id if "distinct_id" in found)

    def _distinct_id(self, view: View, known: str | None) -> str:
        preset = self._preset
        found = self._id(view, preset.distinct_id) or known
        if found is not None:
            return found
        if any(is_empty(at(view, path)) for path in preset.distinct_id):
            return ""
        if preset.has_strangers:
            self._changes["without_user"] += 1
            return ""
        mixed = (preset.mixed_id,) if preset.mixed_id else ()
        raise _missing("distinct_id", (*preset.distinct_id, *preset.user_id, *preset.device_id, *mixed))

    def _id(self, view: View, paths: Paths) -> str | None:
        for path in paths:
            found = read_id(view, path, self._preset.id_patterns)
            if found:
                return found
            if found == "" and not is_empty(at(view, path)):
                if self._rejects_placeholders:
                    raise InvalidRecordError(
                        f"{at(view, path)!r} stands for a missing ID (field {path!r})", field="distinct_id"
                    )
                self._changes["placeholder_id"] += 1
        return None

    def _read_insert_id(self, view: View, roles: _Roles) -> None:
        """Keep a valid ID, and hash an invalid one or the record. If the mapping makes the ID, use the given one."""
        path, value = first_value(view, self._preset.insert_id)
        text = None
        if path:
            try:
                text = roles.properties["$insert_id"] = id_text(value, path, "$insert_id")
                roles.used.add(path)
            except InvalidRecordError:  # it is no ID, and stays a property
                text = None
        if self._makes_insert_ids:
            return
        try:
            validation.check_insert_id(text)
        except InvalidRecordError:
            content = self._content(view) if text is None else text.encode(errors="surrogatepass")
            roles.properties["$insert_id"] = hashlib.blake2b(content, digest_size=_HASH_BYTES).hexdigest()
            self._changes["hashed_insert_id"] += 1

    def _content(self, view: View) -> bytes:
        try:
            return dumps_exactly(view, orjson.OPT_SORT_KEYS)
        except (TypeError, RecursionError):
            return dumps_exactly(self._values.convert(view, "record"), orjson.OPT_SORT_KEYS)

    def _properties(self, view: View, roles: _Roles) -> dict[str, object]:
        preset, properties = self._preset, roles.properties
        rename = dict(preset.rename)
        for special in preset.special_names:
            if at(view, special.path) == special.value:
                rename |= special.rename
        found = list(leaves(preset, view, preset.drop - roles.used))
        kept = [leaf for leaf in found if leaf is not None and leaf.path not in roles.used]
        self._changes["left_out"] += None in found
        own = [leaf for leaf in kept if leaf.is_own]
        for leaf in (
            *own,
            *(leaf for leaf in kept if not leaf.is_own),
        ):  # properties that the customer named keep their names
            name = rename.get(leaf.path, leaf.name)
            if name == _COUNTRY and not (isinstance(leaf.value, str) and len(leaf.value) == _CODE_LETTERS):
                name = leaf.name  # the name of a country
            if name in properties or name in self._reserved:
                name = self._free_name(leaf, properties)
            properties[name] = leaf.value
        return properties

    def _free_name(self, leaf: Leaf, properties: Mapping[str, object]) -> str:
        unique = leaf.path if "." in leaf.path else f"{self._vendor}.{leaf.path}"
        for name in (leaf.name, unique):
            if name not in properties and name not in self._reserved:
                return name
        raise InvalidRecordError("is a duplicate; rename one of them", field=leaf.path)


def unknown_kind(preset: Preset, found: object) -> InvalidRecordError:
    """Return the error for a record whose kind the vendor does not have."""
    return InvalidRecordError(
        f"{str(found)[:40]!r} is not one of {', '.join(preset.kinds)}, the kinds of records of {preset.title}",
        field=preset.kind,
    )


def _adapted(preset: Preset, mapping: RecordMapping) -> Preset:
    """Return a preset with the mapping's settings for the vendor's record."""
    change = msgspec.structs.replace
    if mapping.event_field != _PLAIN.event_field:
        preset = change(preset, names=(mapping.event_field,), kinds=_named(preset))
    if mapping.time_field != _PLAIN.time_field:
        preset = change(preset, time=(mapping.time_field,))
    if mapping.distinct_id_field != _PLAIN.distinct_id_field:
        preset = change(preset, distinct_id=mapping.distinct_id_fields())
    if mapping.user_id_field is not None:
        preset = change(preset, user_id=(mapping.user_id_field,), mixed_id="")
    if mapping.device_id_field is not None:
        preset = change(preset, device_id=(mapping.device_id_field,))
    if mapping.insert_id_field != _PLAIN.insert_id_field:
        preset = change(preset, insert_id=(mapping.insert_id_field,))
    return preset


def _named(preset: Preset) -> Mapping[str, Kind]:
    """Return the kinds without names of their own."""
    return {value: Kind(skipped=kind.skipped) for value, kind in preset.kinds.items()}


def _missing(field: str, paths: Paths) -> InvalidRecordError:
    return InvalidRecordError(f"is missing (field {' or '.join(map(repr, paths))})", field=field)
