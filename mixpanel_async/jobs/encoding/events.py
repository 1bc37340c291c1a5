"""Chooses the encoder for a chunk: the fast path for lines that are events, the mapper for everything else."""

from collections.abc import Callable, Sequence

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.fast_lines import LineChecker
from mixpanel_async.jobs.encoding.mappings import RecordEncoder, Transform
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.model.chunks import (
    STEP_RECORDS,
    Chunk,
    Encode,
    EncodedChunk,
    FlatRecord,
    Notice,
    RejectedRecord,
)
from mixpanel_async.jobs.model.counts import Tally
from mixpanel_async.jobs.model.exported_tables import is_event_table, with_event_lines
from mixpanel_async.jobs.vendors.events import VendorEvents
from mixpanel_async.records.parsing import read_line
from mixpanel_async.records.rejection import malformed
from mixpanel_async.records.tokens import TokenRule
from mixpanel_async.records.values import ValueConverter
from mixpanel_async.time_slice import Steps


class EventEncoding:
    """Encodes chunks of events.

    Args:
        window: Detects duplicates.
        now: Returns Unix time in seconds.
        max_bytes: Maximum size of an event in bytes.
        tokens: What becomes of an event's own token.
        mapping: Turns flat records into events; None: only rows of tables are mapped, by their column names.
        keeps_events: Whether records that are events already stay unchanged.
        transform: Turns each event into zero or more events.
        values: Converts what JSON does not have.
    """

    def __init__(
        self,
        window: EventWindow,
        now: Callable[[], float],
        max_bytes: int,
        tokens: TokenRule,
        mapping: RecordMapping | None,
        *,
        keeps_events: bool = False,
        transform: Transform | None = None,
        values: ValueConverter | None = None,
    ) -> None:
        values = values or ValueConverter(is_exact=True)
        self._vendor: VendorEvents | None = None
        own, zone = mapping or RecordMapping(), None
        if own.vendor is not None:
            self._vendor = VendorEvents(own.vendor, own, values, keeps_events=keeps_events)
            own, keeps_events, zone = self._vendor.mapping, False, self._vendor.time_zone
        self._mapper = EventMapper(own, keeps_events=keeps_events, values=values, default_zone=zone)
        self._mapped = RecordEncoder(window, now, max_bytes, tokens, values, self._mapper, transform, self._vendor)
        is_plain = mapping is None
        self._plain = (
            RecordEncoder(window, now, max_bytes, tokens, values, None, transform) if is_plain else self._mapped
        )
        self._checker = LineChecker(window, now, max_bytes, tokens) if is_plain and transform is None else None

    @property
    def holds_several(self) -> bool:
        """Whether a record can hold several events."""
        return self._vendor is not None and self._vendor.holds_several

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns of tables without a header; empty if they are not known."""
        return () if self._vendor is None else self._vendor.columns

    def check_columns(self, columns: Sequence[str]) -> None:
        """Check that a table has the required columns.

        Raises:
            InvalidSettingError: A column is missing or duplicate.
        """
        if is_event_table(columns):
            return  # its rows are events
        if self._vendor is not None:
            self._vendor.check_columns(columns)
        else:
            self._mapper.check_fields(list(columns))

    def encode(self, chunk: Chunk) -> Steps[EncodedChunk]:
        """Return a chunk encoded, in steps."""
        encoded = yield from self._encode(with_event_lines(chunk))
        encoded.skipped = self._mapper.take_skipped()
        if self._vendor is not None:
            encoded.skipped = {**encoded.skipped, **self._vendor.take_skipped()}
        return encoded

    def _encode(self, chunk: Chunk) -> Steps[EncodedChunk]:
        if chunk.is_table:
            return self._mapped.encode(chunk)
        if not chunk.lines:
            return self._plain.encode(chunk)
        return encode_lines(chunk, self._plain.encode) if self._checker is None else self._checker.check(chunk)


def encode_lines(chunk: Chunk, encode: Encode) -> Steps[EncodedChunk]:
    """Return a chunk of lines encoded by an encoder of rows, in steps."""
    tally = Tally()
    parts: list[bytes] = []
    numbers: list[int] = []
    rejects: list[RejectedRecord] = []
    unsafe: list[int] = []
    replaced: list[int] = []
    notices: list[Notice] = []
    for group in chunk.groups():
        rows = yield from _decoded(group)
        encoded = yield from encode(rows)
        unsafe += (index + len(parts) for index in encoded.unsafe)
        parts += encoded.parts
        numbers += encoded.numbers
        rejects += encoded.rejects
        replaced += encoded.replaced
        notices += encoded.notices
        tally.add(encoded.tally)
    return EncodedChunk(chunk.name, parts, numbers, tally, rejects, chunk.end, unsafe, replaced, notices=notices)


def _decoded(chunk: Chunk) -> Steps[Chunk]:
    """Return a chunk of lines as a chunk of rows, in steps; blank lines are skipped."""
    rows: list[FlatRecord] = []
    numbers: list[int] = []
    rejects = list(chunk.rejects)
    for index, (line, number) in enumerate(zip(chunk.lines, chunk.numbers, strict=True)):
        if index % STEP_RECORDS == 0:
            yield
        if line.isspace() or not line:
            continue
        try:
            row = read_line(line)
        except InvalidRecordError as error:
            rejects.append(RejectedRecord(number, malformed(error.message), line))
            continue
        if isinstance(row, dict):
            rows.append(row)
            numbers.append(number)
        else:
            rejects.append(RejectedRecord(number, malformed("must be an object"), line))
    return Chunk(chunk.name, numbers, rows=rows, rejects=rejects, end=chunk.end)
