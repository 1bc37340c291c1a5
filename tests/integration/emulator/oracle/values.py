"""Operators, functions and the undefined value of segmentation expressions, in plain Python.

Undefined equals only undefined; `and`, `or` and `not` treat it as false; `%` has the sign of its left operand; `round`
rounds halves up; numbers are floats, and one that is not finite becomes undefined where it is used; lists and objects
are equal if their JSON is; times are seconds since 1970, in UTC if they name no offset.
"""

import datetime as dt
import enum
import math
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

Value = Any
_NUMBER = re.compile(r"[ \t\r\n]*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[ \t\r\n]*")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


class Undefined(enum.Enum):
    """The type of a missing property's value, and of the result of an invalid operation."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED


def as_value(value: Value) -> Value:
    """Return a decoded JSON value with its number as a float."""
    return float(value) if _is_number(value) else value


def settled(value: Value) -> Value:
    """Return a value; undefined for a number that is not finite."""
    return UNDEFINED if isinstance(value, float) and not math.isfinite(value) else value


def is_true(value: Value) -> bool:
    """Return whether a value counts as true."""
    value = settled(value)
    return value is not UNDEFINED and bool(value)


def equal(left: Value, right: Value) -> bool:
    """Return whether two values are equal; values of different types never are."""
    left, right = settled(left), settled(right)
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        return orjson.dumps(left) == orjson.dumps(right)
    return _kind(left) == _kind(right) and bool(left == right)


def contains(left: Value, right: Value) -> Value:
    """Return whether the string or list `right` contains `left`."""
    left = settled(left)
    if isinstance(left, str) and isinstance(right, str):
        return left in right
    if isinstance(right, list) and left is not UNDEFINED:
        return any(equal(left, one) for one in right)
    return UNDEFINED


def compare(operator: str, left: Value, right: Value) -> Value:
    """Compare two numbers or two strings with one of the operators < <= > >=."""
    left, right = settled(left), settled(right)
    if not (_is_number(left) and _is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        return UNDEFINED
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def calculate(operator: str, left: Value, right: Value) -> Value:
    """Apply one of the operators + - * / % to two numbers, or + to two strings."""
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if not _is_number(left) or not _is_number(right):
        return UNDEFINED
    try:
        return _calculate_numbers(operator, left, right)
    except (ZeroDivisionError, ValueError):
        return UNDEFINED


def _calculate_numbers(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            return math.fmod(left, right)


def negate(value: Value) -> Value:
    """Return a number with the opposite sign."""
    return -value if _is_number(value) else UNDEFINED


def _rounded(rounding: Callable[[float], int]) -> Callable[[Value], Value]:
    def rounded(value: Value) -> Value:
        value = settled(value)
        return float(rounding(value)) if _is_number(value) else UNDEFINED

    return rounded


def _number(value: Value) -> Value:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else UNDEFINED
    return settled(value) if _is_number(value) else UNDEFINED


def string(value: Value) -> Value:
    """Return a value as a string; undefined stays undefined."""
    value = settled(value)
    if value is UNDEFINED or isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value + 0.0).removesuffix(".0")
    return orjson.dumps(value).decode()


def _datetime(value: Value) -> Value:
    if _is_number(value):
        return settled(value)
    if not isinstance(value, str) or not _MOMENT.fullmatch(value) or value < "1000":
        return UNDEFINED
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return UNDEFINED
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()


def functions() -> dict[str, Callable[[Value], Value]]:
    """Return the functions of one argument by name."""
    return {
        "boolean": is_true,
        "ceil": _rounded(math.ceil),
        "datetime": _datetime,
        "defined": lambda value: settled(value) is not UNDEFINED,
        "floor": _rounded(math.floor),
        "number": _number,
        "round": _rounded(lambda value: math.floor(value + 0.5)),
        "string": string,
    }


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Value) -> str:
    return "number" if _is_number(value) else type(value).__name__
