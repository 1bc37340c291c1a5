"""Numbers that do not fit into a float or 64 bits, read and written with all their digits."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import orjson

_SURE_CHARACTERS: Final = 16  # a float holds any 15 digits, and one character is the point
_MAX_PLAIN_EXPONENT: Final = 40  # beyond it, a number is written with an exponent


def read_decimal(text: str) -> float | Decimal:
    """Return a decimal number as a float if the float has the same value, else as a Decimal.

    Args:
        text: The number as JSON has it.

    Raises:
        ValueError: Its absolute value is larger than any float's, or its exponent is absurd.
    """
    found = float(text)
    if len(text) <= _SURE_CHARACTERS and "e" not in text and "E" not in text:
        return found
    if not abs(found) < math.inf:
        raise ValueError(f"{text[:_SURE_CHARACTERS]}... is too large for a float")
    try:
        exact = Decimal(text)
    except InvalidOperation:  # an exponent that even a Decimal cannot have
        raise ValueError(f"{text[:_SURE_CHARACTERS]}... has too many digits") from None
    return found if exact == Decimal(repr(found)) else exact


def dumps_exactly(value: object, option: int | None = None) -> bytes:
    """Return a value as JSON, with each Decimal as a number and each integer with all its digits.

    Raises:
        TypeError: A value cannot be written as JSON.
    """
    try:
        return orjson.dumps(value, default=_written, option=option)
    except TypeError:
        if not has_long_integer(value):
            raise
        return orjson.dumps(_with_long_integers(value), default=_written, option=option)


def exact_number(value: Decimal) -> object:
    """Return a finite Decimal as a JSON number; as an int if it is whole."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError(f"{value} is not a number")
    if abs(exponent) > _MAX_PLAIN_EXPONENT:
        return orjson.Fragment(str(value))
    text = format(value, "f")
    is_whole = "." in text and not text.partition(".")[2].strip("0")
    return orjson.Fragment(text.partition(".")[0] if is_whole else text)


def has_long_integer(value: object) -> bool:
    """Return whether an integer beyond 64 bits is in a value."""
    if isinstance(value, int):
        return not -(2**63) <= value < 2**64
    if isinstance(value, Mapping):
        return any(map(has_long_integer, value.values()))
    return isinstance(value, list | tuple) and any(map(has_long_integer, value))


def _with_long_integers(value: object) -> object:
    if isinstance(value, int) and has_long_integer(value):
        try:
            return orjson.Fragment(str(int(value)))
        except ValueError:  # Python refuses to write thousands of digits
            raise TypeError("an integer has too many digits") from None
    if isinstance(value, Mapping):
        return {name: _with_long_integers(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_integers(inner) for inner in value]
    return value


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        return exact_number(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")
