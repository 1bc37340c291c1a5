"""Times as the app API writes them."""

import datetime as dt

from mixpanel_async.emulator.replies import RefusalError


def iso(seconds: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_iso(name: str, text: str) -> dt.datetime:
    """Return a day or a time in ISO 8601; without a zone it is UTC.

    Raises:
        RefusalError: With 400, if it is neither.
    """
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise RefusalError(
            400, f"{name} is invalid: {text!r} is not a time; give ISO 8601, such as 2026-08-31T12:00:00Z"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def read_day(name: str, text: str) -> dt.date:
    """Return a day of the form YYYY-MM-DD.

    Raises:
        RefusalError: With 400, if it is none.
    """
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise RefusalError(400, f"{name} is invalid: {text!r} is not a day; give YYYY-MM-DD") from None
