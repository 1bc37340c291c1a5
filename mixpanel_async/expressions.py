"""Builds segmentation expressions, the language of the parameters `where` and `on`; quoting is done here.

Wherever a call takes an expression, it takes one of these or its text:

```python
import datetime as dt

from mixpanel_async.expressions import event_time, prop, user

is_big = (prop("amount") > 100) & prop("plan").in_("pro", "enterprise")
is_new = event_time >= dt.date(2026, 8, 1)
where = is_big & is_new & ~user("is staff").is_defined()
assert str(is_big) == 'properties["amount"] > 100 and properties["plan"] in ["pro", "enterprise"]'
```

Use `&`, `|` and `~` for and, or and not, with comparisons in parentheses.
"""

import datetime as dt
import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Final, NoReturn, TypeAlias

from mixpanel_async.errors import InvalidArgumentError

__all__ = ["Expression", "all_of", "any_of", "event", "event_time", "prop", "user"]

Literal: TypeAlias = str | int | float | bool | dt.date | None
# Precedence, from the loosest operator to a single term.
_OR: Final = 0
_AND: Final = 1
_NOT: Final = 2
_COMPARISON: Final = 3
_SUM: Final = 4
_PRODUCT: Final = 5
_SIGN: Final = 6
_TERM: Final = 7


class Expression:
    """A part of an expression; `str()` gives its text.

    Comparisons, arithmetic and `&`, `|`, `~` give new expressions. Values may be text, numbers, booleans, None, dates
    and datetimes; a datetime without a time zone counts as UTC.

    Args:
        text: A valid expression.

    Example:
        ```python
        from mixpanel_async.expressions import Expression, prop

        written_by_hand = Expression('properties["plan"] == "pro"')
        assert str(written_by_hand & (prop("seats") > 1)) == '(properties["plan"] == "pro") and properties["seats"] > 1'
        ```
    """

    __slots__ = ("_level", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._level = -1  # unknown, so it is put into parentheses wherever it is a part

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Expression({self._text!r})"

    __hash__ = None  # type: ignore[assignment]  # `==` makes an expression, so expressions cannot be looked up

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "an expression is neither true nor false: combine expressions with &, | and ~, not with and, or and not, "
            "and put comparisons into parentheses"
        )

    def __eq__(self, other: "Expression | Literal") -> "Expression":  # type: ignore[override]
        return _joined(self, "==", other, _COMPARISON)

    def __ne__(self, other: "Expression | Literal") -> "Expression":  # type: ignore[override]
        return _joined(self, "!=", other, _COMPARISON)

    def __lt__(self, other: "Expression | Literal") -> "Expression":
        return _joined(self, "<", other, _COMPARISON)

    def __le__(self, other: "Expression | Literal") -> "Expression":
        return _joined(self, "<=", other, _COMPARISON)

    def __gt__(self, other: "Expression | Literal") -> "Expression":
        return _joined(self, ">", other, _COMPARISON)

    def __ge__(self, other: "Expression | Literal") -> "Expression":
        return _joined(self, ">=", other, _COMPARISON)

    def __and__(self, other: "Expression | bool") -> "Expression":
        return _joined(self, "and", other, _AND)

    def __rand__(self, other: bool) -> "Expression":
        return _joined(other, "and", self, _AND)

    def __or__(self, other: "Expression | bool") -> "Expression":
        return _joined(self, "or", other, _OR)

    def __ror__(self, other: bool) -> "Expression":
        return _joined(other, "or", self, _OR)

    def __invert__(self) -> "Expression":
        return _made(f"not {_inside(self, _NOT)}", _NOT)

    def __add__(self, other: "Expression | float | str") -> "Expression":
        return _joined(self, "+", other, _SUM)

    def __radd__(self, other: float | str) -> "Expression":
        return _joined(other, "+", self, _SUM)

    def __sub__(self, other: "Expression | float") -> "Expression":
        return _joined(self, "-", other, _SUM)

    def __rsub__(self, other: float) -> "Expression":
        return _joined(other, "-", self, _SUM)

    def __mul__(self, other: "Expression | float") -> "Expression":
        return _joined(self, "*", other, _PRODUCT)

    def __rmul__(self, other: float) -> "Expression":
        return _joined(other, "*", self, _PRODUCT)

    def __truediv__(self, other: "Expression | float") -> "Expression":
        return _joined(self, "/", other, _PRODUCT)

    def __rtruediv__(self, other: float) -> "Expression":
        return _joined(other, "/", self, _PRODUCT)

    def __mod__(self, other: "Expression | float") -> "Expression":
        return _joined(self, "%", other, _PRODUCT)

    def __rmod__(self, other: float) -> "Expression":
        return _joined(other, "%", self, _PRODUCT)

    def __neg__(self) -> "Expression":
        return _made(f"-{_inside(self, _TERM)}", _SIGN)

    def in_(self, *values: Literal) -> "Expression":
        """Return whether it is one of some values.

        Raises:
            InvalidArgumentError: There are no values, or one cannot be written.
        """
        if not values:
            raise InvalidArgumentError("in_() needs at least one value")
        if any(isinstance(value, dt.date) for value in values):
            raise InvalidArgumentError("in_() takes no dates; compare with ==, and combine with |")
        return _made(f"{_inside(self, _SUM)} in [{', '.join(map(_literal, values))}]", _COMPARISON)

    def contains(self, text: str) -> "Expression":
        """Return whether it is text that has `text` in it, or a list that has it as an element."""
        return _made(f"{_literal(text)} in {_inside(self, _SUM)}", _COMPARISON)

    def is_defined(self) -> "Expression":
        """Return whether it has a value."""
        return _call("defined", self)

    def as_number(self) -> "Expression":
        """Return it as a number."""
        return _call("number", self)

    def as_string(self) -> "Expression":
        """Return it as text."""
        return _call("string", self)

    def as_boolean(self) -> "Expression":
        """Return it as a boolean."""
        return _call("boolean", self)

    def as_datetime(self) -> "Expression":
        """Return it as a time."""
        return _call("datetime", self)

    def floor(self) -> "Expression":
        """Return the largest whole number that is not greater."""
        return _call("floor", self)

    def ceil(self) -> "Expression":
        """Return the smallest whole number that is not less."""
        return _call("ceil", self)

    def round(self) -> "Expression":
        """Return the nearest whole number."""
        return _call("round", self)


AnyExpression: TypeAlias = str | Expression


def prop(name: str) -> Expression:
    """Return a property of the event; in queries of profiles, one of the profile.

    Example:
        ```python
        from mixpanel_async.expressions import prop

        assert str(prop("plan") == "pro") == 'properties["plan"] == "pro"'
        ```
    """
    return _field("properties", name)


def user(name: str) -> Expression:
    """Return a property of the profile of the event's user.

    Example:
        ```python
        from mixpanel_async.expressions import user

        assert str(user("plan").is_defined()) == 'defined(user["plan"])'
        ```
    """
    return _field("user", name)


def event(name: str) -> Expression:
    """Return a field of the event that is no property, such as `$time`.

    Example:
        ```python
        from mixpanel_async.expressions import event

        assert str(event("$city")) == 'event["$city"]'
        ```
    """
    return _field("event", name)


def any_of(conditions: Iterable[Expression]) -> Expression:
    """Return whether at least one of some conditions holds; with none, false.

    Example:
        ```python
        from mixpanel_async.expressions import any_of, prop

        where = any_of(prop(name).is_defined() for name in ("plan", "trial"))
        assert str(where) == 'defined(properties["plan"]) or defined(properties["trial"])'
        ```
    """
    return _combined(operator.or_, conditions, "false")


def all_of(conditions: Iterable[Expression]) -> Expression:
    """Return whether all of some conditions hold; with none, true.

    Example:
        ```python
        from mixpanel_async.expressions import all_of, prop

        where = all_of(prop(name).is_defined() for name in ("plan", "trial"))
        assert str(where) == 'defined(properties["plan"]) and defined(properties["trial"])'
        ```
    """
    return _combined(operator.and_, conditions, "true")


def _combined(
    combine: Callable[[Expression, Expression], Expression], conditions: Iterable[Expression], none: str
) -> Expression:
    found = list(conditions)
    return functools.reduce(combine, found) if found else _made(none, _TERM)


def _made(text: str, level: int) -> Expression:
    found = Expression(text)
    found._level = level  # noqa: SLF001 - the constructor is for callers
    return found


def _field(scope: str, name: str) -> Expression:
    if not isinstance(name, str):
        raise InvalidArgumentError(f"the name of a property is text, not {type(name).__name__}")
    return _made(f"{scope}[{_literal(name)}]", _TERM)


def _call(function: str, value: Expression) -> Expression:
    return _made(f"{function}({value})", _TERM)


def _joined(left: "Expression | Literal", operator: str, right: "Expression | Literal", level: int) -> Expression:
    # Comparisons do not chain. `and` and `or` need no parentheses on either side, other operators none on the left.
    left_level = level + 1 if level == _COMPARISON else level
    right_level = level if level in {_AND, _OR} else level + 1
    return _made(f"{_inside(left, left_level)} {operator} {_inside(right, right_level)}", level)


def _inside(value: "Expression | Literal", level: int) -> str:
    """Return the text of a part, in parentheses if its operator binds less tightly than `level`."""
    if not isinstance(value, Expression):
        text = _literal(value)
        return f"({text})" if text.startswith("-") and level > _SUM else text
    return str(value) if value._level >= level else f"({value})"  # noqa: SLF001 - of the same class


def _literal(value: object) -> str:
    """Return a value as it is written in an expression.

    Raises:
        InvalidArgumentError: An expression cannot contain the value.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case int():
            return str(int(value))
        case float() if math.isfinite(value):
            return repr(float(value))
        case dt.datetime():
            moment = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
            return f'datetime("{moment.isoformat(timespec="auto")}")'
        case dt.date():
            return f'datetime("{value.isoformat()}")'
    raise InvalidArgumentError(f"an expression cannot contain {value!r} ({type(value).__name__})")


event_time: Final = event("$time")
