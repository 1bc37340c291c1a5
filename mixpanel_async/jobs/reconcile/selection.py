"""Turns records of both sides into rows, and counts those that are not compared."""

import datetime as dt
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS
from mixpanel_async.jobs.reconcile.record import export_digests, read_record, source_digests
from mixpanel_async.jobs.reconcile.report import EventDifference
from mixpanel_async.jobs.reconcile.rows import ComparedRow
from mixpanel_async.time_slice import ThreadTurns

_EPOCH: Final = dt.date(1970, 1, 1)
_MAX_EXAMPLES: Final = 5
_TURN_RECORDS: Final = 16


class DayRange(msgspec.Struct, frozen=True):
    """Some consecutive days.

    Attributes:
        first: The first one, as days since 1970.
        last: The last one, inclusive.
    """

    first: int
    last: int

    def parts(self, count: int) -> Sequence["DayRange"]:
        """Return these days in at most `count` parts of about the same length."""
        step = -(-(self.last - self.first + 1) // count)
        return [DayRange(day, min(day + step - 1, self.last)) for day in range(self.first, self.last + 1, step)]

    def has_any(self, days: Sequence[int]) -> bool:
        """Return whether one of some days is in the range."""
        return any(self.first <= day <= self.last for day in days)


def day_number(day: str) -> int:
    """Return a day such as 2026-08-31 as days since 1970."""
    return (dt.date.fromisoformat(day) - _EPOCH).days


def day_text(day: int) -> str:
    """Return days since 1970 as a day such as 2026-08-31."""
    return (_EPOCH + dt.timedelta(days=day)).isoformat()


class Selection(msgspec.Struct, frozen=True):
    """Which events are compared, and by what.

    Attributes:
        days: The days.
        events: Names of the only events; empty: all.
        ignored: Names of properties that are not compared.
        localize: Returns the local milliseconds of a time of the source; None: they are compared as they are.
    """

    days: DayRange
    events: AbstractSet[str] = frozenset()
    ignored: AbstractSet[str] = frozenset()
    localize: Callable[[int], int] | None = None


class Tallies(msgspec.Struct):
    """What is counted of both sides apart from the rows. The counts of the export are those of one export."""

    outside: int = 0
    rejected: int = 0
    skipped: int = 0
    linking: int = 0
    examples: list[EventDifference] = []

    def reject(self, position: str, message: str, count: int = 1) -> None:
        """Count a record of the source that is not a valid event."""
        self.rejected += count
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(EventDifference(kind="rejected", position=position, message=message))


def source_rows(
    name: str, numbers: Sequence[int], parts: Sequence[bytes], selection: Selection, tallies: Tallies
) -> list[ComparedRow]:
    """Return the rows of encoded events of the source. Runs on a thread."""
    found = []
    turns = ThreadTurns()
    for index, (number, part) in enumerate(zip(numbers, parts, strict=True)):
        if index % _TURN_RECORDS == 0:
            turns.give_way()
        line = part.strip()
        try:
            row = _source_row(name, number, line, selection, tallies)
        except InvalidRecordError as error:
            if b'"$' in line and _is_linking(line):  # needs no time
                tallies.linking += 1
            else:
                tallies.reject(f"{name}:{number}", str(error))
        else:
            if row is not None:
                found.append(row)
    return found


def _source_row(name: str, number: int, line: bytes, selection: Selection, tallies: Tallies) -> ComparedRow | None:
    record = read_record(line, selection.localize)
    if record.name in IDENTITY_EVENTS:
        tallies.linking += 1
        return None
    if not selection.days.first <= record.day <= selection.days.last or not _is_selected(record.name, selection):
        tallies.outside += 1
        return None
    return ComparedRow(source_digests(record, selection.ignored), record.day, record.name, name, number, line)


def export_rows(lines: Sequence[bytes], first_number: int, selection: Selection) -> list[ComparedRow]:
    """Return the rows of exported events; events that link IDs are left out. Runs on a thread.

    Args:
        lines: The lines.
        first_number: Number of the first line in the export.
        selection: Which events are compared.

    Raises:
        InvalidRecordError: A line has no properties, or no time.
    """
    found = []
    turns = ThreadTurns()
    for index, line in enumerate(lines):
        if index % _TURN_RECORDS == 0:
            turns.give_way()
        record = read_record(line)
        if record.name not in IDENTITY_EVENTS and _is_selected(record.name, selection):
            digests = export_digests(record, selection.ignored)
            found.append(ComparedRow(digests, record.day, record.name, "", first_number + index, line))
    return found


def _is_selected(name: str, selection: Selection) -> bool:
    return not selection.events or name in selection.events


class _Name(msgspec.Struct):
    event: str


def _is_linking(line: bytes) -> bool:
    try:
        return msgspec.json.decode(line, type=_Name).event in IDENTITY_EVENTS
    except msgspec.MsgspecError:
        return False
