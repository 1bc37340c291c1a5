"""Profile and group operations, and the values each one takes."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.models import JSONValue

Update: TypeAlias = Mapping[str, JSONValue]


PROFILE_OPERATIONS: Final = frozenset(
    {"$set", "$set_once", "$add", "$append", "$union", "$remove", "$unset", "$delete"}
)


GROUP_OPERATIONS: Final = PROFILE_OPERATIONS - {"$add", "$append"}


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
