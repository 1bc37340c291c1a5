import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.emulator.expressions.parser import ExpressionError, Scope, parse_expression
from mixpanel_async.emulator.expressions.values import UNDEFINED

SCOPE = Scope(
    properties={"n": 6, "f": 2.5, "s": "text", "yes": True, "nothing": None, "list": ["a", 1], 'q"uote': 1},
    user={"plan": "pro"},
    event={"$time": 1_760_000_400},
)


def value_of(text: str) -> Any:  # noqa: ANN401 - any value
    return parse_expression(text)(SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('properties["n"] == 6', True),
        ("properties['n'] != 6", False),
        ('properties["n"] == "6"', False),
        ('properties["yes"] == 1', False),
        ('properties["nothing"] == null', True),
        ('properties["q\\"uote"] == 1', True),
        ('user["plan"] == "pro" and event["$time"] >= datetime("2025-10-09")', True),
        ('datetime("2025-10-09T09:00:00") == event["$time"]', True),
        ('datetime("2025-10-09T11:00:00+02:00") == event["$time"]', True),
        ('"ex" in properties["s"]', True),
        ('1 in properties["list"] and "1" not in properties["list"]', ExpressionError),
        ('1 in properties["list"] and not "1" in properties["list"]', True),
        ('properties["s"] in ["text", "other"]', True),
        ('defined(properties["n"]) and not defined(properties["m"])', True),
        ("1 + 2 * 3 - 8 / 4 % 3", 5),
        ("(1 + 2) * -3", -9),
        ("1" * 5000 + " > 1", True),
        ("--3", 3),
        ('"a" + "b"', "ab"),
        ("not 1 == 2 or false", True),
        ("true or true and false", True),
        ("floor(2.7) + ceil(2.1) + round(2.5)", 8),
        ('number("2.5") + number(true)', 3.5),
        ("string(2.0) + string(true)", "2true"),
        ('boolean("") or boolean(0)', False),
        ('2 <= 2 and "a" < "b"', True),
    ],
)
def test_expressions_have_their_values(text: str, value: object) -> None:
    """Operators, functions and precedence follow the reference."""
    if value is ExpressionError:
        with pytest.raises(ExpressionError):
            parse_expression(text)
    else:
        assert value_of(text) == value
        assert type(value_of(text)) is type(value) or isinstance(value, int | float)


@pytest.mark.parametrize(
    "text",
    [
        'properties["m"]',
        "1 / 0",
        "1 % 0",
        '1 + "1"',
        '"a" < 1',
        "true < false",
        "-true",
        '"a" - "b"',
        "1 in 1",
        'floor("2")',
        'number("two")',
        'datetime("yesterday")',
        'properties["m"] > 0',
        "undefined",
    ],
)
def test_invalid_operations_are_undefined_and_not_true(text: str) -> None:
    """Division by zero, mixed types and missing properties give undefined; it counts as false."""
    assert value_of(text) is UNDEFINED
    assert value_of(f"({text}) and true") is False
    assert value_of(f"not ({text})") is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "1 +",
        "1 2",
        "properties",
        "properties[n]",
        "properties[1]",
        'system("x")',
        "a",
        "$",
        '"open',
        "[1,",
        "1 == 1 == 1",
        "(" * 5000,
        "[" * 5000 + "]" * 5000,
    ],
)
def test_invalid_expressions_are_refused(text: str) -> None:
    """An invalid expression raises, however deeply it is nested."""
    with pytest.raises(ExpressionError):
        parse_expression(text)


@settings(deadline=None)
@given(text=st.text(alphabet='properties["n"]()+-*/%<>=!, and or not in 019.\'\\', max_size=60))
def test_any_text_gets_a_value_or_a_refusal(text: str) -> None:
    """No text raises anything but ExpressionError, neither when parsed nor when evaluated."""
    try:
        expression = parse_expression(text)
    except ExpressionError:
        return
    expression(SCOPE)


numbers = st.integers(-1000, 1000)
arithmetic = st.recursive(
    numbers.map(lambda number: (str(number) if number >= 0 else f"({number})", float(number))),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: (
            f"({parts[0][0]} {parts[1]} {parts[2][0]})",
            {"+": parts[0][1] + parts[2][1], "-": parts[0][1] - parts[2][1], "*": parts[0][1] * parts[2][1]}[parts[1]],
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(sample=arithmetic)
def test_arithmetic_agrees_with_python(sample: tuple[str, float]) -> None:
    """Any nesting of sums, differences and products has the value that Python gives it."""
    text, expected = sample
    assert math.isclose(value_of(text), expected, rel_tol=1e-9)


scalars = st.none() | st.booleans() | numbers | st.text(max_size=5)


@settings(deadline=None)
@given(left=scalars, right=scalars)
def test_equality_and_order_never_mix_types(left: object, right: object) -> None:
    """Values are equal only within a type, and only numbers and strings are ordered."""
    scope = Scope({"l": left, "r": right}, {}, {})
    equal = parse_expression('properties["l"] == properties["r"]')(scope)
    less = parse_expression('properties["l"] < properties["r"]')(scope)
    assert equal == (type(left) is type(right) and left == right)
    ordered = type(left) is type(right) and isinstance(left, int | str) and not isinstance(left, bool)
    assert (less is not UNDEFINED) == ordered
