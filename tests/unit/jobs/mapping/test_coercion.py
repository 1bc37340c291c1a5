"""Types of cells, declared or inferred."""

import pytest

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.mapping.coercion import infer_cell, read_cell


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
