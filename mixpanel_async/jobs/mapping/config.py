"""How the fields of source records become events: what the caller says, checked, and nothing that he does not say."""

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

    A field that has a role (event, time, distinct_id, $insert_id) is no property as well; all others are. Empty CSV
    cells and nulls are left out.

    Attributes:
        event: Name of every event; None: `event_field` tells.
        event_field: Field that holds the event's name.
        time_field: Field that holds the time.
        time_format: `s`, `ms`, `us`, `iso` or a strptime format; None: a number as Mixpanel takes it, or ISO 8601.
        time_zone: IANA zone of times that do not carry one; without it such a time is an error.
        distinct_id_field: Field that holds the user's id.
        distinct_id: Id of every event, for example "" for nobody's, where no field tells.
        insert_id_field: Field that holds $insert_id.
        insert_id_hash: Make $insert_id from a 128-bit hash: of the record's `"content"`, where equal records are the
            same event, or of content and `"position"` in the source, where they are different events.
        insert_id_fields: Fields that are hashed; none: all of them.
        types: Type of some fields of text: `string`, `int`, `float`, `number`, `bool`; a cell that is none is refused.
        infer_types: Read cells without a type that look like a number, true or false as such; "007" stays text.
        constants: Properties that every event gets.
        rename: New names of properties.
        drop: Properties left out.
        keep: The only properties that are kept; none: all.
        scrub: Names that are taken out of properties at whatever depth.
        flatten: Make properties `a.b` of a property `a` that is an object.
        events: The only events that are imported, by name; the others are skipped. None: all.
        from_time: Events before this moment are skipped: ISO 8601 with its zone, or a day in `time_zone` or UTC.
        to_time: Events from this moment on are skipped.

    Raises:
        InvalidSettingError: Two of them contradict each other, or a zone or type is unknown.
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
        if self.time_zone is not None:
            from mixpanel_async.jobs.mapping.timestamps import read_zone

            read_zone(self.time_zone)
        if self.insert_id_hash not in {None, "content", "position"}:
            raise InvalidSettingError(f"insert_id_hash is {self.insert_id_hash!r}; choose content or position")
        if self.insert_id_fields and self.insert_id_hash is None:
            raise InvalidSettingError("insert_id_fields says what to hash; set insert_id_hash as well")
        check_types(self.types)
        if self.drop & self.keep:
            raise InvalidSettingError(f"{min(self.drop & self.keep)!r} is in both drop and keep")
        self.time_range()
        if self.event == "":
            raise InvalidSettingError("event is empty; give the event a name")

    def time_range(self) -> tuple[float, float]:
        """Return the seconds since 1970 between which events are imported.

        Raises:
            InvalidSettingError: A moment cannot be read, or they are the wrong way round.
        """
        low = -math.inf if self.from_time is None else self._moment("from_time", self.from_time)
        high = math.inf if self.to_time is None else self._moment("to_time", self.to_time)
        if high <= low:
            raise InvalidSettingError(f"from_time {self.from_time} is not before to_time {self.to_time}")
        return low, high

    def _moment(self, name: str, text: str) -> float:
        from mixpanel_async.jobs.mapping.timestamps import read_zone

        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise InvalidSettingError(f"{name} {text!r} must look like 2024-12-31 or 2024-12-31T23:59:59Z") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=read_zone(self.time_zone or "UTC"))).timestamp()

    def fingerprint(self) -> str:
        """Return what changes when the mapping does."""
        return orjson.dumps(msgspec.to_builtins(self), option=orjson.OPT_SORT_KEYS).decode()


class UpdateMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flat records (rows of a table) become updates of profiles; records that are updates already need none.

    Attributes:
        id_field: Field that holds the user's distinct_id, or the group's id.
        group_key: The groups' kind, for example `company`; only for groups.
        operation: `$set` or `$set_once`.
        types: Type of some fields of text: `string`, `int`, `float`, `number`, `bool`; a cell that is none is refused.
        infer_types: Read cells without a type that look like a number, true or false as such.

    Raises:
        InvalidSettingError: The operation or a type is unknown.
    """

    id_field: str = "distinct_id"
    group_key: str | None = None
    operation: Literal["$set", "$set_once"] = "$set"
    types: Mapping[str, CellType] = {}
    infer_types: bool = False

    def __post_init__(self) -> None:
        if self.operation not in _SET_OPERATIONS:
            raise InvalidSettingError(f"operation is {self.operation!r}; choose one of {', '.join(_SET_OPERATIONS)}")
        check_types(self.types)
