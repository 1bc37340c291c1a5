"""Configures how source fields become event fields or profile updates."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

import msgspec
import orjson

from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.jobs.mapping.coercion import CellType, check_types

_SET_OPERATIONS = ("$set", "$set_once")
IdHash: TypeAlias = Literal["content", "position"]
Vendor: TypeAlias = Literal["amplitude", "ga4", "heap", "mixpanel", "mparticle", "posthog", "segment", "snowplow"]
VENDORS: Final = get_args(Vendor)


_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "ambiguous": ("first", "second", "reject"),
    "placeholder_ids": ("report", "reject"),
    "insert_id": ("replace", "keep-valid"),
}
# Fields that came after 0.1.0: a mapping without them keeps its checkpoints.
_ADDED: Final[Mapping[str, object]] = {
    "decimal_comma": False,
    "ambiguous": "first",
    "shift_from_zone": None,
    "user_id_field": None,
    "device_id_field": None,
    "placeholder_ids": "report",
    "insert_id": "replace",
    "vendor": None,
}


class RecordMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flat records (CSV rows, or mappings without `properties`) become events.

    The fields for the event name, the time, the distinct_id and the $insert_id become event fields; all other fields
    become properties. Empty cells and nulls of tables are skipped.

    Attributes:
        vendor: Preset for the exports of a vendor: `amplitude`, `ga4`, `heap`, `mixpanel`, `mparticle`, `posthog`,
            `segment` or `snowplow`. The preset makes events of the vendor's records; `rename`, `drop` and the like then
            apply to these. Fields that you name for the event, the time or an ID replace those of the preset, and are
            paths in the vendor's record, such as `user_properties.email`.
        event: Name of every event; None: taken from `event_field`.
        event_field: Field that holds the event name.
        time_field: Field that holds the time.
        time_format: `s`, `ms`, `us`, `ns`, `iso`, `excel` (days since 1900) or a strptime format, or several of them,
            of which the first that fits is used; None: a number as Mixpanel accepts it, or ISO 8601, after which an
            offset or the name of a zone may stand.
        time_zone: IANA time zone for times that have none; without it, such a time is an error. A report says how many
            times did not need it.
        ambiguous: What a local time is that a change of clocks repeats or skips: the `"first"` or the `"second"` of the
            two (both counted in the report), or an error with `"reject"`.
        shift_from_zone: IANA time zone in which the numbers of the source count local seconds, as exports of projects
            made before 2023 do; they become Unix times.
        distinct_id_field: Field that holds the user ID; or several, of which the first with a value is used and which
            stay properties. An event with `$user_id` or `$device_id` needs no other ID (Simplified ID Merge).
        distinct_id: User ID of every event, "" for events without a user; None: taken from `distinct_id_field`.
        user_id_field: Field that becomes `$user_id`; it may have another role, too.
        device_id_field: Field that becomes `$device_id`; it may have another role, too.
        placeholder_ids: User IDs such as "None", "NaN" and blanks, which stand for a missing one: `"report"` counts
            them, `"reject"` rejects their records.
        insert_id_field: Field that holds the $insert_id.
        insert_id_hash: Make the $insert_id from a 128-bit hash: of the record's `"content"` (equal records are the
            same event), or of content and `"position"` in the source (equal records are different events). The record's
            own $insert_id is replaced.
        insert_id: With `insert_id_hash`: `"replace"` every $insert_id, or `"keep-valid"` ones and make only those that
            are missing or not allowed.
        insert_id_fields: Fields to hash; empty: all fields.
        types: Declared types of fields: `string`, `int`, `float`, `number`, `bool`, or `json` for objects and lists;
            other text is rejected.
        infer_types: Convert text that looks like a number, true or false, if the field has no declared type; "007"
            stays text.
        decimal_comma: Numbers are written as 1.234,56.
        constants: Properties to add to every event.
        rename: New names of properties, by old name.
        drop: Properties to remove.
        keep: The only properties to keep, besides those that say who the event is about; empty: all.
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

    vendor: Vendor | None = None
    event: str | None = None
    event_field: str = "event"
    time_field: str = "time"
    time_format: str | tuple[str, ...] | None = None
    time_zone: str | None = None
    ambiguous: Literal["first", "second", "reject"] = "first"
    shift_from_zone: str | None = None
    distinct_id_field: str | tuple[str, ...] = "distinct_id"
    distinct_id: str | None = None
    user_id_field: str | None = None
    device_id_field: str | None = None
    placeholder_ids: Literal["report", "reject"] = "report"
    insert_id_field: str = "$insert_id"
    insert_id_hash: IdHash | None = None
    insert_id: Literal["replace", "keep-valid"] = "replace"
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
        check_vendor(self.vendor)
        # Imported late: the client imports this module, and the zone database costs start-up time.
        if self.time_zone is not None:
            from mixpanel_async.jobs.mapping.timestamps import read_zone

            read_zone(self.time_zone)
        if self.shift_from_zone is not None:
            from mixpanel_async.jobs.mapping.timestamps import read_zone

            read_zone(self.shift_from_zone, "shift_from_zone")
        if self.time_format is not None:
            from mixpanel_async.jobs.mapping.timestamps import check_time_format

            formats = self.time_format if isinstance(self.time_format, tuple | list) else (self.time_format,)
            for time_format in formats:
                check_time_format(time_format)
        self._check_setting_values()
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

    def _check_setting_values(self) -> None:
        for name in _CHOICES:
            check_setting_value(name, getattr(self, name))
        if self.insert_id_hash not in {None, "content", "position"}:
            raise InvalidSettingError(
                f"insert_id_hash is invalid: {self.insert_id_hash!r} is unknown; choose content or position"
            )
        if self.insert_id == "keep-valid" and self.insert_id_hash is None:
            raise InvalidSettingError("insert_id is invalid: insert_id_hash is not set; set it as well")
        renamed = sorted(self.rename.keys() & self.roles())
        if renamed:
            raise InvalidSettingError(
                f"rename is invalid: {renamed[0]!r} becomes a field of the event, not a property; choose another "
                "field for that, or use user_id_field or device_id_field"
            )

    def distinct_id_fields(self) -> tuple[str, ...]:
        """Return the fields that may hold the user ID, in their order."""
        return (self.distinct_id_field,) if isinstance(self.distinct_id_field, str) else tuple(self.distinct_id_field)

    def roles(self) -> frozenset[str]:
        """Return the columns that become fields of the event, and so are not properties."""
        roles = {self.time_field, self.insert_id_field}
        if self.event is None:
            roles.add(self.event_field)
        ids = self.distinct_id_fields()
        if self.distinct_id is None and len(ids) == 1:
            roles.add(ids[0])
        return frozenset(roles | {name for name in (self.user_id_field, self.device_id_field) if name is not None})

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
        fields = msgspec.to_builtins(self, order="deterministic")  # the order of a set differs from run to run
        for name, default in _ADDED.items():
            if getattr(self, name) == default:
                del fields[name]
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()


def check_setting_value(name: str, value: object) -> None:
    """Check a setting that has a few values.

    Raises:
        InvalidSettingError: `value` is not one of them.
    """
    choices = _CHOICES[name]
    if value not in choices:
        raise InvalidSettingError(f"{name} is invalid: {value!r} is unknown; choose {' or '.join(choices)}")


def check_vendor(vendor: object) -> None:
    """Check that there is a preset for a vendor.

    Raises:
        InvalidSettingError: There is no such preset.
    """
    if vendor is not None and vendor not in VENDORS:
        raise InvalidSettingError(f"vendor is invalid: {vendor!r} is unknown; choose one of {', '.join(VENDORS)}")


class UpdateMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How flat records (rows of a table) become profile updates; records that are updates already need no mapping.

    Attributes:
        vendor: Preset for the exports of a vendor, as in `RecordMapping`, which finds the properties of users in the
            vendor's records; for users only. With it, `id_field` is a path in the vendor's record.
        id_field: Field that holds the user's distinct_id, or the group's ID.
        group_key: Group key, for example `company`; for groups only.
        operation: `$set` or `$set_once`.
        placeholder_ids: IDs such as "None", "NULL" or blanks: `report` counts them, `reject` rejects the record.
        types: Declared types of fields: `string`, `int`, `float`, `number`, `bool`, or `json` for objects and lists;
            other text is rejected.
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

    vendor: Vendor | None = None
    id_field: str = "distinct_id"
    group_key: str | None = None
    operation: Literal["$set", "$set_once"] = "$set"
    placeholder_ids: Literal["report", "reject"] = "report"
    types: Mapping[str, CellType] = {}
    infer_types: bool = False
    decimal_comma: bool = False

    def __post_init__(self) -> None:
        check_vendor(self.vendor)
        if self.operation not in _SET_OPERATIONS:
            raise InvalidSettingError(
                f"operation is invalid: {self.operation!r} is unknown; choose one of {', '.join(_SET_OPERATIONS)}"
            )
        check_setting_value("placeholder_ids", self.placeholder_ids)
        check_types(self.types, is_inferred=self.infer_types, has_decimal_comma=self.decimal_comma)

    def fingerprint(self) -> str:
        """Return text that differs for different mappings."""
        # Settings added after 0.1.0 are omitted where they have no effect, so that its checkpoints stay valid.
        late = {"vendor": None, "decimal_comma": False, "placeholder_ids": "report"}
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        shown = [f"{name}={value!r}" for name, value in fields.items() if name not in late or value != late[name]]
        return f"UpdateMapping({', '.join(shown)})"
