"""Arguments as Mixpanel wants them on the wire, checked before anything is sent."""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from mixpanel_async.errors import CannotEncodeError, InvalidArgumentError
from mixpanel_async.models import JSONValue

Date: TypeAlias = dt.date | str
Id: TypeAlias = int | str
Field: TypeAlias = str | int | float | bool | None
FieldValue: TypeAlias = Field | Sequence[str | int | float]
Pairs: TypeAlias = list[tuple[str, str]]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def iso_date(name: str, value: Date) -> str:
    """Return a date as `YYYY-MM-DD`.

    Args:
        name: The argument's name, for the error.
        value: A date, or a string of that form. Of a datetime the date it shows is taken.

    Raises:
        InvalidArgumentError: It is no such date.
    """
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    try:
        if _ISO_DATE.fullmatch(value):
            return dt.date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        pass
    raise InvalidArgumentError(f"{name} is {value!r}; it must be a date such as 2026-08-31")


def iso_moment(name: str, value: Date | None) -> str | None:
    """Return a date or a moment as ISO 8601; a string as it is, if it is one. None stays None.

    Raises:
        InvalidArgumentError: It is none.
    """
    if value is None or isinstance(value, dt.date):
        return None if value is None else value.isoformat()
    try:
        dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise InvalidArgumentError(f"{name} is {value!r}; it must be ISO 8601, such as 2026-08-31T12:00:00Z") from None
    return value


def date_range(from_date: Date, to_date: Date) -> tuple[str, str]:
    """Return both dates as `YYYY-MM-DD`.

    Raises:
        InvalidArgumentError: One is no date, or the range ends before it begins.
    """
    first, last = iso_date("from_date", from_date), iso_date("to_date", to_date)
    if last < first:
        raise InvalidArgumentError(f"to_date ({last}) is before from_date ({first})")
    return first, last


def check_exclusive(**options: object) -> None:
    """Refuse more than one of the options, where None means not given.

    Raises:
        InvalidArgumentError: More than one was given; it names them.
    """
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise InvalidArgumentError(f"{' and '.join(given)} exclude each other; give one of them")


def check_needs(option: str, value: object, needed: str, needed_value: object) -> None:
    """Refuse an option without another that it depends on, where None means not given.

    Raises:
        InvalidArgumentError: `option` was given and `needed` was not.
    """
    if value is not None and needed_value is None:
        raise InvalidArgumentError(f"{option} needs {needed}; give both or neither")


def check_range(name: str, value: int | None, low: int, high: int) -> None:
    """Refuse a number outside `low` to `high`; None passes.

    Raises:
        InvalidArgumentError: It is outside.
    """
    if value is not None and not low <= value <= high:
        raise InvalidArgumentError(f"{name} is {value!r}; it must be from {low:,} to {high:,}")


def check_whole_number(name: str, values: Sequence[object], high: int) -> None:
    """Refuse an empty list and one that is longer than a request takes.

    Raises:
        InvalidArgumentError: It is empty, longer than `high`, or a string in place of a list.
    """
    if isinstance(values, str):
        raise InvalidArgumentError(f"{name} is a string; it must be a list")
    if not 1 <= len(values) <= high:
        raise InvalidArgumentError(f"{name} has {len(values):,} entries; a request takes 1 to {high:,}")


def json_text(value: JSONValue) -> str:
    """Return a value as JSON text; Structs, dates and UUIDs included.

    Raises:
        CannotEncodeError: It holds NaN, infinity or something that JSON does not have.
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise CannotEncodeError(f"cannot become JSON: {error}") from None


def json_body(fields: Mapping[str, JSONValue]) -> bytes:
    """Return the fields that were given (are not None) as a JSON object."""
    return json_text({name: value for name, value in fields.items() if value is not None}).encode()


def json_list(values: Iterable[JSONValue] | str | None) -> str | None:
    """Return a JSON array of one or several values; None stays None."""
    if values is None:
        return None
    return json_text([values] if isinstance(values, str) else list(values))


def pairs(fields: Mapping[str, FieldValue]) -> Pairs:
    """Return the fields that were given (are not None) as name and text; a sequence becomes one pair an element."""
    found: Pairs = []
    for name, value in fields.items():
        if value is None:
            continue
        values = value if not isinstance(value, str) and isinstance(value, Sequence) else [value]
        found.extend((name, _text(one)) for one in values)
    return found


def form_body(fields: Mapping[str, FieldValue]) -> bytes:
    """Return the fields that were given as a URL-encoded form."""
    return urlencode(pairs(fields)).encode("ascii")


def _text(value: Field) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def segment(name: str, value: Id) -> str:
    """Return an id as one segment of a path, escaped.

    Raises:
        InvalidArgumentError: It is empty, or a dot segment, which would name another path.
    """
    text = str(value)
    if text in {"", ".", ".."} or isinstance(value, bool):
        raise InvalidArgumentError(f"{name} is {value!r}; it must be an id or a name")
    return quote(text, safe="")


def one_or_many(values: str | Sequence[str] | None) -> Sequence[str] | None:
    """Return a list where one string is as good as a list of one."""
    return [values] if isinstance(values, str) else values
