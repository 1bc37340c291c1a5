"""From chunks of any kind to pieces: the fast lane for lines that are events already, the mapper for the rest. Pure."""

from collections.abc import Callable, Sequence

from mixpanel_async.errors import InvalidRecordError
from mixpanel_async.jobs.dedupe.window import EventWindow
from mixpanel_async.jobs.encoding.fast_lines import LineChecker
from mixpanel_async.jobs.encoding.mappings import RecordEncoder, Transform
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.mapping.mapper import EventMapper
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk, FlatRecord, RejectedRecord
from mixpanel_async.records.parsing import read_line
from mixpanel_async.records.rejection import malformed


class EventEncoding:
    """Makes pieces of events.

    Args:
        window: Recognises equal events.
        now: Gives Unix time in seconds.
        max_bytes: Bytes that one event may have.
        mapping: Makes events of flat records; None: only of the rows of tables, by the names of their columns.
        keeps_events: Leave records that are events already as they are.
        transform: Makes none, one or many events of each.
    """

    def __init__(
        self,
        window: EventWindow,
        now: Callable[[], float],
        max_bytes: int,
        mapping: RecordMapping | None,
        *,
        keeps_events: bool = False,
        transform: Transform | None = None,
    ) -> None:
        self._mapper = EventMapper(mapping or RecordMapping(), keeps_events=keeps_events)
        self._mapped = RecordEncoder(window, now, max_bytes, self._mapper, transform)
        is_plain = mapping is None
        self._plain = RecordEncoder(window, now, max_bytes, None, transform) if is_plain else self._mapped
        self._checker = LineChecker(window, now, max_bytes) if is_plain and transform is None else None

    def check_columns(self, columns: Sequence[str]) -> None:
        """Check that a table has the columns that are needed.

        Raises:
            InvalidSettingError: One is missing, or comes twice.
        """
        self._mapper.check_fields(list(columns))

    def encode(self, chunk: Chunk) -> EncodedChunk:
        """Return what of a chunk can be sent."""
        encoded = self._encode(chunk)
        encoded.skipped = self._mapper.take_skipped()
        return encoded

    def _encode(self, chunk: Chunk) -> EncodedChunk:
        if chunk.is_table:
            return self._mapped.encode(chunk)
        if not chunk.lines:
            return self._plain.encode(chunk)
        return self._plain.encode(decoded(chunk)) if self._checker is None else self._checker.check(chunk)


def decoded(chunk: Chunk) -> Chunk:
    """Return a chunk of lines as one of rows; blank lines are none."""
    rows: list[FlatRecord] = []
    numbers: list[int] = []
    rejects = list(chunk.rejects)
    for line, number in zip(chunk.lines, chunk.numbers, strict=True):
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
