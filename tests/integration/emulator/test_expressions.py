"""Expressions: the grammar's bounds, and the compiled SQL against the evaluation in plain Python."""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any

import duckdb
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixpanel_async.emulator.expressions.parser import ExpressionError, parse_expression
from mixpanel_async.emulator.expressions.sql import Columns, Compiled, Compiler
from tests.integration.emulator.oracle import parser as oracle
from tests.integration.emulator.oracle.values import UNDEFINED, is_true, settled, string

PROPERTIES = {"n": 6, "f": 2.5, "s": "text", "yes": True, "nothing": None, "list": ["a", 1], 'q"uote': 1, "a/b~.'": 7}
USER = {"plan": "pro"}
COLUMNS = Columns("p", "u", {"$time": Compiled(number="CAST(1760000400 AS DOUBLE)")})


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def computed(
    database: duckdb.DuckDBPyConnection, text: str, properties: dict[str, Any] | None = None
) -> tuple[bool, str | None, float | None]:
    """Return what the SQL computes: whether the expression is true, its value as text, its value as a number."""
    compiler, node = Compiler(COLUMNS), parse_expression(text)
    columns = f"{compiler.condition(node)}, {compiler.text(node)}, {compiler.number(node)}"
    row = database.execute(
        f"SELECT {columns} FROM (SELECT ? AS p, ? AS u)",  # noqa: S608 - what is tested
        [orjson.dumps(PROPERTIES if properties is None else properties).decode(), orjson.dumps(USER).decode()],
    ).fetchone()
    assert row is not None
    return row


def expected(text: str, properties: dict[str, Any] | None = None) -> tuple[bool, str | None, float | None]:
    """Return what Python computes."""
    scope = oracle.Scope(PROPERTIES if properties is None else properties, USER, {"$time": 1_760_000_400})
    value = settled(oracle.parse_expression(text)(scope))
    number = value if isinstance(value, float) else None
    return is_true(value), None if value is UNDEFINED else string(value), number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('properties["n"] == 6', "true"),
        ("properties['n'] != 6", "false"),
        ('properties["n"] == "6"', "false"),
        ('properties["yes"] == 1', "false"),
        ('properties["nothing"] == null', "true"),
        ('properties["q\\"uote"] == 1', "true"),
        ('properties["a/b~.\'"] == 7', "true"),
        ('user["plan"] == "pro" and event["$time"] >= datetime("2025-10-09")', "true"),
        ('datetime("2025-10-09T09:00:00") == event["$time"]', "true"),
        ('datetime("2025-10-09T11:00:00+02:00") == event["$time"]', "true"),
        ('"ex" in properties["s"]', "true"),
        ('1 in properties["list"] and not "1" in properties["list"]', "true"),
        ('properties["s"] in ["text", "other"]', "true"),
        ('defined(properties["n"]) and not defined(properties["m"])', "true"),
        ("1 + 2 * 3 - 8 / 4 % 3", "5"),
        ("(1 + 2) * -3", "-9"),
        ("--3", "3"),
        ('"a" + "b"', "ab"),
        ("not 1 == 2 or false", "true"),
        ("true or true and false", "true"),
        ("floor(2.7) + ceil(2.1) + round(2.5)", "8"),
        ('number("2.5") + number(true)', "3.5"),
        ("string(2.0) + string(true)", "2true"),
        ('boolean("") or boolean(0)', "false"),
        ('2 <= 2 and "a" < "b"', "true"),
        ('properties["list"]', '["a",1]'),
    ],
)
def test_expressions_have_their_values(database: duckdb.DuckDBPyConnection, text: str, value: str) -> None:
    """Operators, functions and precedence follow the reference."""
    assert computed(database, text)[1] == value
    assert expected(text)[1] == value


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
        "1e308 * 10",
    ],
)
def test_invalid_operations_are_undefined_and_not_true(database: duckdb.DuckDBPyConnection, text: str) -> None:
    """Division by zero, mixed types and missing properties give undefined; it counts as false."""
    assert computed(database, text) == (False, None, None)
    assert computed(database, f"({text}) and true")[1] == "false"
    assert computed(database, f"not ({text})")[1] == "true"


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
        '[properties["n"]]',
        "1 == 1 == 1",
        '"1" not in properties["list"]',
        '"\0"',
        '"\ud800"',
        "(" * 5000,
        "[" * 5000 + "]" * 5000,
        "1" * 5000,
        "not " * 4000 + "1",
        "-" * 5000 + "1",
        "1+" * 5000 + "1",
        '"' + "a" * 20_000 + '"',
    ],
)
def test_invalid_expressions_are_refused(text: str) -> None:
    """An invalid or too large expression raises at once, however deeply it is nested."""
    begin = time.monotonic()
    with pytest.raises(ExpressionError):
        parse_expression(text)
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("function", ["floor", "string", "number", "datetime", "boolean"])
def test_nesting_does_not_blow_up(database: duckdb.DuckDBPyConnection, function: str) -> None:
    """The SQL of nested functions is bounded: it is either computed or refused, in little time."""
    text = 'properties["n"]'
    for _ in range(15):
        text = f"{function}({text} + 1 * 2)"
    begin = time.monotonic()
    with contextlib.suppress(ExpressionError):
        computed(database, text)
    assert time.monotonic() - begin < 5


names = st.sampled_from(["n", "s", "x", "list", "it's", 'q"', "a/b", "~", "é", "", "$os"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4) | st.sampled_from(
    [
        "1",
        "2.50",
        " 3e2 ",
        "1e999",
        "true",
        "2025-10-09",
        "2025-02-30T10:00",
        "2025-10-09T10:00:00.25+02:30",
        "nan",
        "'",
    ]
)
numbers = (
    st.integers(-1000, 1000) | st.sampled_from([0.5, -2.5, 1e300, 1e-7, 0.1, 1e16, -0.0]) | st.integers(-(2**60), 2**60)
)
scalars = st.none() | st.booleans() | numbers | texts
values = scalars | st.lists(st.integers(-3, 3) | texts | st.none() | st.booleans(), max_size=3)


def quoted(text: str) -> str:
    """Return a text as a literal of the expression language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(value: object) -> str:
    """Return a constant of the expression language."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(written(one) for one in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]
    functions = ["floor", "round", "ceil", "boolean", "number", "string", "defined", "datetime", "-", "not "]
    return st.tuples(inner, st.sampled_from(operators), inner).map(
        lambda parts: "({} {} {})".format(*parts)
    ) | st.tuples(st.sampled_from(functions), inner).map(lambda parts: f"({parts[0]}({parts[1]}))")


leaves = (
    names.map(lambda name: f"properties[{quoted(name)}]")
    | scalars.map(written)
    | st.lists(scalars, max_size=3).map(written)
    | st.sampled_from(["undefined", 'user["plan"]', 'event["$time"]', 'properties["time"]'])
)
expressions = st.recursive(leaves, _joined, max_leaves=8)


@settings(max_examples=400)
@given(text=expressions, properties=st.dictionaries(names, values, max_size=6))
def test_the_sql_agrees_with_python(database: duckdb.DuckDBPyConnection, text: str, properties: dict[str, Any]) -> None:
    """Any expression over any properties has the value that the second computation gives it."""
    true, string_, number = computed(database, text, properties)
    wanted = expected(text, properties)
    assert (true, string_) == wanted[:2]
    assert (number is None) == (wanted[2] is None)
    if number is not None and wanted[2] is not None:
        assert math.isclose(number, wanted[2], rel_tol=1e-12, abs_tol=1e-12)


@given(text=st.text(alphabet='properties["n"]()+-*/%<>=!, and or not in 019.\'\\', max_size=60))
def test_any_text_gets_a_value_or_a_refusal(database: duckdb.DuckDBPyConnection, text: str) -> None:
    """No text raises anything but ExpressionError, neither when parsed nor when computed."""
    try:
        parse_expression(text)
    except ExpressionError:
        return
    computed(database, text)
