"""From chunks of any kind to pieces: the fast lane for lines that are events already, the mapper for the rest. Pure."""

from collections.abc import Callable

from mixpanel_async.errors import InvalidRecord
from mixpanel_async.jobs.event_rules import malformed, read_line
from mixpanel_async.jobs.lines import LineChecker
from mixpanel_async.jobs.mapper import EventMapper
from mixpanel_async.jobs.pieces import Chunk, Misfit, Piece, Row
from mixpanel_async.jobs.records import RecordEncoder
from mixpanel_async.jobs.window import EventWindow


class EventEncoding:
    """Makes pieces of events.

    Args:
        window: Recognises equal events.
        now: Gives Unix time in seconds.
        max_bytes: Bytes that one event may have.
        mapper: Makes events of flat records; None: the records are events.
    """

    def __init__(
        self, window: EventWindow, now: Callable[[], float], max_bytes: int, mapper: EventMapper | None
    ) -> None:
        self._checker = LineChecker(window, now, max_bytes) if mapper is None else None
        self._encoder = RecordEncoder(window, now, max_bytes, mapper)

    def encode(self, chunk: Chunk) -> Piece:
        """Return what of a chunk can be sent."""
        if not chunk.lines:
            return self._encoder.encode(chunk)
        if self._checker is not None:
            return self._checker.check(chunk)
        return self._encoder.encode(decoded(chunk))


def decoded(chunk: Chunk) -> Chunk:
    """Return a chunk of lines as one of rows; blank lines are none."""
    rows: list[Row] = []
    numbers: list[int] = []
    misfits = list(chunk.misfits)
    for line, number in zip(chunk.lines, chunk.numbers, strict=True):
        if line.isspace() or not line:
            continue
        try:
            row = read_line(line)
        except InvalidRecord as error:
            misfits.append(Misfit(number, malformed(error.message), line))
            continue
        if isinstance(row, dict):
            rows.append(row)
            numbers.append(number)
        else:
            misfits.append(Misfit(number, malformed("must be an object"), line))
    return Chunk(chunk.name, numbers, rows=rows, misfits=misfits, end=chunk.end)
