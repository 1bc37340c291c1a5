"""Types of table cells: declared by the caller or inferred from the text."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeAlias

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError

CellType: TypeAlias = Literal["string", "int", "float", "number", "bool"]
_TYPES: Final = ("string", "int", "float", "number", "bool")
# What is inferred: the canonical notation, so that codes such as "007" and "+49" stay text.
_INFERRED_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_INFERRED_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
# What a declared type accepts. int() and float() alone would also accept 1_000, digits of other scripts, and infinity.
_INT: Final = re.compile(r"[+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLS: Final = {"true": True, "false": False}
_MAX_SHOWN: Final = 40


def check_types(types: Mapping[str, str]) -> None:
    """Check that every declared type exists.

    Raises:
        InvalidSettingError: A type is unknown.
    """
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
) -> dict[str, object]:
    """Return the fields of a record with their types.

    Args:
        row: The record.
        types: Declared types of some fields.
        is_inferred: Whether to infer the types of the other fields.
        is_table: Whether an empty cell means that there is no value.
        texts: Fields whose type is never inferred.

    Raises:
        InvalidRecordError: A field does not have its declared type.
    """
    fields: dict[str, object] = {}
    for name, value in row.items():
        if not isinstance(value, str):
            if value is not None or not is_table:
                fields[name] = value
        elif not value and is_table:
            continue
        elif name in types:
            fields[name] = read_cell(value, types[name], name)
        else:
            fields[name] = infer_cell(value) if is_inferred and name not in texts else value
    return fields


def infer_cell(text: str) -> object:
    """Return a cell as a number or boolean if it looks like one, else unchanged.

    Text that is more likely a code stays text: "007", "+49", integers of more than 18 digits.
    """
    if text[:1] in "-0123456789":
        if _INFERRED_INT.fullmatch(text) and text != "-0":
            return int(text)
        if _INFERRED_FLOAT.fullmatch(text) and ("." in text or "e" in text.lower()):
            return float(text)
        return text
    return _BOOLS.get(text.lower(), text)


def read_cell(text: str, kind: CellType, field: str) -> object:
    """Return a cell as its declared type.

    Raises:
        InvalidRecordError: The cell does not have that type.
    """
    if kind == "string":
        return text
    value: object = None
    try:
        value = _READERS[kind](text.strip())
    except ValueError:
        value = None
    if value is None:
        raise InvalidRecordError(f"{text[:_MAX_SHOWN]!r} is not a valid {kind}", field=field)
    return value


def parse_number(text: str) -> float:
    """Return a number in decimal notation, as an int if it has neither a point nor an exponent.

    Raises:
        ValueError: The text is not a decimal number.
    """
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    raise ValueError(text)


def _read_float(text: str) -> float | None:
    value = float(parse_number(text))
    return value if abs(value) < float("inf") else None


def _read_int(text: str) -> int | None:
    value = parse_number(text)
    return value if isinstance(value, int) and -(2**63) <= value < 2**64 else None


def _read_number(text: str) -> float | None:
    return _read_int(text) if _INFERRED_INT.fullmatch(text) else _read_float(text)


_READERS: Final[Mapping[CellType, Callable[[str], object]]] = {
    "int": _read_int,
    "float": _read_float,
    "number": _read_number,
    "bool": lambda text: _BOOLS.get(text.lower()),
}
