"""Values of typed interfaces: attributes of a context, and the value of a flag as a certain type."""

import datetime as dt
from collections.abc import Mapping, Sequence

from mixpanel_async.json_types import JSONValue


def plain_attribute(value: object) -> JSONValue:
    """Return an attribute as rules know it: lists, objects, and times as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain_attribute(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [plain_attribute(one) for one in value]
    return value


def as_type(value: object, wanted: type) -> object:
    """Return a value as the type that was asked for.

    Raises:
        TypeError: It is of another type.
        OverflowError: It is too large for a float.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is object and isinstance(value, dict | list):
        return value
    if wanted is float and is_number and isinstance(value, int | float):
        return float(value)
    if wanted is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if (wanted is int and not is_number) or wanted in {float, object} or not isinstance(value, wanted):
        raise TypeError(f"the value of the flag is no {wanted.__name__}: {type(value).__name__}")
    return value
