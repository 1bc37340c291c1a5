"""Configures how source fields become event fields or profile updates."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec
import orjson

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.mapping.coercion import CellType, check_types

_SET_OPERATIONS = ("$set", "$set_once")
IdHash: TypeAlias = Literal["content", "position"]


class RecordMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flat records (CSV rows, or mappings without `properties`) become events.

    The fields for the event name, the time, the distinct_id and the $insert_id become event fields; all other fields
    become properties. Empty cells and nulls of tables are skipped.

    Attributes:
        event: Name of every event; None: taken from `event_field`.
        event_field: Field that holds the event name.
        time_field: Field that holds the time.
        time_format: `s`, `ms`, `us`, `iso` or a strptime format; None: a number as Mixpanel accepts it, or ISO 8601.
        time_zone: IANA time zone for times that have none; without it, such a time is an error.
        distinct_id_field: Field that holds the user ID.
        distinct_id: User ID of every event, "" for events without a user; None: taken from `distinct_id_field`.
        insert_id_field: Field that holds the $insert_id.
        insert_id_hash: Make the $insert_id from a 128-bit hash: of the record's `"content"` (equal records are the
            same event), or of content and `"position"` in the source (equal records are different events).
        insert_id_fields: Fields to hash; empty: all fields.
        types: Declared types of fields: `string`, `int`, `float`, `number`, `bool`, or `json` for objects and lists;
            text that is none is rejected.
        infer_types: Convert text that looks like a number, true or false, if the field has no declared type; "007"
            stays text.
        decimal_comma: Numbers are written as 1.234,56.
        constants: Properties to add to every event.
        rename: New names of properties, by old name.
        drop: Properties to remove.
        keep: The only properties to keep; empty: all.
        scrub: Names of properties to remove at any depth.
        flatten: Replace a property `a` that is an object by properties `a.b`.
        events: Names of the only events to import; all others are skipped. None: all.
        from_time: Skip events before this time: ISO 8601 with a time zone, or a day in `time_zone` or UTC.
        to_time: Skip events at or after this time.

    Raises:
        InvalidSettingError: Settings contradict each other, or a time format, time zone or type is invalid.

    Example:
        ```python
        mapping = RecordMapping(event="Signed Up", time_field="created", time_format="%d.%m.%Y", time_zone="UTC")
        ```
    """

    event: str | None = None
    event_field: str = "event"
    time_field: str = "time"
    time_format: str | None = None
    time_zone: str | None = None
    distinct_id_field: str = "distinct_id"
    distinct_id: str | None = None
    insert_id_field: str = "$insert_id"
    insert_id_hash: IdHash | None = None
    insert_id_fields: tuple[str, ...] = ()
    types: Mapping[str, CellType] = {}
    infer_types: bool = False
    decimal_comma: bool = False
    constants: Mapping[str, object] = {}
    rename: Mapping[str, str] = {}
    drop: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    scrub: frozenset[str] = frozenset()
    flatten: bool = False
    events: frozenset[str] | None = None
    from_time: str | None = None
    to_time: str | None = None

    def __post_init__(self) -> None:
        # Imported late: the client imports this module, and the zone database costs start-up time.
        if self.time_zone is not None:
            from mixpanel_async.jobs.mapping.timestamps import read_zone

            read_zone(self.time_zone)
        if self.time_format is not None:
            from mixpanel_async.jobs.mapping.timestamps import check_time_format

            check_time_format(self.time_format)
        if self.insert_id_hash not in {None, "content", "position"}:
            raise InvalidSettingError(
                f"insert_id_hash is invalid: {self.insert_id_hash!r} is unknown; choose content or position"
            )
        if self.insert_id_fields and self.insert_id_hash is None:
            raise InvalidSettingError("insert_id_fields is invalid: insert_id_hash is not set; set it as well")
        check_types(self.types, is_inferred=self.infer_types, has_decimal_comma=self.decimal_comma)
        if self.drop & self.keep:
            raise InvalidSettingError(
                f"drop is invalid: {min(self.drop & self.keep)!r} is also in keep; remove it from one of them"
            )
        self.time_range()
        if self.event == "":
            raise InvalidSettingError("event is invalid: the name is empty; give the event a name")

    def time_range(self) -> tuple[float, float]:
        """Return `from_time` and `to_time` in seconds since 1970.

        Raises:
            InvalidSettingError: A time is invalid, or `from_time` is not before `to_time`.
        """
        low = -math.inf if self.from_time is None else self._moment("from_time", self.from_time)
        high = math.inf if self.to_time is None else self._moment("to_time", self.to_time)
        if high <= low:
            raise InvalidSettingError(
                f"from_time is invalid: {self.from_time} is not before to_time {self.to_time}; choose an earlier time"
            )
        return low, high

    def _moment(self, name: str, text: str) -> float:
        from mixpanel_async.jobs.mapping.timestamps import read_zone

        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise InvalidSettingError(
                f"{name} is invalid: {text!r} is not an ISO 8601 time; use 2024-12-31 or 2024-12-31T23:59:59Z"
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=read_zone(self.time_zone or "UTC"))).timestamp()

    def fingerprint(self) -> str:
        """Return text that differs for different mappings."""
        fields = msgspec.to_builtins(self)
        if not self.decimal_comma:  # it came after 0.1.0, whose checkpoints stay valid
            del fields["decimal_comma"]
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()


class UpdateMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flat records (rows of a table) become profile updates; records that are updates already need no mapping.

    Attributes:
        id_field: Field that holds the user's distinct_id, or the group's ID.
        group_key: Group key, for example `company`; for groups only.
        operation: `$set` or `$set_once`.
        types: Declared types of fields: `string`, `int`, `float`, `number`, `bool`, or `json` for objects and lists;
            text that is none is rejected.
        infer_types: Convert text that looks like a number, true or false, if the field has no declared type.
        decimal_comma: Numbers are written as 1.234,56.

    Raises:
        InvalidSettingError: The operation or a type is unknown.

    Example:
        ```python
        mapping = UpdateMapping(id_field="email")
        report = await mp.import_profiles("profiles.csv", mapping=mapping)
        ```
    """

    id_field: str = "distinct_id"
    group_key: str | None = None
    operation: Literal["$set", "$set_once"] = "$set"
    types: Mapping[str, CellType] = {}
    infer_types: bool = False
    decimal_comma: bool = False

    def __post_init__(self) -> None:
        if self.operation not in _SET_OPERATIONS:
            raise InvalidSettingError(
                f"operation is invalid: {self.operation!r} is unknown; choose one of {', '.join(_SET_OPERATIONS)}"
            )
        check_types(self.types, is_inferred=self.infer_types, has_decimal_comma=self.decimal_comma)
