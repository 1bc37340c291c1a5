"""Types of table cells: declared by the caller or inferred from the text."""

import contextlib
import datetime as dt
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError
from mixpanel_async.jobs.model.chunks import NULL
from mixpanel_async.records.exact_numbers import dumps_exactly, read_decimal
from mixpanel_async.records.parsing import read_line

CellType: TypeAlias = Literal["string", "int", "float", "number", "bool", "json"]
_TYPES: Final = ("string", "int", "float", "number", "bool", "json")
_NUMBERS: Final = frozenset({"int", "float", "number"})
# What is inferred: the canonical notation, so that codes such as "007" and "+49" stay text.
_INFERRED_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_INFERRED_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
# What a declared type accepts. int() and float() alone would also accept 1_000, digits of other scripts, and infinity.
_INT: Final = re.compile(r"[+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# A number with a decimal comma; points separate groups of three digits. "1.5" is not one: it may be one and a half.
_COMMA_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BOOLS: Final = {"true": True, "false": False}
_MAX_SHOWN: Final = 40
_MAX_FLOAT_INT: Final = 2**53  # the first integer that a float cannot tell from the next one


def check_types(types: Mapping[str, str], *, is_inferred: bool, has_decimal_comma: bool) -> None:
    """Check that every declared type exists, and that a decimal comma has an effect.

    Raises:
        InvalidSettingError: A type is unknown, or a decimal comma is set although no number is read.
    """
    if has_decimal_comma and not is_inferred and _NUMBERS.isdisjoint(types.values()):
        raise InvalidSettingError(
            "decimal_comma is invalid: no field is read as a number; set infer_types, or types such as float"
        )
    for field, kind in types.items():
        if kind not in _TYPES:
            raise InvalidSettingError(
                f"types is invalid: the type of {field!r} is {kind!r}; choose one of {', '.join(_TYPES)}"
            )


def typed_fields(
    row: Mapping[str, object],
    types: Mapping[str, CellType],
    *,
    is_inferred: bool,
    is_table: bool,
    texts: Collection[str] = (),
    has_decimal_comma: bool = False,
) -> dict[str, object]:
    """Return the fields of a record with their types.

    Args:
        row: The record.
        types: Declared types of some fields.
        is_inferred: Whether to infer the types of the other fields.
        is_table: Whether an empty cell means that there is no value.
        texts: Fields whose type is never inferred.
        has_decimal_comma: Whether numbers are written with a decimal comma.

    Raises:
        InvalidRecordError: A field does not have its declared type.
    """
    fields: dict[str, object] = {}
    for name, value in row.items():
        if not isinstance(value, str):
            if value is NULL:
                fields[name] = None
            elif value is not None or not is_table:
                fields[name] = _converted(value, types[name], name) if name in types else value
        elif not value and is_table:
            continue
        elif name in types:
            fields[name] = read_cell(value, types[name], name, has_decimal_comma=has_decimal_comma)
        else:
            is_guessed = is_inferred and name not in texts
            fields[name] = infer_cell(value, has_decimal_comma=has_decimal_comma) if is_guessed else value
    return fields


def infer_cell(text: str, *, has_decimal_comma: bool = False) -> object:
    """Return a cell as a number or boolean if it looks like one, else unchanged.

    Text that is more likely a code stays text: "007", "+49", integers of more than 18 digits.
    """
    if has_decimal_comma and text[:1] in "-0123456789":
        plain = _with_point(text)
        found = text if plain is None else infer_cell(plain)
        return text if isinstance(found, str) else found
    if text[:1] in "-0123456789":
        if _INFERRED_INT.fullmatch(text) and text != "-0":
            return int(text)
        if _INFERRED_FLOAT.fullmatch(text) and ("." in text or "e" in text.lower()):
            with contextlib.suppress(ValueError):  # too large for a number
                return read_decimal(text)
        return text
    return _BOOLS.get(text.lower(), text)


def read_cell(text: str, kind: CellType, field: str, *, has_decimal_comma: bool = False) -> object:
    """Return a cell as its declared type.

    Raises:
        InvalidRecordError: The cell does not have that type.
    """
    if kind == "string":
        return text
    if kind == "json":
        return _read_json(text, field)
    plain = _with_point(text.strip()) if has_decimal_comma and kind in _NUMBERS else text.strip()
    value: object = None
    try:
        value = None if plain is None else _READERS[kind](plain)
    except ValueError:
        value = None
    if value is None:
        raise InvalidRecordError(f"{text[:_MAX_SHOWN]!r} is not a valid {kind}", field=field)
    return value


def _read_json(text: str, field: str) -> object:
    try:
        return read_line(text.encode("utf-8", "surrogatepass"))
    except InvalidRecordError as error:
        raise InvalidRecordError(f"{text[:_MAX_SHOWN]!r} is not a valid json: {error.message}", field=field) from None


def _with_point(text: str) -> str | None:
    """Return a number with a decimal comma in the notation of JSON, or None if the text is not one."""
    return text.replace(".", "").replace(",", ".") if _COMMA_NUMBER.fullmatch(text) else None


def _converted(value: object, kind: CellType, field: str) -> object:
    """Return a value that is not text as it is, or as text if that is its declared type.

    Raises:
        InvalidRecordError: It has no text.
    """
    if kind != "string":
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, int | float | uuid.UUID):
        return str(value)
    try:
        return dumps_exactly(value).decode()
    except (TypeError, RecursionError) as error:
        raise InvalidRecordError(f"a {type(value).__name__} cannot be text: {error}", field=field) from None


def parse_number(text: str) -> int | float | Decimal:
    """Return a number in decimal notation, as an int if it has neither a point nor an exponent.

    Raises:
        ValueError: The text is not a decimal number.
    """
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return read_decimal(text)
    raise ValueError(text)


def _read_float(text: str) -> object:
    value = parse_number(text)
    if isinstance(value, int):
        # A float if it has the same digits; else the integer, which JSON also reads as a number.
        return float(value) if abs(value) < _MAX_FLOAT_INT else value
    return value


def _read_int(text: str) -> int | None:
    value = parse_number(text)
    return value if isinstance(value, int) and -(2**63) <= value < 2**64 else None


def _read_number(text: str) -> object:
    return _read_int(text) if _INFERRED_INT.fullmatch(text) else _read_float(text)


_READERS: Final[Mapping[CellType, Callable[[str], object]]] = {
    "int": _read_int,
    "float": _read_float,
    "number": _read_number,
    "bool": lambda text: _BOOLS.get(text.lower()),
}
