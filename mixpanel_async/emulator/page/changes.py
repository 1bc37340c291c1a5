"""What the page learns at once: the changes since a position, which a reader that comes back names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import orjson

from mixpanel_async.emulator.activity import Activity, Exchange, Rejection
from mixpanel_async.emulator.page.heads import event_head, rejection_head, request_head
from mixpanel_async.emulator.page.selection import MAX_ROWS

Item = TypeVar("Item", Rejection, Exchange)


class Position(NamedTuple):
    """How far a reader has read: the epoch, the next event, and the last rejection and request that it knows."""

    epoch: str
    event: int
    rejection: int
    request: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.event}.{self.rejection}.{self.request}"


def read_position(text: str) -> Position | None:
    """Read a position; None if the text is none."""
    epoch, *numbers = text.split(".")
    if len(numbers) != 3 or not all(one.isascii() and one.isdecimal() and len(one) < 16 for one in numbers):  # noqa: PLR2004
        return None
    return Position(epoch, *map(int, numbers))


def rejections_after(activity: Activity, number: int) -> dict[str, Any]:
    """Return the newest rejections after a number."""
    return _newest(activity.rejections, number, None, rejection_head)


def rejections_before(activity: Activity, number: int) -> dict[str, Any]:
    """Return the newest rejections before a number."""
    return _newest(activity.rejections, 0, number, rejection_head)


def requests_after(activity: Activity, number: int) -> dict[str, Any]:
    """Return the newest requests after a number."""
    return _newest(activity.exchanges, number, None, request_head)


def requests_before(activity: Activity, number: int) -> dict[str, Any]:
    """Return the newest requests before a number."""
    return _newest(activity.exchanges, 0, number, request_head)


def listed(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the newest events, from rows of `selection`: one more than is shown means that there are more."""
    return {"rows": [event_head(row) for row in rows[:MAX_ROWS]], "has_more": len(rows) > MAX_ROWS}


def as_message(position: Position, changes: Mapping[str, Any]) -> bytes:
    """Return changes as a server-sent event."""
    return b"id: %s\ndata: %s\n\n" % (str(position).encode(), orjson.dumps(changes))


def _newest(
    items: Sequence[Item], after: int, before: int | None, head: Callable[[Item], dict[str, Any]]
) -> dict[str, Any]:
    # The items are numbered without gaps, and only the last ones are kept.
    if not items:
        return {"rows": [], "has_more": False}
    oldest, end = items[0].number, items[-1].number + 1
    stop = end if before is None else max(oldest, min(before, end))
    start = max(oldest, after + 1, stop - MAX_ROWS)
    rows = [head(items[number - end]) for number in range(stop - 1, start - 1, -1)]
    return {"rows": rows, "has_more": start > max(oldest, after + 1)}
