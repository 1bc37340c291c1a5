"""Types of cells, declared or inferred."""

import datetime as dt
from decimal import Decimal

import pytest

from mixpanel_async import RecordMapping, UpdateMapping
from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.mapping.coercion import infer_cell, read_cell, typed_fields


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-5", -5), ("0", 0), ("1.5", 1.5), ("-0.25", -0.25), ("1e3", 1000.0), ("true", True),
        ("FALSE", False), ("007", "007"), ("+49", "+49"), ("-0", "-0"), ("1e400", "1e400"), ("12a", "12a"),
        ("1_000", "1_000"), ("٣", "٣"), ("123456789012345678", 123456789012345678),
        ("1234567890123456789", "1234567890123456789"), ("nan", "nan"), ("Infinity", "Infinity"), ("-", "-"),
    ],
)  # fmt: skip
def test_inferred_cells(text: str, value: object) -> None:
    """Only plain numbers and booleans are inferred; codes and numbers that would lose digits stay text."""
    found = infer_cell(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", " 12 ", 12),
        ("int", "+5", 5),
        ("int", "007", 7),
        ("float", ".5", 0.5),
        ("float", "1.", 1.0),
        ("number", "1e3", 1000.0),
        ("number", "-3", -3),
    ],
)
def test_declared_cells(kind: str, text: str, value: object) -> None:
    """A declared type accepts every usual decimal notation."""
    found = read_cell(text, kind, "field")  # type: ignore[arg-type]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "x"),
        ("int", "1.5"),
        ("int", str(2**64)),
        ("float", "nan"),
        ("float", "inf"),
        ("number", ""),
        ("bool", "1"),
        ("int", "1_000"),
        ("float", "1_0.5"),
        ("number", "1_000"),
        ("int", "٣"),
        ("float", "Infinity"),
        ("float", "0x10"),
    ],
)
def test_cells_that_do_not_have_their_declared_type(kind: str, text: str) -> None:
    """A cell that does not have its declared type is rejected; it never becomes null or 0."""
    with pytest.raises(InvalidRecordError, match=kind):
        read_cell(text, kind, "field")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", 1234.56), ("1234,5", 1234.5), ("-0,5", -0.5), ("12", 12), ("1.234", 1234), ("1.234.567", 1234567),
        ("1.5", "1.5"), ("1,5,6", "1,5,6"), ("12.34,5", "12.34,5"), ("007", "007"), ("a,b", "a,b"), ("true", True),
        ("0,12345678901234567890", Decimal("0.12345678901234567890")),
    ],
)  # fmt: skip
def test_decimal_commas(text: str, value: object) -> None:
    """With a decimal comma, a point only separates groups of three digits; what may mean two things stays text."""
    found = infer_cell(text, has_decimal_comma=True)
    assert (type(found), found) == (type(value), value)


def test_declared_decimal_commas() -> None:
    """A declared number is read with its comma, and one that may mean two things is rejected."""
    assert read_cell(" 1.234,56 ", "float", "f", has_decimal_comma=True) == 1234.56
    assert read_cell("1.234", "int", "f", has_decimal_comma=True) == 1234
    with pytest.raises(InvalidRecordError, match="not a valid float"):
        read_cell("1.5", "float", "f", has_decimal_comma=True)
    with pytest.raises(InvalidSettingError, match="decimal_comma"):
        RecordMapping(decimal_comma=True)
    with pytest.raises(InvalidSettingError, match="decimal_comma"):
        UpdateMapping(decimal_comma=True, types={"a": "string"})


def test_json_in_cells() -> None:
    """A cell of type json is its value: an object, a list, or a number with all its digits."""
    assert read_cell('{"a": [1, {"b": null}]}', "json", "f") == {"a": [1, {"b": None}]}
    assert read_cell("18446744073709551616", "json", "f") == 2**64
    with pytest.raises(InvalidRecordError, match="not a valid json"):
        read_cell("{'a': 1}", "json", "f")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"abc", "abc"), (b"\xff\x00", "ff00"), (Decimal("1.10"), "1.10"), (True, "true"), (5, "5"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.UTC), "2024-01-02T00:00:00+00:00"),
        ({"a": 2**64}, '{"a":18446744073709551616}'),
    ],
)  # fmt: skip
def test_values_as_text(value: object, text: str) -> None:
    """The type string converts other values to text."""
    assert typed_fields({"x": value}, {"x": "string"}, is_inferred=False, is_table=True) == {"x": text}
