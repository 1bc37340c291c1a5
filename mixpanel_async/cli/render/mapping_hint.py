"""The options that probably map a table whose columns have other names than Mixpanel's fields."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from mixpanel_async.errors import MissingColumnsError

_USERS: Final = (
    "user_id", "userid", "uid", "customer_id", "account_id", "email", "anonymous_id", "device_id", "user", "id",
)  # fmt: skip
# What columns are called elsewhere, the likeliest first; the name itself or a part of it.
_LIKELY: Final[Mapping[str, Sequence[str]]] = {
    "event": ("event_name", "event_type", "eventname", "event", "action", "activity", "name", "type"),
    "time": ("timestamp", "event_time", "ts", "occurred_at", "created_at", "datetime", "time", "date", "_at"),
    "distinct_id": _USERS,
    "profile": ("$distinct_id", "distinct_id", *_USERS),
    "$insert_id": ("insert_id", "event_id", "message_id", "messageid", "uuid"),
}  # fmt: skip
_OPTIONS: Final = {
    "event": "--event-field",
    "time": "--time-field",
    "distinct_id": "--distinct-id-field",
    "profile": "--id-field",
    "$insert_id": "--insert-id-field",
}
_INSTEAD: Final = {"event": ("--event", "Row Imported"), "$insert_id": ("--insert-id-hash", "content")}


def mapping_hint(error: MissingColumnsError) -> str:
    """Return a line that names the options to try, or "" if nothing can be guessed."""
    taken = {*_OPTIONS} - {*error.missing}
    columns = {_plain(name): name for name in error.columns if name not in taken}
    options: list[str] = []
    for field in _OPTIONS:
        if field not in error.missing:
            continue
        found = _guess(field, columns)
        if found is not None:
            del columns[_plain(found)]  # a column has one role
        if found is None and field in _INSTEAD:
            options += _INSTEAD[field]
        else:
            options += [_OPTIONS[field], found or "COLUMN"]
    return f"for example: {shlex.join(options)}" if options else ""


def _guess(field: str, columns: Mapping[str, str]) -> str | None:
    for is_fit in (str.__eq__, str.__contains__):
        for likely in _LIKELY[field]:
            for lowered, name in columns.items():
                if is_fit(lowered, likely):
                    return name
    return None


def _plain(name: str) -> str:
    """Return a name in lower case, with underscores between its words."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
