"""Options that map the columns of a table to event fields."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, cast

import msgspec
import typer

from mixpanel_async import RecordMapping, UpdateMapping
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.mapping.config import VENDORS

_PANEL = "Column mapping"
_Text: TypeAlias = str | None
_Texts: TypeAlias = list[str] | None


def _option(name: str, words: str) -> object:
    return typer.Option(name, help=words, rich_help_panel=_PANEL)


_IdField: TypeAlias = Annotated[_Text, _option("--id-field", "Column of the ID (default: distinct_id).")]
_Operation: TypeAlias = Annotated[_Text, _option("--operation", "$set (default) or $set_once.")]
_Infer: TypeAlias = Annotated[bool, _option("--infer-types", "Convert cells that look like numbers or booleans.")]
_Types: TypeAlias = Annotated[
    _Texts,
    _option(
        "--type",
        "COLUMN=TYPE, one of string, int, float, number, bool, json; other cells are rejected; repeatable.",
    ),
]
_DecimalComma: TypeAlias = Annotated[bool, _option("--decimal-comma", "Numbers are written as 1.234,56.")]
_PlaceholderIds: TypeAlias = Annotated[
    _Text, _option("--placeholder-ids", 'IDs such as "None" or blanks: report (default) or reject.')
]
_From: TypeAlias = Annotated[_Text, _option("--from", f"Preset for the exports of a vendor: {', '.join(VENDORS)}.")]


def mapping_options(
    *,
    vendor: _From = None,
    event: Annotated[_Text, _option("--event", "Name of every event.")] = None,
    event_field: Annotated[_Text, _option("--event-field", "Column of the event name (default: event).")] = None,
    time_field: Annotated[_Text, _option("--time-field", "Column of the time (default: time).")] = None,
    time_format: Annotated[
        _Texts, _option("--time-format", "s, ms, us, ns, iso, excel, or a format such as %d.%m.%Y; repeatable.")
    ] = None,
    time_zone: Annotated[_Text, _option("--time-zone", "Zone of times that have none, e.g. Europe/Berlin.")] = None,
    ambiguous: Annotated[
        _Text, _option("--ambiguous", "Local times that clocks repeat or skip: first (default), second or reject.")
    ] = None,
    shift_from_zone: Annotated[
        _Text,
        _option("--shift-from-zone", "Zone in which numbers count local seconds, as in exports before 2023."),
    ] = None,
    distinct_id_field: Annotated[
        _Text,
        _option("--distinct-id-field", "Column of the user ID (default: distinct_id); A,B: the first with a value."),
    ] = None,
    user_id_field: Annotated[_Text, _option("--user-id-field", "Column that becomes $user_id.")] = None,
    device_id_field: Annotated[_Text, _option("--device-id-field", "Column that becomes $device_id.")] = None,
    placeholder_ids: _PlaceholderIds = None,
    distinct_id: Annotated[
        _Text, _option("--distinct-id", 'User ID of every event; "" for events without a user.')
    ] = None,
    insert_id_field: Annotated[
        _Text, _option("--insert-id-field", "Column of the $insert_id (default: $insert_id).")
    ] = None,
    insert_id_hash: Annotated[
        _Text,
        _option(
            "--insert-id-hash",
            "Make the $insert_id from a hash: of the content (equal records are the same event), or of content and "
            "position (equal records are different events).",
        ),
    ] = None,
    insert_id: Annotated[
        _Text, _option("--insert-id", "With --insert-id-hash: replace every $insert_id (default), or keep-valid ones.")
    ] = None,
    hash_field: Annotated[_Texts, _option("--hash-field", "Hash only this column; repeatable.")] = None,
    infer_types: _Infer = False,
    types: _Types = None,
    decimal_comma: _DecimalComma = False,
    constants: Annotated[_Texts, _option("--set", "Add property NAME=VALUE to every event; repeatable.")] = None,
    rename: Annotated[_Texts, _option("--rename", "Rename a property: OLD=NEW; repeatable.")] = None,
    drop: Annotated[_Texts, _option("--drop", "Remove this property; repeatable.")] = None,
    keep: Annotated[_Texts, _option("--keep", "Keep only this property; repeatable.")] = None,
    scrub: Annotated[_Texts, _option("--scrub", "Remove this property at any depth; repeatable.")] = None,
    flatten: Annotated[bool, _option("--flatten", "Flatten nested objects to dotted names (a.b).")] = False,
    events: Annotated[_Texts, _option("--only-event", "Import only this event; repeatable.")] = None,
    from_time: Annotated[_Text, _option("--from-time", "Skip events before this time, e.g. 2024-12-31T23:59Z.")] = None,
    to_time: Annotated[_Text, _option("--to-time", "Skip events at or after this time.")] = None,
) -> RecordMapping | None:
    """Return the mapping, or None if no mapping option is given."""
    given: dict[str, object] = {
        "vendor": _known(vendor),
        "event": event,
        "event_field": event_field,
        "time_field": time_field,
        "time_format": _one_or_several(time_format),
        "time_zone": time_zone,
        "ambiguous": ambiguous,
        "shift_from_zone": shift_from_zone,
        "distinct_id_field": _one_or_several(distinct_id_field.split(",") if distinct_id_field else None),
        "user_id_field": user_id_field,
        "device_id_field": device_id_field,
        "placeholder_ids": placeholder_ids,
        "distinct_id": distinct_id,
        "insert_id_field": insert_id_field,
        "insert_id_hash": insert_id_hash,
        "insert_id": insert_id,
        "insert_id_fields": tuple(hash_field or ()) or None,
        "infer_types": infer_types or None,
        "types": read_pairs("--type", types),
        "decimal_comma": decimal_comma or None,
        "constants": read_pairs("--set", constants),
        "rename": read_pairs("--rename", rename),
        "drop": frozenset(drop or ()) or None,
        "keep": frozenset(keep or ()) or None,
        "scrub": frozenset(scrub or ()) or None,
        "flatten": flatten or None,
        "events": frozenset(events or ()) or None,
        "from_time": from_time,
        "to_time": to_time,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    # The options have the names and types of the mapping's fields; its constructor checks their values.
    return RecordMapping(**cast("dict[str, str]", fields)) if fields else None  # type: ignore[arg-type]


def _one_or_several(texts: Sequence[str] | None) -> str | tuple[str, ...] | None:
    if not texts:
        return None
    return texts[0] if len(texts) == 1 else tuple(texts)


def profile_options(
    *,
    vendor: _From = None,
    id_field: _IdField = None,
    placeholder_ids: _PlaceholderIds = None,
    operation: _Operation = None,
    infer_types: _Infer = False,
    types: _Types = None,
    decimal_comma: _DecimalComma = False,
) -> UpdateMapping:
    """Return the mapping of rows, or of a vendor's records, to updates of user profiles."""
    mapping = update_options(
        id_field=id_field,
        placeholder_ids=placeholder_ids,
        operation=operation,
        infer_types=infer_types,
        types=types,
        decimal_comma=decimal_comma,
    )
    return msgspec.structs.replace(mapping, vendor=_known(vendor))


def update_options(
    *,
    id_field: _IdField = None,
    placeholder_ids: _PlaceholderIds = None,
    operation: _Operation = None,
    infer_types: _Infer = False,
    types: _Types = None,
    decimal_comma: _DecimalComma = False,
) -> UpdateMapping:
    """Return the mapping of rows to profile updates."""
    given = {
        "id_field": id_field,
        "placeholder_ids": placeholder_ids,
        "operation": operation,
        "infer_types": infer_types or None,
        "types": read_pairs("--type", types),
        "decimal_comma": decimal_comma or None,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    return UpdateMapping(**cast("dict[str, str]", fields))  # type: ignore[arg-type]


def _known(vendor: str | None) -> str | None:
    """Return the name of a preset.

    Raises:
        InvalidArgumentError: There is no such preset.
    """
    if vendor is not None and vendor not in VENDORS:
        raise InvalidArgumentError(f"--from is invalid: {vendor!r} is unknown; choose one of {', '.join(VENDORS)}")
    return vendor


def read_pairs(name: str, texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return texts such as NAME=VALUE as a mapping, or None if there are no texts.

    Raises:
        InvalidArgumentError: A text has no equals sign.
    """
    pairs = {}
    for text in texts or ():
        left, equals, right = text.partition("=")
        if not equals or not left:
            raise InvalidArgumentError(f"{name} is invalid: {text!r} has no name or no equals sign; use NAME=VALUE")
        pairs[left] = right
    return pairs or None
