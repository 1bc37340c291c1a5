"""Which events the page lists, as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mixpanel_async.emulator.expressions.sql import literal
from mixpanel_async.emulator.replies import RefusalError

MAX_ROWS: Final = 200
_PREVIEW_CHARACTERS: Final = 300
_MAX_TEXT: Final = 1000
_COLUMNS: Final = (
    "seq, project, event, distinct_id, time_ms, received_ms, superseded, "
    f"left(properties, {_PREVIEW_CHARACTERS}), length(properties) > {_PREVIEW_CHARACTERS}"
)


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Conditions on events; texts match anywhere and in any case.

    Attributes:
        project: ID of the project; None for all.
        event: Part of the event's name.
        distinct_id: Part of the distinct_id.
        text: Part of the event as JSON.
    """

    project: int | None = None
    event: str = ""
    distinct_id: str = ""
    text: str = ""

    def condition(self) -> str:
        """Return the SQL."""
        parts = [] if self.project is None else [f"project = {self.project}"]
        parts += [
            f"contains(lower({column}), lower({literal(text)}))"
            for column, text in (("event", self.event), ("distinct_id", self.distinct_id))
            if text
        ]
        if self.text:
            sought = f"lower({literal(self.text)})"
            columns = ("properties", "event", "distinct_id", "head")
            parts.append("(" + " OR ".join(f"contains(lower({column}), {sought})" for column in columns) + ")")
        return " AND ".join(parts) or "TRUE"


def read_filter(query: Mapping[str, str]) -> EventFilter:
    """Read a filter from the parameters of a request.

    Raises:
        RefusalError: With 400, if one is invalid.
    """
    return EventFilter(
        project=read_number(query, "project"),
        **{name: plain(query.get(name, "")) for name in ("event", "distinct_id", "text")},
    )


def read_number(query: Mapping[str, str], name: str) -> int | None:
    """Read a number from the parameters of a request; None if it is missing or empty.

    Raises:
        RefusalError: With 400, if it is not a number.
    """
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - fits a BIGINT
        raise RefusalError(400, f"{name} must be a number")
    return int(text)


def plain(text: str) -> str:
    """Return a text that SQL and JSON take: bounded, without NUL and halves of characters."""
    return text[:_MAX_TEXT].encode("utf-8", "replace").decode().replace("\0", "")


def events_from(wanted: EventFilter, seq: int) -> str:
    """Return the SQL for the newest events from a sequence number on: one more than is shown."""
    return (
        f"SELECT {_COLUMNS} FROM events WHERE seq >= {seq} AND {wanted.condition()}"  # noqa: S608 - escaped literals
        f" ORDER BY seq DESC LIMIT {MAX_ROWS + 1}"
    )


def events_before(wanted: EventFilter, seq: int) -> str:
    """Return the SQL for the newest events before a sequence number: one more than is shown."""
    return (
        f"SELECT {_COLUMNS} FROM events WHERE seq < {seq} AND {wanted.condition()}"  # noqa: S608 - escaped literals
        f" ORDER BY seq DESC LIMIT {MAX_ROWS + 1}"
    )
