"""Events that are mappings: encoded once, checked where their bytes call for it. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from mixpanel_async.engine import rules
from mixpanel_async.errors import InvalidRecord
from mixpanel_async.jobs.event_rules import EventFields, check_event, rejected
from mixpanel_async.jobs.mapper import EventMapper
from mixpanel_async.jobs.pieces import Chunk, Misfit, Piece, Row
from mixpanel_async.jobs.tally import Tally
from mixpanel_async.jobs.window import EventWindow

_OWN: Final = {"event", "properties"}


class RecordEncoder:
    """Turns chunks of mappings into pieces.

    Args:
        window: Recognises equal events.
        now: Gives Unix time in seconds.
        max_bytes: Bytes that one event may have.
        mapper: Makes events of flat records; None: the records are events.
    """

    def __init__(
        self, window: EventWindow, now: Callable[[], float], max_bytes: int, mapper: EventMapper | None = None
    ) -> None:
        self._window = window
        self._now = now
        self._max_bytes = max_bytes
        self._mapper = mapper

    def encode(self, chunk: Chunk) -> Piece:
        """Return what of a chunk of mappings can be sent."""
        now = self._now()
        tally = Tally()
        misfits = list(chunk.misfits)
        parts: list[bytes] = []
        numbers: list[int] = []
        for row, number in zip(chunk.rows, chunk.numbers, strict=True):
            try:
                part, fields = self._encode(row, number, now)
            except InvalidRecord as error:
                misfits.append(Misfit(number, rejected(error), written(row)))
                continue
            tally.read += 1
            if fields is not None and not self._window.is_new(fields):
                tally.duplicates += 1
                continue
            parts.append(part)
            numbers.append(number)
        for misfit in misfits:
            tally.read += 1
            tally.count(misfit.verdict)
        return Piece(chunk.name, parts, numbers, tally, misfits, chunk.end)

    def _encode(self, row: Row, number: int, now: float) -> tuple[bytes, EventFields | None]:
        event = row if self._mapper is None else self._mapper.event(row, number)
        properties = event.get("properties")
        time = properties.get("time") if isinstance(properties, Mapping) else None
        if type(time) is not int and time is not None and isinstance(properties, Mapping):
            event = {**event, "properties": {**properties, "time": rules.read_time(time)}}
        try:
            part = orjson.dumps(event)
        except (TypeError, RecursionError) as error:
            raise rules.explain_unencodable(_plain(event), "record", str(error)) from None
        return part, check_event(event, len(part), now, self._max_bytes)


def _plain(event: Mapping[str, object]) -> Mapping[str, object]:
    return event if isinstance(event, dict) else dict(event)


def written(record: object) -> bytes:
    """Return a record that cannot be sent as JSON, as far as it can be written."""
    try:
        return orjson.dumps(record, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, RecursionError):
        return orjson.dumps(repr(record).encode("utf-8", "replace").decode())
