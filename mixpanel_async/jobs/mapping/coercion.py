"""Cells of tables: text, and what it is said to be or looks like. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal, TypeAlias

from mixpanel_async.errors import InvalidRecordError, InvalidSettingError

CellType: TypeAlias = Literal["string", "int", "float", "number", "bool"]
_TYPES: Final = ("string", "int", "float", "number", "bool")
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_BOOLS: Final = {"true": True, "false": False}


def check_types(types: Mapping[str, str]) -> None:
    """Check that there are such types.

    Raises:
        InvalidSettingError: One is unknown.
    """
    for field, kind in types.items():
        if kind not in _TYPES:
            raise InvalidSettingError(f"types: {field!r} is {kind!r}; choose one of {', '.join(_TYPES)}")


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
        types: What some fields are.
        is_inferred: Whether the others are what they look like.
        is_table: Whether an empty cell means that there is nothing.
        texts: Fields that are not what they look like.

    Raises:
        InvalidRecordError: A field is not what it is said to be.
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
    """Return a cell of text as the number or boolean that it looks like, else as it is.

    What is more likely a code stays text: "007", "+49", whole numbers of more than 18 digits.
    """
    if text[:1] in "-0123456789":
        if _INT.fullmatch(text) and text != "-0":
            return int(text)
        if _FLOAT.fullmatch(text) and ("." in text or "e" in text.lower()):
            return float(text)
        return text
    return _BOOLS.get(text.lower(), text)


def read_cell(text: str, kind: CellType, field: str) -> object:
    """Return a cell of text as what it is said to be.

    Raises:
        InvalidRecordError: It is not.
    """
    if kind == "string":
        return text
    value: object = None
    try:
        value = _READERS[kind](text.strip())
    except ValueError:
        value = None
    if value is None:
        raise InvalidRecordError(f"{text[:40]!r} is no {kind}", field=field)
    return value


def _read_float(text: str) -> float | None:
    value = float(text)
    return value if abs(value) < float("inf") else None  # NaN compares as no


def _read_int(text: str) -> int | None:
    value = int(text)
    return value if -(2**63) <= value < 2**64 else None


def _read_number(text: str) -> float | None:
    return _read_int(text) if _INT.fullmatch(text) else _read_float(text)


_READERS: Final[Mapping[CellType, Callable[[str], object]]] = {
    "int": _read_int,
    "float": _read_float,
    "number": _read_number,
    "bool": lambda text: _BOOLS.get(text.lower()),
}
