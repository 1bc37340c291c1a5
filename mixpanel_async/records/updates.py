"""Updates of profiles and groups: their operations, the values each one takes, their JSON."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError, RecordTooLargeError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.records.json_writer import encode_json
from mixpanel_async.records.values import ValueConverter

Update: TypeAlias = Mapping[str, JSONValue]


PROFILE_OPERATIONS: Final = frozenset(
    {"$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"}
)


GROUP_OPERATIONS: Final = PROFILE_OPERATIONS - {"$add", "$append"}


# Operations that change the result when applied twice.
UNSAFE_OPERATIONS: Final = frozenset({"$add", "$append", "$union", "$remove"})


def check_update(update: Update, operations: frozenset[str], numbers: tuple[type, ...] = (int, float)) -> None:
    """Check the operations of one update.

    Args:
        update: The update.
        operations: The operations that exist.
        numbers: The types of a number.

    Raises:
        InvalidRecordError: The update has no operation, or an operation has a value of the wrong type.
    """
    found = [name for name in update if name in operations]
    if not found:
        raise InvalidRecordError(f"the update has no operation; use one of {', '.join(sorted(operations))}")
    for name in found:
        _check_operation(name, update[name], numbers)


def _check_operation(name: str, value: JSONValue, numbers: tuple[type, ...]) -> None:
    if name == "$delete":
        return
    if name == "$unset":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidRecordError("must be a list of property names", field=name)
        return
    if not isinstance(value, Mapping):
        raise InvalidRecordError("must map property names to values", field=name)
    for key, one in value.items():
        if name == "$add" and (isinstance(one, bool) or not isinstance(one, numbers)):
            raise InvalidRecordError(f"a {type(one).__name__} is not a number", field=f"$add.{key}")
        if name == "$union" and (isinstance(one, str) or not isinstance(one, Sequence)):
            raise InvalidRecordError("must be a list of values", field=f"$union.{key}")


def encode_update(
    update: Mapping[str, JSONValue], operations: frozenset[str], max_bytes: int, values: ValueConverter
) -> bytes:
    """Return an update of a profile or group as bytes.

    Args:
        update: With its token and the profile's id.
        operations: Those that the endpoint has.
        max_bytes: Most bytes of one update.
        values: Converts what JSON does not have.

    Raises:
        CannotEncodeError: A value cannot be written as JSON.
        InvalidRecordError: An operation has a value of the wrong type.
        RecordTooLargeError: The update is over the limit.
    """
    try:
        check_update(update, operations, values.numbers)
        part = encode_json(update, "update", values)
    except InvalidRecordError:  # a set for $union or a Decimal for $add may become the right type
        converted = values.convert_mapping(update, "update")
        check_update(converted, operations, values.numbers)
        part = encode_json(converted, "update", values)
    limit = min(max_bytes, limits.MAX_PROFILE_BYTES)
    if len(part) > limit:
        raise RecordTooLargeError(size=len(part), limit=limit)
    return part


def is_unsafe(update: Mapping[str, JSONValue]) -> bool:
    """Return whether applying an update twice differs from applying it once."""
    return not UNSAFE_OPERATIONS.isdisjoint(update)
