"""Looks at the events that may differ, and lists what differs: as examples, and as lines of a file. Blocks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec

from mixpanel_async.jobs.reconcile.comparison import Comparison, Copy, Key, ListedEvent
from mixpanel_async.jobs.reconcile.differences import differences
from mixpanel_async.jobs.reconcile.record import EventRecord, read_record
from mixpanel_async.jobs.reconcile.report import (
    DayCount,
    DifferenceKind,
    DifferingValues,
    EventDifference,
    ReconcileReport,
)
from mixpanel_async.jobs.reconcile.selection import Selection, Tallies, day_text
from mixpanel_async.time_slice import ThreadTurns

_MAX_EXAMPLES: Final = 5
_MAX_DAYS: Final = 1000
_MAX_COPIES: Final = 8  # of one key and side that are compared with each other
_NOTED_KEYS: Final = 10_000


class Findings:
    """What one comparison found.

    Args:
        selection: Which events are compared, and by what.
        write: Writes a line of the output; None: there is no output.

    Attributes:
        examples: The first few differences of each kind.
    """

    def __init__(self, selection: Selection, write: Callable[[bytes], None] | None) -> None:
        self._selection = selection
        self._write = write
        self._turns = ThreadTurns()
        self._listed: Counter[str] = Counter()
        self.examples: list[EventDifference] = []

    def check(self, comparison: Comparison) -> None:
        """Compare the events that may differ; list those that do, and record the result of each."""
        noted: dict[str, list[Key]] = {"equal": [], "different": []}
        for key, copies in groupby(_flat(comparison.candidates()), key=lambda copy: copy.key):
            self._turns.give_way()
            found = self._compared(copies)
            noted["different" if found is not None else "equal"].append(key)
            if found is not None:
                self.add(found)
            # Inserted in blocks, so that DuckDB and not this list bounds the memory.
            for kind, keys in noted.items():
                if len(keys) >= _NOTED_KEYS:
                    comparison.note(keys, kind)
                    keys.clear()
        for kind, keys in noted.items():
            comparison.note(keys, kind)

    def list_others(self, comparison: Comparison) -> None:
        """List missing and unexpected events, and duplicates."""
        kinds: Sequence[DifferenceKind] = ("missing", "unexpected", "duplicate")
        for kind in kinds:
            for event in comparison.listed(kind):
                self._turns.give_way()
                self.add(self._described(kind, event))
                if self._write is None and self._listed[kind] >= _MAX_EXAMPLES:
                    break

    def add(self, found: EventDifference) -> None:
        """List a difference."""
        self._listed[found.kind] += 1
        if self._listed[found.kind] <= _MAX_EXAMPLES:
            self.examples.append(found)
        if self._write is not None:
            self._write(msgspec.json.encode(found, enc_hook=str) + b"\n")

    def _compared(self, copies: Iterator[Copy]) -> EventDifference | None:
        """Return how the copies of one event differ; None if one of the source equals one of the export."""
        ours, theirs = _distinct(copies)
        records = [(copy, read_record(copy.line, self._selection.localize)) for copy in ours]
        others = [(copy, read_record(copy.line)) for copy in theirs]
        first: tuple[Copy, EventRecord, dict[str, DifferingValues]] | None = None
        for copy, record in records:
            for _, other in others:
                found = differences(record, other, self._selection.ignored)
                if not found:
                    return None
                first = first or (copy, record, found)
        if first is None:
            return None
        copy, record, found = first
        return _difference("different", record, copy.line, _position(copy.place, copy.number), found)

    def _described(self, kind: DifferenceKind, event: ListedEvent) -> EventDifference:
        record = read_record(event.line, self._selection.localize if event.place else None)
        found = _difference(kind, record, event.line, _position(event.place, event.number))
        return msgspec.structs.replace(found, copies=event.copies) if kind == "duplicate" else found


def report_of(
    comparison: Comparison, name: str, selection: Selection, tallies: Tallies, examples: Sequence[EventDifference]
) -> ReconcileReport:
    """Return the report of a comparison."""
    source, export, missing, unexpected, different, twice, twice_there = comparison.counts()
    rows = comparison.days(_MAX_DAYS)
    return ReconcileReport(
        source=name,
        from_date=day_text(selection.days.first),
        to_date=day_text(selection.days.last),
        source_events=source,
        export_events=export,
        equal=source - twice - missing - different,
        missing=missing,
        unexpected=unexpected,
        different=different,
        source_duplicates=twice,
        export_duplicates=twice_there,
        outside=tallies.outside,
        rejected=tallies.rejected,
        skipped=tallies.skipped,
        linking=tallies.linking,
        days=[DayCount(day_text(row[0]), *row[1:7]) for row in rows],
        days_left_out=rows[0][7] - len(rows) if rows else 0,
        examples=[*examples, *tallies.examples],
    )


def _flat(groups: Iterator[Sequence[Copy]]) -> Iterator[Copy]:
    for group in groups:
        yield from group


def _distinct(copies: Iterator[Copy]) -> tuple[Sequence[Copy], Sequence[Copy]]:
    """Return some copies of each side that are not byte-identical."""
    sides: tuple[dict[bytes, Copy], dict[bytes, Copy]] = ({}, {})
    for copy in copies:
        side = sides[copy.is_export]
        if len(side) < _MAX_COPIES:
            side.setdefault(copy.line, copy)
    return list(sides[0].values()), list(sides[1].values())


def _position(place: str, number: int) -> str:
    return f"{place}:{number}" if place else ""


def _difference(
    kind: DifferenceKind,
    record: EventRecord,
    line: bytes,
    position: str,
    fields: dict[str, DifferingValues] | None = None,
) -> EventDifference:
    return EventDifference(
        kind=kind,
        event=record.name,
        day=day_text(record.day),
        distinct_id=record.distinct_id,
        insert_id=record.insert_id,
        position=position,
        fields=fields or {},
        record=msgspec.Raw(line),
    )
