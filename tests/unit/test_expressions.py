import datetime as dt
from collections.abc import Callable

import pytest

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import Expression, all_of, any_of, event, event_time, prop, user

A, B, C = prop("a"), prop("b"), prop("c")
TWO_HOURS = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (prop("plan") == 'O"Brien', r'properties["plan"] == "O\"Brien"'),
        (prop('a"b\\c') != "\\", r'properties["a\"b\\c"] != "\\"'),
        (user("is staff") == True, 'user["is staff"] == true'),  # noqa: E712 - it builds an expression
        (prop("x") == None, 'properties["x"] == null'),  # noqa: E711
        (event("$city") == "Zürich", 'event["$city"] == "Zürich"'),
        (event_time >= dt.date(2026, 8, 1), 'event["$time"] >= datetime("2026-08-01")'),
        (
            event_time < dt.datetime(2026, 8, 1, 2, tzinfo=TWO_HOURS),
            'event["$time"] < datetime("2026-08-01T00:00:00")',
        ),
        (A.in_("x", 1, 2.5, False, None), 'properties["a"] in ["x", 1, 2.5, false, null]'),
        (A.contains("x"), '"x" in properties["a"]'),
        ((A > 1) & (B < -2), 'properties["a"] > 1 and properties["b"] < -2'),
        ((A == 1) | (B == 2) & (C == 3), 'properties["a"] == 1 or properties["b"] == 2 and properties["c"] == 3'),
        (((A == 1) | (B == 2)) & (C == 3), '(properties["a"] == 1 or properties["b"] == 2) and properties["c"] == 3'),
        (~((A == 1) & (B == 2)), 'not (properties["a"] == 1 and properties["b"] == 2)'),
        (~A.is_defined() & (B == 1), 'not defined(properties["a"]) and properties["b"] == 1'),
        ((A == 1) == (B == 2), '(properties["a"] == 1) == (properties["b"] == 2)'),
        (A - (B - C), 'properties["a"] - (properties["b"] - properties["c"])'),
        (A - B - C, 'properties["a"] - properties["b"] - properties["c"]'),
        ((A + 1) * 2 / B, '(properties["a"] + 1) * 2 / properties["b"]'),
        (10 - A % 3, '10 - properties["a"] % 3'),
        (A * -2, 'properties["a"] * (-2)'),
        (-prop("a").__neg__(), '-(-properties["a"])'),
        (-(A + B), '-(properties["a"] + properties["b"])'),
        (A.as_number().round() > B.as_string(), 'round(number(properties["a"])) > string(properties["b"])'),
        (A.as_boolean() & True, 'boolean(properties["a"]) and true'),
        (A.floor() + A.ceil(), 'floor(properties["a"]) + ceil(properties["a"])'),
        (A.as_datetime() > B, 'datetime(properties["a"]) > properties["b"]'),
        (Expression("x or y") & (A == 1), '(x or y) and properties["a"] == 1'),
        (any_of([A == 1, B == 2]), 'properties["a"] == 1 or properties["b"] == 2'),
        (all_of([A == 1]), 'properties["a"] == 1'),
        (any_of([]), "false"),
        (all_of([]), "true"),
    ],
)
def test_text(built: Expression, text: str) -> None:
    """Expressions are written with the operators, quotes and parentheses that they need, and no others."""
    assert str(built) == text


@pytest.mark.parametrize(
    "build",
    [
        lambda: A.in_(float("nan")),
        lambda: float("inf") < A,
        lambda: A == b"x",
        lambda: A == ["x"],
        lambda: A.in_(*()),
        lambda: A.in_(dt.date(2026, 1, 1)),
        lambda: prop(1),  # type: ignore[arg-type]
    ],
)
def test_values_that_cannot_be_written(build: Callable[[], object]) -> None:
    """A value that an expression cannot contain is an error that names it, not some other text."""
    with pytest.raises(InvalidArgumentError):
        build()


def test_and_or_not_of_python() -> None:
    """`and`, `or`, `not` and chained comparisons, which Python cannot pass on, are errors that name the operators."""
    for wrong in (lambda: (A == 1) and (B == 2), lambda: not A, lambda: 1 < A < 3):
        with pytest.raises(TypeError, match=r"&, \| and ~"):
            wrong()
