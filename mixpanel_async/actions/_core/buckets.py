"""Reads the dates and members of reports."""

import datetime as dt
import re
from typing import Final, TypeVar

import msgspec

from mixpanel_async.errors import UnexpectedReplyError

T = TypeVar("T")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)  # what Mixpanel writes for units below a day, and in Insights


def parse_bucket(text: str) -> dt.date | None:
    """Return a day as a `date`, a time as a `datetime`; None if the text is neither."""
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text)
        return dt.datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def bucket_date(text: str, operation: str) -> dt.date:
    """Return the date of a bucket; a `datetime` if the text has a time.

    Args:
        text: The date, as in the reply.
        operation: The call, for the error.

    Raises:
        UnexpectedReplyError: The text is not a date.
    """
    found = parse_bucket(text)
    if found is None:
        raise unreadable(operation, f"the reply has {text!r} in place of a date; `raw` has the reply as it is")
    return found


def as_days(values: list[dt.date | None]) -> list[dt.date | None]:
    """Return days in place of times, if every time is a midnight: Insights writes days so."""
    times = [value for value in values if isinstance(value, dt.datetime)]
    if not times or any(time.time() != dt.time() for time in times):
        return values
    return [value.date() if isinstance(value, dt.datetime) else value for value in values]


def read_member(value: object, kind: type[T], operation: str, what: str) -> T:
    """Return a part of a decoded reply as `kind`.

    Raises:
        UnexpectedReplyError: The part is something else; the error says which part.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise unreadable(operation, f"{what} cannot be read: {error}; `raw` has the reply as it is") from None


def unreadable(operation: str, problem: str) -> UnexpectedReplyError:
    """Return the error for a reply that cannot be read as rows."""
    return UnexpectedReplyError(problem, status=200, operation=operation)
