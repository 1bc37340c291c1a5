"""Options that say how the columns of a table become events."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias, cast

import typer

from mixpanel_async import RecordMapping, UpdateMapping
from mixpanel_async.errors import InvalidSettingError

_PANEL = "From columns to events"
_Text: TypeAlias = str | None
_Texts: TypeAlias = list[str] | None


def _option(name: str, words: str) -> object:
    return typer.Option(name, help=words, rich_help_panel=_PANEL)


def mapping_options(
    *,
    event: Annotated[_Text, _option("--event", "Name of every event.")] = None,
    event_field: Annotated[_Text, _option("--event-field", "Column with the event's name; without it event.")] = None,
    time_field: Annotated[_Text, _option("--time-field", "Column with the time; without it time.")] = None,
    time_format: Annotated[_Text, _option("--time-format", "s, ms, us, iso, or a form such as %d.%m.%Y %H:%M.")] = None,
    time_zone: Annotated[_Text, _option("--time-zone", "Zone of times without one: UTC, Europe/Berlin, ...")] = None,
    distinct_id_field: Annotated[
        _Text, _option("--distinct-id-field", "Column with the user's id; without it distinct_id.")
    ] = None,
    distinct_id: Annotated[_Text, _option("--distinct-id", 'Id of every event; "" for nobody.')] = None,
    insert_id_field: Annotated[
        _Text, _option("--insert-id-field", "Column with the $insert_id; without it $insert_id.")
    ] = None,
    insert_id_hash: Annotated[
        _Text,
        _option(
            "--insert-id-hash",
            "Make the $insert_id from a hash of the record: content (equal records are one event), or position (of "
            "content and place in the file: equal records are different events).",
        ),
    ] = None,
    hash_field: Annotated[_Texts, _option("--hash-field", "Hash this column, not all; repeatable.")] = None,
    infer_types: Annotated[
        bool, _option("--infer-types", "Read cells like 12, 1.5 and true as what they are.")
    ] = False,
    types: Annotated[
        _Texts,
        _option("--type", "COLUMN=TYPE: string, int, float, number or bool; other cells are refused; repeatable."),
    ] = None,
    constants: Annotated[_Texts, _option("--set", "NAME=VALUE, a property of every event; repeatable.")] = None,
    rename: Annotated[_Texts, _option("--rename", "OLD=NEW; repeatable.")] = None,
    drop: Annotated[_Texts, _option("--drop", "Leave this column out; repeatable.")] = None,
    keep: Annotated[_Texts, _option("--keep", "Keep this column, and others only if named so; repeatable.")] = None,
    scrub: Annotated[_Texts, _option("--scrub", "Take this name out at whatever depth; repeatable.")] = None,
    flatten: Annotated[bool, _option("--flatten", "Make a.b of an object a that has b.")] = False,
    events: Annotated[_Texts, _option("--only-event", "Skip other events; repeatable.")] = None,
    from_time: Annotated[_Text, _option("--from-time", "Skip events before: 2024-12-31, 2024-12-31T23:59Z.")] = None,
    to_time: Annotated[_Text, _option("--to-time", "Skip events from this moment on.")] = None,
) -> RecordMapping | None:
    """Return the mapping that options describe, or None if there is none among them."""
    given: dict[str, object] = {
        "event": event,
        "event_field": event_field,
        "time_field": time_field,
        "time_format": time_format,
        "time_zone": time_zone,
        "distinct_id_field": distinct_id_field,
        "distinct_id": distinct_id,
        "insert_id_field": insert_id_field,
        "insert_id_hash": insert_id_hash,
        "insert_id_fields": tuple(hash_field or ()) or None,
        "infer_types": infer_types or None,
        "types": read_pairs("--type", types),
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
    # The options' names and types are the mapping's own; its constructor checks what they hold.
    return RecordMapping(**cast("dict[str, str]", fields)) if fields else None  # type: ignore[arg-type]


def update_options(
    *,
    id_field: Annotated[_Text, _option("--id-field", "Column with the id; without it distinct_id.")] = None,
    operation: Annotated[_Text, _option("--operation", "$set (unless given) or $set_once.")] = None,
    infer_types: Annotated[
        bool, _option("--infer-types", "Read cells like 12, 1.5 and true as what they are.")
    ] = False,
    types: Annotated[
        _Texts,
        _option("--type", "COLUMN=TYPE: string, int, float, number or bool; other cells are refused; repeatable."),
    ] = None,
) -> UpdateMapping:
    """Return how options say that rows become updates of profiles."""
    given = {
        "id_field": id_field,
        "operation": operation,
        "infer_types": infer_types or None,
        "types": read_pairs("--type", types),
    }
    fields = {name: value for name, value in given.items() if value is not None}
    return UpdateMapping(**cast("dict[str, str]", fields))  # type: ignore[arg-type]


def read_pairs(name: str, texts: Sequence[str] | None) -> dict[str, str] | None:
    """Return texts such as NAME=VALUE as a mapping, or None if there are none.

    Raises:
        InvalidSettingError: One has no equals sign.
    """
    pairs = {}
    for text in texts or ():
        left, equals, right = text.partition("=")
        if not equals or not left:
            raise InvalidSettingError(f"{name} {text!r} must look like NAME=VALUE")
        pairs[left] = right
    return pairs or None
