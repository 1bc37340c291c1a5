"""Numbers that do not fit into a float or 64 bits."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixpanel_async.records.exact_numbers import dumps_exactly, exact_number, has_long_integer, read_decimal

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=None)


@given(DECIMALS.filter(lambda value: abs(value) < Decimal("1e300")))
def test_a_number_survives_reading_and_writing(value: Decimal) -> None:
    """The text of a number and the number that is read from it have the same value, whatever its length."""
    found = read_decimal(str(value).replace("E", "e"))
    written = dumps_exactly(found)
    assert Decimal(written.decode()) == Decimal(repr(found) if isinstance(found, float) else str(found))
    assert isinstance(found, float) or found == value


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1.0e999999999999999999999"])
def test_a_number_beyond_every_float(text: str) -> None:
    """A number that is larger than any float is an error, not infinity."""
    with pytest.raises(ValueError, match=r"too large for a float|too many digits"):
        read_decimal(text)


@pytest.mark.parametrize(
    ("value", "text"), [("2.00", "2"), ("0.10", "0.10"), ("1E+2", "100"), ("1E-50", "1E-50"), ("-0.0", "-0")]
)
def test_decimals_as_json(value: str, text: str) -> None:
    """A whole Decimal is written as an integer, a very small one with an exponent."""
    assert dumps_exactly(Decimal(value)).decode() == text
    assert Decimal(json.loads(text)) == Decimal(value) or float(text) == float(value)


def test_not_a_number() -> None:
    """NaN and infinity have no JSON."""
    for value in ("NaN", "Infinity"):
        with pytest.raises(TypeError, match="is not a number"):
            exact_number(Decimal(value))


@given(st.integers(-(2**200), 2**200))
def test_integers_keep_their_digits(number: int) -> None:
    """Integers of any length are written with all digits, alone and inside lists and objects."""
    value = {"a": [number, {"b": number}], "c": "text"}
    assert json.loads(dumps_exactly(value)) == value
    assert has_long_integer(value) is (not -(2**63) <= number < 2**64)
