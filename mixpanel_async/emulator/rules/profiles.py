"""Mixpanel's rules for one update of a user or group profile, and what each operation does."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from mixpanel_async import limits
from mixpanel_async.emulator.rules.events import MAX_LEVELS, Flaw, oversize, time_milliseconds

Owner = Literal["user", "group"]
StoredProperties = dict[str, Any]

_USER_OPERATIONS = frozenset({"$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"})
_LEAST_WHOLE, _MOST_WHOLE = -(2**63), 2**64 - 1
_MAX_TIME = 253_402_300_799_000  # the last second of the year 9999, in milliseconds
_GROUP_OPERATIONS = _USER_OPERATIONS - {"$add", "$append"}


def check_operations(record: object, owner: Owner) -> Flaw | None:
    """Return the first flaw of a record of /engage or /groups, given as decoded JSON; None if there is none."""
    if not isinstance(record, dict):
        return Flaw("", "the record is invalid: must be a JSON object")
    if not isinstance(record.get("$token"), str) or not record["$token"]:
        return Flaw("$token", "'$token' is invalid: must be the project's token")
    for name in ("$distinct_id",) if owner == "user" else ("$group_key", "$group_id"):
        value = record.get(name)
        if not isinstance(value, str) or not value or (owner == "user" and value in limits.FORBIDDEN_IDS):
            return Flaw(name, f"'{name}' is invalid: the value is not allowed")
    flaw = oversize(record, limits.MAX_PROFILE_BYTES)
    if flaw is not None:
        return flaw
    known = _USER_OPERATIONS if owner == "user" else _GROUP_OPERATIONS
    asked = [name for name in record if name in _USER_OPERATIONS]
    if len(asked) != 1 or asked[0] not in known:
        return Flaw("", f"the record is invalid: must have one of {', '.join(sorted(known))}")
    return _check_operand(asked[0], record[asked[0]])


def profile_of(record: Mapping[str, Any], owner: Owner) -> tuple[str, str]:
    """Return the kind ("" for a user, else the group key) and ID of the profile that a valid record updates."""
    return ("", record["$distinct_id"]) if owner == "user" else (record["$group_key"], record["$group_id"])


def seen_ms(record: Mapping[str, Any], arrival_ms: int) -> int | None:
    """Return when the user of a valid update was seen: `$time`, else the arrival; None with `$ignore_time`."""
    if record.get("$ignore_time") in (True, "true"):  # a tuple, because the value may be a list
        return None
    time = record.get("$time")
    if isinstance(time, int | float) and not isinstance(time, bool) and 0 < time <= _MAX_TIME:
        return time_milliseconds(time)
    return arrival_ms


def updated(properties: StoredProperties | None, record: Mapping[str, Any]) -> StoredProperties | None:
    """Return the properties of a profile after a valid update; None if the profile does not exist before or after.

    `properties` is not changed.
    """
    operation = next(name for name in record if name in _USER_OPERATIONS)
    operand = record[operation]
    if operation == "$delete":
        return None
    current = dict(properties or {})
    appliers: dict[str, Callable[[StoredProperties, Any], None]] = {
        "$set": _set,
        "$set_once": _set_once,
        "$add": _add,
        "$append": _append,
        "$union": _union,
        "$remove": _remove,
        "$unset": _unset,
    }
    appliers[operation](current, operand)
    return current


def _check_operand(operation: str, operand: object) -> Flaw | None:
    wrong: str | None = None
    match operation:
        case "$delete":
            return None
        case "$unset":
            if not isinstance(operand, list) or not all(isinstance(name, str) for name in operand):
                wrong = "must be an array of property names"
        case _ if not isinstance(operand, dict):
            wrong = "must be a JSON object"
        case "$add":
            if not all(_is_number(value) for value in operand.values()):
                wrong = "the values must be numbers"
        case "$union":
            if not all(isinstance(value, list) for value in operand.values()):
                wrong = "the values must be arrays"
    if wrong is None and _is_too_deep(operand):
        wrong = f"a value is nested more than {MAX_LEVELS} deep"
    return None if wrong is None else Flaw(operation, f"'{operation}' is invalid: {wrong}")


def _is_too_deep(value: object) -> bool:
    """Return whether a value is nested deeper than a reply can show it; it does not recurse."""
    stack = [(value, 0)]
    while stack:
        container, level = stack.pop()
        if level > MAX_LEVELS:
            return True
        inner = container.values() if isinstance(container, dict) else container
        if isinstance(inner, Iterable) and not isinstance(inner, str):
            stack.extend((one, level + 1) for one in inner if isinstance(one, dict | list))
    return False


def _set(current: StoredProperties, operand: StoredProperties) -> None:
    current.update(operand)


def _set_once(current: StoredProperties, operand: StoredProperties) -> None:
    for name, value in operand.items():
        current.setdefault(name, value)


def _add(current: StoredProperties, operand: StoredProperties) -> None:
    for name, value in operand.items():
        before = current.get(name, 0)
        # A property that is not a number does not change.
        if _is_number(before):
            current[name] = _sum(before, value)


def _sum(first: float, second: float) -> float:
    """Return a sum that JSON can have: a whole number is a double beyond 64 bits; without a finite sum, the first."""
    total = first + second
    if isinstance(total, int):
        return total if _LEAST_WHOLE <= total <= _MOST_WHOLE else float(total)
    return total if math.isfinite(total) else first


def _append(current: StoredProperties, operand: StoredProperties) -> None:
    for name, value in operand.items():
        before = current.get(name, [])
        if isinstance(before, list):
            current[name] = [*before, value]


def _union(current: StoredProperties, operand: StoredProperties) -> None:
    for name, values in operand.items():
        before = current.get(name, [])
        if isinstance(before, list):
            merged = list(before)
            for value in values:
                if not _is_in(value, merged):
                    merged.append(value)
            current[name] = merged


def _remove(current: StoredProperties, operand: StoredProperties) -> None:
    for name, value in operand.items():
        before = current.get(name)
        if isinstance(before, list):
            current[name] = [one for one in before if not _is_same(one, value)]


def _unset(current: StoredProperties, operand: list[str]) -> None:
    for name in operand:
        current.pop(name, None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_in(value: object, values: list[Any]) -> bool:
    return any(_is_same(value, one) for one in values)


def _is_same(first: object, second: object) -> bool:
    # In JSON true is not 1, though Python finds them equal.
    return first == second and isinstance(first, bool) == isinstance(second, bool)
