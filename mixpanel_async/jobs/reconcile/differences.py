"""Compares two events value by value, as far as Mixpanel keeps values as they are."""

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final

from mixpanel_async import limits
from mixpanel_async.jobs.reconcile.record import OWN_PROPERTIES, EventRecord, text_of
from mixpanel_async.jobs.reconcile.report import DifferingValues
from mixpanel_async.json_types import JSONValue

_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - in the time zone of the comparison


def user_ids(properties: Mapping[str, JSONValue]) -> AbstractSet[str]:
    """Return every ID that an event has of its user: merging IDs makes one of them the distinct_id."""
    names = ("distinct_id", "$distinct_id_before_identity", "$user_id", "$device_id")
    ids = {text_of(properties.get(name)).removeprefix("$device:") for name in names}
    return ids - {""}


def is_added(name: str) -> bool:
    """Return whether a property that only the export has may come from Mixpanel."""
    return name.startswith(("$", "mp_"))


def differences(
    source: EventRecord, export: EventRecord, ignored: AbstractSet[str] = frozenset()
) -> dict[str, DifferingValues]:
    """Return the properties that differ by more than Mixpanel changes by itself, each with its two values.

    Args:
        source: The event of the source.
        export: The event of the export.
        ignored: Names of properties that are not compared.
    """
    found: dict[str, DifferingValues] = {}
    if source.time_ms != export.time_ms and source.time_ms - source.time_ms % 1000 != export.time_ms:
        found["time"] = DifferingValues(_moment(source.time_ms), _moment(export.time_ms))
    if source.distinct_id != export.distinct_id and user_ids(source.properties).isdisjoint(user_ids(export.properties)):
        found["distinct_id"] = DifferingValues(source.distinct_id, export.distinct_id)
    ours, theirs = source.properties, export.properties
    for name in (*ours, *(name for name in theirs if name not in ours)):
        if name in OWN_PROPERTIES or name in ignored:
            continue
        one, other = ours.get(name), theirs.get(name)
        is_own = (one is None and is_added(name)) or (name == "ip" and other is None)
        if not is_own and not is_same(one, other):
            found[name] = DifferingValues(one, other)
    return found


def is_same(source: JSONValue, export: JSONValue) -> bool:
    """Return whether an exported value is the value of the source, as far as Mixpanel keeps values as they are."""
    if isinstance(source, bool) or isinstance(export, bool):
        return source is export
    if isinstance(source, int | float | Decimal) and isinstance(export, int | float | Decimal):
        return source == export or _as_float(source) == _as_float(export)
    if isinstance(source, str) and isinstance(export, str):
        return source == export or _is_cut(source, export)
    if isinstance(source, Sequence) and isinstance(export, Sequence) and not isinstance(source, str):
        return not isinstance(export, str) and len(source) == len(export) and all(map(is_same, source, export))
    if isinstance(source, Mapping) and isinstance(export, Mapping):
        return all(is_same(source.get(name), export.get(name)) for name in {**source, **export})
    return bool(source == export)


def _moment(time_ms: int) -> str:
    """Return a time as text; both sides may have it in different units."""
    seconds, milli = divmod(time_ms, 1000)
    return f"{(_EPOCH + dt.timedelta(seconds=seconds)).isoformat()}{f'.{milli:03}' if milli else ''}"


def _as_float(number: float | Decimal) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _is_cut(source: str, export: str) -> bool:
    """Return whether text was cut at 255 characters, UTF-16 units or bytes."""
    kept = export.rstrip("\ufffd")
    return (
        len(source) > len(kept)
        and len(kept.encode("utf-8", "surrogatepass")) >= limits.MAX_STRING_CHARACTERS - 3
        and source.startswith(kept)
    )
