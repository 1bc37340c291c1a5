"""Encodes events that are mappings: groups with plain types are checked cheaply, all others one by one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, cast

import msgspec
import orjson

from mixpanel_async import limits
from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.event_checks import check_event
from mixpanel_async.jobs.encoding.fast_lines import LineChecker, are_shapes_valid, has_placeholder, note_placeholder
from mixpanel_async.jobs.mapping.cleaning import RecordSkippedError
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.model.chunks import (
    GROUP,
    STEP_RECORDS,
    Chunk,
    EncodedChunk,
    FlatRecord,
    Notice,
    RejectedRecord,
    count_rejects,
)
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.event_key import EventFields, KeyProperties
from mixpanel_async.jobs.vendors.events import VendorEvents
from mixpanel_async.records import validation
from mixpanel_async.records.json_writer import exact_copy
from mixpanel_async.records.parsing import as_object
from mixpanel_async.records.rejection import record_for_report, rejected, too_deep
from mixpanel_async.records.tokens import FOREIGN_TOKEN, TokenRule
from mixpanel_async.records.values import REPAIRED_TEXT, ValueConverter
from mixpanel_async.time_slice import Steps

Transform: TypeAlias = Callable[[dict[str, object]], FlatRecord | Sequence[FlatRecord] | None]
_find_null: Final = re.compile(rb"null").search


class _Draft(msgspec.Struct):
    rejects: list[RejectedRecord]
    parts: list[bytes] = []
    numbers: list[int] = []
    replaced: list[int] = []
    tally: Tally = msgspec.field(default_factory=Tally)
    notices: list[Notice] = []


class RecordEncoder:
    """Encodes chunks of mappings.

    Args:
        window: Detects duplicates.
        now: Returns Unix time in seconds.
        max_bytes: Maximum size of an event in bytes.
        tokens: What becomes of an event's own token.
        values: Converts what JSON does not have.
        mapper: Turns flat records into events; None: the records are events.
        transform: Turns each event into zero or more events.
        vendor: Turns a vendor's records into events, before the mapper.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        window: EventWindow,
        now: Callable[[], float],
        max_bytes: int,
        tokens: TokenRule,
        values: ValueConverter,
        mapper: EventMapper | None = None,
        transform: Transform | None = None,
        vendor: VendorEvents | None = None,
    ) -> None:
        self._vendor = vendor
        self._window = window
        self._now = now
        self._max_bytes = max_bytes
        self._mapper = mapper
        self._transform = transform
        self._tokens = tokens
        self._values = values
        self._lines = LineChecker(window, now, max_bytes, tokens)

    def encode(self, chunk: Chunk) -> Steps[EncodedChunk]:
        """Return a chunk of mappings encoded, in steps."""
        now = self._now()
        draft = _Draft(rejects=list(chunk.rejects))
        for start in range(0, len(chunk.rows), GROUP):
            rows, numbers = chunk.rows[start : start + GROUP], chunk.numbers[start : start + GROUP]
            together = self._encode_together(rows, now)
            if together is None:
                for index, (row, number) in enumerate(zip(rows, numbers, strict=True)):
                    self._encode_one(chunk, row, number, now, draft)
                    if index % STEP_RECORDS == 0:
                        yield
            else:
                draft.parts += together
                draft.numbers += numbers
                draft.tally.read += len(together)
            yield
        if self._mapper is not None:
            draft.tally.changed.update(self._mapper.take_changes())
            noticed, draft.notices = self._mapper.take_notices()
            draft.tally.noticed.update(noticed)
        if self._vendor is not None:
            draft.tally.changed.update(self._vendor.take_changes())
        yield from count_rejects(draft.rejects, draft.tally)
        draft.tally.changed[FOREIGN_TOKEN] += len(draft.replaced)
        return EncodedChunk(
            chunk.name,
            draft.parts,
            draft.numbers,
            draft.tally,
            draft.rejects,
            chunk.end,
            replaced=draft.replaced,
            notices=draft.notices,
        )

    def _encode_together(self, rows: Sequence[FlatRecord], now: float) -> list[bytes] | None:
        """Return a group of events as JSON if all are valid and new; otherwise change nothing and return None."""
        if self._mapper is not None or self._transform is not None:
            return None
        try:
            group = [b"%b" % orjson.dumps(row) for row in rows]  # `exact_copy`, inlined
        except (TypeError, RecursionError):
            return None
        fields = _plain_fields(rows)
        if fields is None:
            return None
        together = b"".join(group)
        # orjson writes NaN as null: a cheap pass over the values clears ordinary ones.
        if (_find_null(together) or not are_shapes_valid(group, together, self._max_bytes)) and not (
            max(map(len, group)) <= self._max_bytes and all(map(_is_plain_event, rows))
        ):
            return None
        return group if self._lines.are_new(fields, now) else None

    def _encode_one(self, chunk: Chunk, row: FlatRecord, number: int, now: float, draft: _Draft) -> None:
        """Encode the records of a row: one, or several in a vendor's export."""
        if self._vendor is None:
            self._encode_record(chunk, row, number, 0, now, draft)
            return
        try:
            for part, record in enumerate(self._vendor.split(as_object(row), number)):
                self._encode_record(chunk, record, number, part, now, draft)
        except InvalidRecordError as error:
            draft.rejects.append(RejectedRecord(number, rejected(error), record_for_report(row)))
        except RecordSkippedError as skipped:
            draft.tally.read += 1
            draft.tally.skipped[skipped.reason] += 1

    def _encode_record(  # noqa: PLR0917 - called in one place
        self, chunk: Chunk, row: FlatRecord, number: int, part: int, now: float, draft: _Draft
    ) -> None:
        try:
            events = self._events(chunk, row, number, part)
        except InvalidRecordError as error:
            draft.rejects.append(RejectedRecord(number, rejected(error), record_for_report(row)))
            return
        except RecordSkippedError as skipped:
            draft.tally.read += 1
            draft.tally.skipped[skipped.reason] += 1
            return
        for event in events:
            repaired_before = self._values.repaired_texts
            try:
                encoded, fields, is_replaced = self._encode(event, now)
            except InvalidRecordError as error:
                draft.rejects.append(RejectedRecord(number, rejected(error), record_for_report(row)))
                continue
            draft.tally.read += 1
            if self._mapper is None and fields is not None and has_placeholder(fields):
                note_placeholder(number, draft.tally, draft.notices)
            draft.tally.changed[REPAIRED_TEXT] += self._values.repaired_texts > repaired_before
            if fields is not None and not self._window.is_new(fields):
                draft.tally.duplicates += 1
            else:
                draft.parts.append(encoded)
                draft.numbers.append(number)
                if is_replaced:
                    draft.replaced.append(number)

    def _events(self, chunk: Chunk, row: FlatRecord, number: int, part: int) -> Sequence[FlatRecord]:
        """Return the events for a record, usually one.

        Raises:
            InvalidRecordError: The record is not an event, or the transform function raised.
            RecordSkippedError: The mapping or the transform function skips the record.
        """
        event = as_object(row)
        if self._mapper is not None:
            file = 0 if chunk.end is None else chunk.end.file
            try:
                is_table = chunk.is_table
                if self._vendor is not None:
                    if self._vendor.keeps(event):
                        return (event,)
                    event, is_table = self._vendor.event(event, number, is_table=is_table), False
                event = self._mapper.event(event, number, file=file, part=part, is_table=is_table)
            except RecursionError:
                raise too_deep() from None
        if self._transform is None:
            return (event,)
        try:
            events = _several(self._transform(dict(event)))
        except Exception as error:
            raise InvalidRecordError(f"the transform function raised {type(error).__name__}: {error}") from None
        if not events:
            raise RecordSkippedError("function")
        return events

    def _encode(self, event: FlatRecord, now: float) -> tuple[bytes, EventFields | None, bool]:
        event, is_replaced = self._tokens.apply_to_event(as_object(event))  # a transform function may return anything
        properties = event.get("properties")
        time = properties.get("time") if isinstance(properties, Mapping) else None
        if type(time) is not int and time is not None and isinstance(properties, Mapping):
            event = {**event, "properties": {**properties, "time": validation.read_time(_rounded(time))}}
        who = properties.get("distinct_id") if isinstance(properties, Mapping) else None
        if isinstance(who, str):
            validation.check_distinct_id(who)  # before repairs, which an ID must not get
        try:
            part = exact_copy(self._values.dumps(dict(event)))
        except (TypeError, RecursionError):
            event = self._values.convert_mapping(event, "record")
            part = exact_copy(self._values.dumps(event))
        return part, check_event(event, len(part), now, self._max_bytes), is_replaced


def _several(found: object) -> Sequence[FlatRecord]:
    """Return the events that a transform function returned; a single value counts as one event and is then checked."""
    if found is None:
        return ()
    if isinstance(found, Mapping | str | bytes) or not isinstance(found, Iterable):
        return (cast("FlatRecord", found),)
    return tuple(found)


def _plain_fields(rows: Sequence[FlatRecord]) -> list[EventFields] | None:
    """Return the identifying fields of events if all are dicts with fields of exactly these types, else None."""
    try:
        names = [row["event"] for row in rows]
        own = [cast("dict[str, object]", row["properties"]) for row in rows]
        times = [one["time"] for one in own]
        users = [one["distinct_id"] for one in own]
        ids = [one["$insert_id"] for one in own]
        tokens = [one.get("token") for one in own]
        is_plain = (
            set(map(len, rows)) == {2}
            and _types(own) == {dict}
            and _types(times) <= {int, float}
            and _types(names) == _types(users) == _types(ids) == {str}
            and all(names)
            and all(ids)
            and max(map(len, cast("list[str]", ids))) <= limits.MAX_INSERT_ID_BYTES
        )
        if not is_plain:
            return None
    except (KeyError, TypeError, IndexError):
        return None
    properties = map(
        KeyProperties, cast("list[float]", times), cast("list[str]", users), cast("list[str]", ids), tokens
    )
    return list(map(EventFields, cast("list[str]", names), properties))


def _is_plain_event(row: FlatRecord) -> bool:
    properties = cast("dict[str, object]", row["properties"])
    return len(properties) <= limits.MAX_PROPERTIES and validation.is_plain(properties.values())


def _types(values: Sequence[object]) -> set[type]:
    return set(map(type, values))


def _rounded(time: object) -> object:
    return float(time) if isinstance(time, Decimal) else time  # times are sent in whole milliseconds
