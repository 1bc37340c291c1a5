"""Values of Python programs as values that JSON has; a value that has no exact JSON is an error that names the field.

Only records that orjson refuses, or that a cheap check cannot clear, come here. Types of other libraries are recognised
without importing them.
"""

import datetime as dt
import enum
import math
import os
import uuid
from collections import UserString
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized, ValuesView
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final, Self, cast

import orjson

from mixpanel_async.config import Default, Settings
from mixpanel_async.errors import CannotEncodeError
from mixpanel_async.json_types import JSONValue, TypedDictLike
from mixpanel_async.records.exact_numbers import dumps_exactly

REPAIRED_TEXT: Final = "repaired_text"  # the name of the change in reports
_MAX_NESTING: Final = 100  # deeper than any real record; ends the walk through a list that contains itself
_MAX_ELEMENTS: Final = 20_000  # converted in some 10 ms
_MISSING: Final = frozenset({"NaTType", "NAType"})  # pandas' NaT and NA
# Lazily translated text is not a str: django's gettext_lazy, flask-babel, babel, speaklater, wagtail.
_LAZY_TEXTS: Final = frozenset({"__proxy__", "LazyString", "_LazyString", "LazyProxy"})
_UNKNOWN: Final = object()


class UnreadableValue:
    """A value that Python or JSON cannot represent, such as a date after the year 9999; it rejects its record.

    Args:
        reason: What is wrong with it.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return self.reason


class ValueConverter:
    """Converts values to what JSON has.

    Attributes:
        repaired_texts: How many texts had characters that UTF-8 does not have, and got U+FFFD in their place.
        dumps: Writes what was converted as JSON.
        numbers: The types of a number.
        checks_shape: Whether properties are checked for Mixpanel's limits on their number, depth and elements.

    Args:
        default: Called with a value of an unknown type; returns one that can be encoded, or raises TypeError.
        is_inexact_text: Whether a decimal number that has no exact JSON number is sent as text; else it is an error.
        is_exact: Whether numbers of any length keep all their digits, as those of files do.
        checks_shape: See above.
    """

    def __init__(
        self,
        default: Default | None = None,
        *,
        is_inexact_text: bool = False,
        is_exact: bool = False,
        checks_shape: bool = True,
    ) -> None:
        self._is_exact = is_exact
        self.checks_shape = checks_shape
        self.dumps: Callable[[object], bytes] = dumps_exactly if is_exact else orjson.dumps
        self.numbers: tuple[type, ...] = (int, float, Decimal) if is_exact else (int, float)
        self._default = default
        self._is_inexact_text = is_inexact_text
        self.repaired_texts = 0

    @classmethod
    def of(cls, settings: Settings, *, is_exact: bool = False) -> Self:
        """Return the converter that the settings ask for."""
        return cls(
            settings.default,
            is_inexact_text=settings.inexact_decimals == "text",
            is_exact=is_exact,
            checks_shape=is_exact or settings.check_properties,
        )

    def convert(self, value: object, field: str) -> JSONValue:
        """Return a value, with everything in it, as str, int, float, bool, None, list and dict.

        Args:
            value: Any value; not changed.
            field: Where it is in the record, for errors.

        Raises:
            CannotEncodeError: JSON cannot say it without changing its meaning; the error names the field.
        """
        return self._convert(value, field, 0)

    def convert_mapping(self, value: Mapping[Any, object] | TypedDictLike, field: str) -> dict[str, JSONValue]:
        """Return a mapping, with everything in it, as a dict; see `convert`."""
        return self._convert_mapping(value, field, 0)

    def repair(self, text: str) -> str:
        """Return a text with U+FFFD in place of unpaired surrogates, as a truncated emoji leaves them."""
        try:
            text.encode()
        except UnicodeEncodeError:
            self.repaired_texts += 1
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _convert(self, value: object, field: str, depth: int) -> JSONValue:
        if depth > _MAX_NESTING:
            raise CannotEncodeError(f"is nested more than {_MAX_NESTING} deep", field=field)
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self.repair(cast("str", value))
        if kind is int:
            return value if self._is_exact else _check_int(cast("int", value), field)
        if kind is float:
            return _check_float(cast("float", value), field)
        if self._is_exact and isinstance(value, Decimal) and value.is_finite():
            return value
        if isinstance(value, Mapping):
            return self._convert_mapping(value, field, depth)
        if kind is list or kind is tuple:
            return self._list(cast("Sequence[object]", value), field, depth)
        _check_size(value, field)
        return self._convert(self._simplify(value, field), field, depth + 1)

    def _convert_mapping(
        self, value: Mapping[Any, object] | TypedDictLike, field: str, depth: int
    ) -> dict[str, JSONValue]:
        converted: dict[str, JSONValue] = {}
        for key, inner in value.items():
            name = self._key(key, field)
            path = f"{field}.{key if isinstance(key, str) else name}"
            if name in converted:
                raise CannotEncodeError("is a duplicate: two keys have the same text", field=path)
            converted[name] = self._convert(inner, path, depth + 1)
        return converted

    def _list(self, values: Iterable[object], field: str, depth: int) -> list[JSONValue]:
        return [self._convert(inner, f"{field}[{index}]", depth + 1) for index, inner in enumerate(values)]

    def _key(self, key: object, field: str) -> str:
        """Return a key as text, as Python's own json does."""
        if isinstance(key, enum.Enum):
            key = key.value
        if isinstance(key, str):
            return self.repair(str.__str__(key))
        if key is None or isinstance(key, bool):
            return {None: "null", True: "true", False: "false"}[key]
        if isinstance(key, int | float | uuid.UUID | dt.date | dt.time) or _module(key) == "numpy":
            simple = self._convert(key, f"{field} (a key)", 0)
            return simple if isinstance(simple, str) else repr(simple)
        raise CannotEncodeError(f"a key must be a string, not {type(key).__name__}", field=field)

    def _simplify(self, value: object, field: str) -> object:
        """Return a value as one of a simpler type.

        Raises:
            CannotEncodeError: Nothing is known about its type.
        """
        if isinstance(value, UnreadableValue):
            raise CannotEncodeError(f"{value.reason}; drop it, or convert it in the table", field=field)
        for simplify in (_standard, _collection, _structure, _scientific):
            found = simplify(value)
            if found is not _UNKNOWN:
                return found
        if isinstance(value, Decimal):
            return self._decimal(value, field)
        if isinstance(value, bytes | bytearray | memoryview):
            try:
                return bytes(value).decode()
            except UnicodeDecodeError:
                raise CannotEncodeError(
                    "bytes that are not UTF-8 cannot be written as JSON; encode them, for example as base64",
                    field=field,
                ) from None
        return self._ask(value, field)

    def _decimal(self, value: Decimal, field: str) -> int | float | str:
        if not value.is_finite():
            raise CannotEncodeError(f"{value} cannot be written as JSON; leave it out or send None", field=field)
        if value == value.to_integral_value() and abs(value) < 2**63:
            return int(value)
        number = float(value)
        if math.isfinite(number) and type(value)(repr(number)) == value:
            return number
        if self._is_inexact_text:
            return str(value)
        raise CannotEncodeError(
            f"the decimal number {str(value)[:60]} has more digits than a JSON number keeps; "
            'round it, send it as a string, or set inexact_decimals to "text"',
            field=field,
        )

    def _ask(self, value: object, field: str) -> object:
        name = type(value).__name__
        if self._default is None:
            raise CannotEncodeError(
                f"{name} cannot be written as JSON; convert it first, or set Settings.default", field=field
            )
        try:
            return self._default(value)
        except Exception as error:
            raise CannotEncodeError(
                f"{name} cannot be written as JSON: Settings.default raised {type(error).__name__}: {error}",
                field=field,
            ) from None


def _check_size(value: object, field: str) -> None:
    """Check that a collection is small enough to become a list within milliseconds; a range may have any length."""
    try:
        size = len(cast("Sized", value))
    except (TypeError, OverflowError):  # it has no length; or a range has one beyond 64 bits
        size = _MAX_ELEMENTS + 1 if isinstance(value, range) else 0
    size = max(size, getattr(value, "size", 0)) if _module(value) == "numpy" else size
    if size > _MAX_ELEMENTS and not isinstance(value, str | bytes | bytearray | memoryview):
        raise CannotEncodeError(f"has more than {_MAX_ELEMENTS:,} elements; shorten it", field=field)


def _check_int(value: int, field: str) -> int:
    if -(2**63) <= value < 2**64:
        return value
    raise CannotEncodeError("an integer beyond 64 bits is not sent exactly; send it as a string", field=field)


def _check_float(value: float, field: str) -> float:
    if math.isfinite(value):
        return value
    raise CannotEncodeError(f"{value} cannot be written as JSON; leave it out or send None", field=field)


def _standard(value: object) -> object:
    """Simplify Python's own scalars and their subclasses."""
    if type(value).__name__ in _MISSING and _module(value) == "pandas":
        return None
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):
        return _own(str, str.__str__, value)
    if isinstance(value, UserString):
        return value.data
    if isinstance(value, int):
        return _own(int, int.__int__, value)
    if isinstance(value, float):
        return _own(float, float.__float__, value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, uuid.UUID) or type(value).__module__ == "ipaddress":
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value).__name__ in _LAZY_TEXTS:
        return str(value)
    return _UNKNOWN


def _own(kind: Callable[[Any], object], plain: Callable[[Any], object], value: object) -> object:
    """Return the value of a subclass's instance, whatever it prints, or of what a proxy such as Django's stands for."""
    return plain(value) if issubclass(type(value), cast("type", kind)) else kind(value)


def _collection(value: object) -> object:
    """Simplify collections; sets are sorted where that is possible, so that equal ones have equal JSON."""
    if isinstance(value, AbstractSet) and not hasattr(value, "mapping"):
        try:
            return sorted(cast("Iterable[Any]", value))
        except TypeError:
            return list(value)
    if isinstance(value, (bytes, bytearray, memoryview, Iterator)):
        return _UNKNOWN  # an iterator can be read only once
    if isinstance(value, Sequence | AbstractSet | ValuesView) or type(value).__name__ == "array":
        return list(cast("Iterable[object]", value))
    return _UNKNOWN


def _structure(value: object) -> object:
    """Simplify instances of dataclasses, attrs classes, pydantic models and msgspec Structs."""
    kind = type(value)
    if hasattr(kind, "model_dump") and hasattr(kind, "model_fields"):
        return cast("Any", value).model_dump()
    if hasattr(kind, "__fields__") and hasattr(kind, "parse_obj"):  # pydantic before version 2
        return cast("Any", value).dict()
    for attribute in ("__dataclass_fields__", "__struct_fields__"):
        names = getattr(kind, attribute, None)
        if names is not None:
            return {name: getattr(value, name) for name in names if name[:1] != "_" and hasattr(value, name)}
    fields = getattr(kind, "__attrs_attrs__", None)
    if fields is not None:
        return {one.name: getattr(value, one.name) for one in fields if one.name[:1] != "_"}
    return _UNKNOWN


def _scientific(value: object) -> object:
    """Simplify numpy's scalars and arrays, and pandas' and polars' columns."""
    if _module(value) not in {"numpy", "pandas", "polars"}:
        return _UNKNOWN
    array = cast("Any", value)
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in {"m", "M"} and _module(value) == "numpy":  # tolist() would turn nanoseconds into bare integers
        return _numpy_times(array, kind)
    for method in ("tolist", "to_list"):
        if hasattr(value, method):
            found = getattr(array, method)()
            return float(array) if type(found) is type(value) else found  # a longdouble gives itself
    return _UNKNOWN


def _numpy_times(array: Any, kind: str) -> object:  # noqa: ANN401 - numpy is not imported
    """Return times or durations of numpy as what Python has for them; those with nanoseconds as text or floats."""
    micros = array.astype("datetime64[us]" if kind == "M" else "timedelta64[us]")
    found = micros.tolist()
    is_exact = ((micros == array) | (array != array)).all()  # noqa: PLR0124 - only NaT differs from itself
    if array.ndim:
        return found if is_exact else list(array)  # each is converted on its own
    if is_exact and not isinstance(found, int):  # a year that Python does not have is a bare integer
        return found
    return str(array) if kind == "M" else float(array / type(array)(1, "s"))


def _module(value: object) -> str:
    return type(value).__module__.partition(".")[0]
