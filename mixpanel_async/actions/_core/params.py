"""Checks and encodes the arguments of API calls."""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args, get_origin
from urllib.parse import quote, urlencode

import msgspec

from mixpanel_async.config import is_number
from mixpanel_async.errors import CannotEncodeError, InvalidArgumentError
from mixpanel_async.expressions import Expression
from mixpanel_async.json_types import JSONValue

Date: TypeAlias = dt.date | str
Id: TypeAlias = int | str
Field: TypeAlias = str | int | float | bool | Expression | None
FieldValue: TypeAlias = Field | Sequence[str | int | float]
Pairs: TypeAlias = list[tuple[str, str]]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# No name begins so by accident, where "[Ads] Click" does; a name that does can stand in the JSON text of a list.
_BROKEN_JSON = re.compile(r"\s*[\[{]\s*[\"']")


def iso_date(name: str, value: Date) -> str:
    """Return a date as `YYYY-MM-DD`.

    Args:
        name: Name of the argument, for the error.
        value: A date, or a string of that form. The date part of a datetime is used.

    Raises:
        InvalidArgumentError: `value` is not a date.
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
    raise InvalidArgumentError(f"{name} is invalid: {value!r} is not a date; use a form such as 2026-08-31")


def iso_moment(name: str, value: Date | None) -> str | None:
    """Return a date or datetime as ISO 8601, and a valid ISO 8601 string unchanged; None stays None.

    Raises:
        InvalidArgumentError: `value` is not ISO 8601.
    """
    if value is None or isinstance(value, dt.date):
        return None if value is None else value.isoformat()
    try:
        dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        raise InvalidArgumentError(
            f"{name} is invalid: {value!r} is not ISO 8601; use a form such as 2026-08-31T12:00:00Z"
        ) from None
    return value


def date_range(from_date: Date, to_date: Date) -> tuple[str, str]:
    """Return both dates as `YYYY-MM-DD`.

    Raises:
        InvalidArgumentError: A date is invalid, or `to_date` is before `from_date`.
    """
    first, last = iso_date("from_date", from_date), iso_date("to_date", to_date)
    if last < first:
        raise InvalidArgumentError(f"to_date is invalid: {last} is before from_date ({first}); give a later day")
    return first, last


def check_exclusive(**options: object) -> None:
    """Refuse more than one of the options; None means not given.

    Raises:
        InvalidArgumentError: More than one option is given; the message names them.
    """
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise InvalidArgumentError(f"{' and '.join(given)} exclude each other; give one of them")


def check_choice(name: str, value: object, kind: object) -> None:
    """Refuse a value that is not one of the choices; None is accepted.

    Args:
        name: Name of the argument.
        value: Its value.
        kind: A Literal, or a union of some.

    Raises:
        InvalidArgumentError: `value` is not one of the choices; the message names them.
    """
    choices = choices_of(kind)
    if value is not None and not any(value == one and type(value) is type(one) for one in choices):
        *others, last = map(str, choices)
        raise InvalidArgumentError(
            f"{name} is invalid: {value!r} is unknown; choose {', '.join(others)}{' or ' if others else ''}{last}"
        )


def choices_of(kind: object) -> tuple[object, ...]:
    """Return the values of a Literal, or of a union of some."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(choice for one in get_args(kind) for choice in choices_of(one))


def check_needs(option: str, value: object, needed: str, needed_value: object) -> None:
    """Refuse an option without the option that it needs; None means not given.

    Raises:
        InvalidArgumentError: `option` is given and `needed` is not.
    """
    if value is not None and needed_value is None:
        raise InvalidArgumentError(f"{option} is invalid: it needs {needed}; give both, or omit {option}")


def check_range(name: str, value: object, low: int, high: int) -> None:
    """Refuse what is not a whole number from `low` to `high`; None is accepted.

    Raises:
        InvalidArgumentError: `value` is outside the range, or not a whole number.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not a whole number; give one as an int")
    if isinstance(value, int) and not low <= value <= high:
        raise InvalidArgumentError(
            f"{name} is invalid: {value!r} is outside {low:,}-{high:,}; give a number in this range"
        )


def check_whole_number(name: str, values: Sequence[object], high: int) -> None:
    """Refuse an empty list and one that is longer than a request may be.

    Raises:
        InvalidArgumentError: `values` is empty, longer than `high`, or a string.
    """
    if isinstance(values, str):
        raise InvalidArgumentError(f"{name} is invalid: it is a string; give a list")
    if not 1 <= len(values) <= high:
        raise InvalidArgumentError(f"{name} is invalid: it has {len(values):,} entries; give 1 to {high:,}")


def json_text(value: JSONValue) -> str:
    """Return a value as JSON text; Structs, dates and UUIDs are converted.

    Raises:
        CannotEncodeError: The value contains NaN, infinity or a type that JSON does not have.
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise CannotEncodeError(f"not JSON serializable: {error}") from None


def json_body(fields: Mapping[str, JSONValue]) -> bytes:
    """Return the fields that are not None as a JSON object."""
    return json_text({name: value for name, value in fields.items() if value is not None}).encode()


def parsed_text(text: object) -> JSONValue:
    """Return what a text is as JSON if it is an array or an object, and otherwise UNSET.

    Lists and objects may be given as the JSON text that Mixpanel's documents show; it is parsed once.
    """
    if not isinstance(text, str) or text.lstrip()[:1] not in {"[", "{"}:
        return msgspec.UNSET
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return msgspec.UNSET  # a name such as "[Ads] Click"


def parsed_json(name: str, value: JSONValue) -> JSONValue:
    """Return a value, or the array or object that it is the JSON text of.

    Raises:
        InvalidArgumentError: It is text that begins as JSON and is none.
    """
    parsed = parsed_text(value)
    if parsed is not msgspec.UNSET:
        return parsed
    if isinstance(value, str) and _BROKEN_JSON.match(value):
        raise InvalidArgumentError(f"{name} is invalid: it begins as JSON text and is not valid JSON; give the value")
    return value


def check_mapping(name: str, value: object) -> None:
    """Refuse what is not names with values; None is accepted.

    Raises:
        InvalidArgumentError: `value` is not a mapping.
    """
    if value is not None and not isinstance(value, Mapping):
        raise InvalidArgumentError(
            f'{name} is invalid: it is a {type(value).__name__}; give a dict such as {{"a": "b"}}'
        )


def check_switch(name: str, value: object) -> None:
    """Refuse what is not on or off; None is accepted.

    Raises:
        InvalidArgumentError: `value` is not True or False.
    """
    if value is not None and not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not True or False; give one of them")


def text_list(name: str, values: str | Sequence[str] | None, *, may_be_empty: bool = False) -> str | None:
    """Return one or several texts as a JSON array; None stays None. See `texts`."""
    found = texts(name, values, may_be_empty=may_be_empty)
    return None if found is None else json_text(found)


def texts(name: str, values: str | Sequence[str] | None, *, may_be_empty: bool = False) -> list[str] | None:
    """Return one or several texts as a list; None stays None.

    Args:
        name: Name of the argument, for the error.
        values: One text, several, or a JSON array of them as text.
        may_be_empty: Whether an empty list means something; if not, it is refused.

    Raises:
        InvalidArgumentError: An entry is not text or empty, a JSON array stands among other entries, or there is none.
    """
    if values is None:
        return None
    given: object = values
    if isinstance(given, Mapping) or not hasattr(given, "__iter__"):
        raise _no_list(name, f"it is a {type(given).__name__}")
    found: list[object] = [values] if isinstance(values, str) else list(values)
    if any(isinstance(parsed_text(one), list | dict) for one in found):
        inner = parsed_text(found[0])
        if len(found) > 1 or not isinstance(inner, list):
            raise _no_list(name, "it mixes JSON text with other entries" if len(found) > 1 else "it is a JSON object")
        found = inner
    elif any(isinstance(one, str) and _BROKEN_JSON.match(one) for one in found):
        raise _no_list(name, "it begins as JSON text and is not valid JSON")
    if not found and not may_be_empty:
        raise InvalidArgumentError(f"{name} is invalid: the list is empty; give at least one entry, or omit {name}")
    checked = [one for one in found if isinstance(one, str) and one]
    if len(checked) < len(found):
        raise _no_list(name, "an entry is not text" if all(one != "" for one in found) else "an entry is empty")
    return checked


def one_text(name: str, value: str) -> str:
    """Return the one text that an argument takes; the JSON array of one text counts as that text.

    Raises:
        InvalidArgumentError: It is the JSON text of something else, or no text.
    """
    found = parsed_text(value)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    elif found is not msgspec.UNSET:
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is JSON of several values; give one name")
    else:
        found = value
    if not isinstance(found, str) or not found:
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not a name; give one as text")
    return found


def _no_list(name: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f'{name} is invalid: {problem}; give a list of texts such as ["a", "b"], or its JSON text'
    )


def json_list(values: Iterable[JSONValue] | str | None) -> str | None:
    """Return one or several values as a JSON array; None stays None."""
    if values is None:
        return None
    return json_text([values] if isinstance(values, str) else list(values))


def pairs(fields: Mapping[str, FieldValue]) -> Pairs:
    """Return the fields that are not None as pairs of name and text; a sequence gives one pair for each element.

    Raises:
        InvalidArgumentError: A value is an object or another list.
    """
    found: Pairs = []
    for name, value in fields.items():
        if value is None:
            continue
        values = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        found.extend((name, _text(name, one)) for one in values)
    return found


def form_body(fields: Mapping[str, FieldValue]) -> bytes:
    """Return the fields that are not None as a URL-encoded form."""
    return urlencode(pairs(fields)).encode("ascii")


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or (isinstance(value, bytes | Mapping | Iterable) and not isinstance(value, str)):
        raise InvalidArgumentError(
            f"{name} is invalid: a {type(value).__name__} has no one form as text; give text, for example its JSON"
        )
    return str(value)


def check_number(name: str, value: object) -> None:
    """Refuse an ID that is not a number; None is accepted.

    Raises:
        InvalidArgumentError: `value` is not a number above 0.
    """
    if value is not None and not is_number(value):
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not a number; give an ID such as 1234567")


def segment(name: str, value: Id) -> str:
    """Return an ID as an escaped path segment.

    Raises:
        InvalidArgumentError: `value` is empty, or a dot segment, which would change the path.
    """
    text = str(value)
    if text in {"", ".", ".."} or isinstance(value, bool):
        raise InvalidArgumentError(f"{name} is invalid: {value!r} is not an ID or a name; give one")
    return quote(text, safe="")
