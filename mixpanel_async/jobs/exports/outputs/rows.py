"""Events of an export as columns; the properties stay the text that Mixpanel sent."""

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, Final, Protocol, cast

import msgspec
import orjson

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.exports.outputs.columns import FITTED, SHOWN_MS, Column, in_range

_MAX_SHOWN: Final = 80
_MAX_HEADS: Final = 10_000  # a project has some hundred names of events
_ODD_NAME: Final = re.compile(r'["\\\x00-\x1f]')  # msgspec does not take them
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Plain(msgspec.Struct, gc=False):
    """The fields of an event that become cells, of their usual types."""

    time: int
    distinct_id: str | None = None
    insert_id: str | None = msgspec.field(name="$insert_id", default=None)


class _PlainLine(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    event: str
    properties: _Plain


class _RawLine(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    event: str
    properties: msgspec.Raw


class _AnyObject(msgspec.Struct, gc=False):
    pass


_decode_raw: Final = msgspec.json.Decoder(_RawLine).decode
_decode_any: Final = msgspec.json.Decoder(dict[str, Any]).decode
_decode_object: Final = msgspec.json.Decoder(_AnyObject).decode


class DecodedLine(Protocol):
    """One line, decoded; `properties` has the fields that become cells."""

    event: str
    properties: Any


class EventColumns(msgspec.Struct):
    """Some events as columns.

    Attributes:
        events: Their names.
        times: Their times in Unix milliseconds; None where `time` is none.
        distinct_ids: Their users.
        insert_ids: Their `$insert_id`.
        properties: Their properties as JSON in UTF-8.
        chosen: The cells of each chosen column.
    """

    events: list[str]
    times: list[int | None]
    distinct_ids: list[str | None]
    insert_ids: list[str | None]
    properties: list[bytes]
    chosen: list[list[object]]

    def extend(self, other: "EventColumns", start: int, end: int) -> None:
        """Add some of the rows of other columns."""
        self.events += other.events[start:end]
        self.times += other.times[start:end]
        self.distinct_ids += other.distinct_ids[start:end]
        self.insert_ids += other.insert_ids[start:end]
        self.properties += other.properties[start:end]
        for cells, more in zip(self.chosen, other.chosen, strict=True):
            cells.extend(more[start:end])


class RowDecoder:
    """Decodes lines of events as rows. An export that is checked so needs no other check.

    Args:
        columns: Chosen properties.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        # A type with all fields, unless one has no name in it: rows are made line by line then.
        self._decoders = [] if _odd(columns) else [msgspec.json.Decoder(_line_type(columns)).decode_lines]
        if not columns:  # most events have fields of the usual types, which are decoded faster
            self._decoders.insert(0, msgspec.json.Decoder(_PlainLine).decode_lines)

    def rows(self, block: bytes) -> Sequence[DecodedLine] | None:
        """Return whole lines as rows, or None if one of them is something else than an event."""
        for decode in self._decoders:
            try:
                rows = decode(block)
            except _UNREADABLE:
                continue
            # A line end in the middle of an event is white space to the decoder.
            return cast("Sequence[DecodedLine]", rows) if len(rows) == block.count(b"\n") else None
        return None


class RowReader:
    """Makes columns of lines.

    Args:
        columns: Chosen properties.
        time_in_ms: Whether `time` is in milliseconds and not in seconds.
    """

    def __init__(self, columns: Sequence[Column], *, time_in_ms: bool) -> None:
        self._columns = columns
        self._factor = 1 if time_in_ms else 1000
        self._row_type = _row_type(columns)
        self._odd = _odd(columns)
        self._decode_row = msgspec.json.Decoder(self._row_type).decode
        self._heads: dict[str, bytes] = {}
        self._number = 0

    def read(self, block: bytes, rows: Sequence[DecodedLine] | None) -> EventColumns:
        """Return whole lines as columns.

        Args:
            block: Lines of events, each with its line end.
            rows: The lines as rows; None if they are not known.

        Raises:
            OutputError: A line has more or less than an event has, so that a table cannot hold it.
        """
        lines = block.split(b"\n")
        lines.pop()  # what follows the last line end: nothing
        properties = None if rows is None or len(lines) != len(rows) else self._properties(lines, rows)
        if rows is None or properties is None:
            return self._read_each(lines)
        self._number += len(rows)
        return self._columns_of([row.event for row in rows], [row.properties for row in rows], properties)

    def _properties(self, lines: Sequence[bytes], rows: Sequence[DecodedLine]) -> list[bytes] | None:
        """Return the text of the properties of each line, or None if a line is not written as Mixpanel writes it."""
        events = [row.event for row in rows]
        if len(self._heads) > _MAX_HEADS:
            self._heads.clear()
        for event in set(events).difference(self._heads):
            self._heads[event] = b'{"event":%b,"properties":' % orjson.dumps(event)
        heads = [self._heads[event] for event in events]
        # Calls of C functions by C functions: this is done for every event.
        if not (all(map(bytes.startswith, lines, heads)) and all(map(bytes.endswith, lines, repeat(b"}}")))):
            return None
        return [line[len(head) : -1] for line, head in zip(lines, heads, strict=True)]

    def _read_each(self, lines: Sequence[bytes]) -> EventColumns:
        """Return lines as columns that are not all written as Mixpanel writes them."""
        events, rows, properties = [], [], []
        for line in lines:
            self._number += 1
            try:
                found = _decode_raw(line)
                line.decode()  # of what is not decoded, the UTF-8 is not checked either
            except _UNREADABLE:
                raise self._no_event(line) from None
            events.append(found.event)
            rows.append(self._row(line, found.properties))
            properties.append(bytes(found.properties))
        return self._columns_of(events, rows, properties)

    def _row(self, line: bytes, properties: msgspec.Raw) -> Any:  # noqa: ANN401 - a type made for the columns
        """Return the fields of one event; none of them if one of them is text that cannot be decoded."""
        try:
            row = self._decode_row(properties)
            found = _decode_any(properties) if self._odd else {}
        except _UNREADABLE:
            pass
        else:
            for field, name in self._odd.items():
                setattr(row, field, found.get(name))
            return row
        try:
            _decode_object(properties)
        except _UNREADABLE:
            raise self._no_event(line) from None
        return self._row_type()

    def _columns_of(self, events: list[str], rows: Sequence[Any], properties: list[bytes]) -> EventColumns:
        factor = self._factor
        times: list[Any] = [row.time for row in rows]
        distinct_ids: list[Any] = [row.distinct_id for row in rows]
        insert_ids: list[Any] = [row.insert_id for row in rows]
        is_plain = bool(rows) and type(rows[0]) is _Plain
        if is_plain and min(times) * factor in SHOWN_MS and max(times) * factor in SHOWN_MS:
            times = [time * factor for time in times]
        else:
            times = [in_range(time * factor) if type(time) in {int, float} else None for time in times]
        if not is_plain:
            distinct_ids, insert_ids = list(map(_id, distinct_ids)), list(map(_id, insert_ids))
        chosen = [
            [FITTED[column.type](getattr(row, field)) for row in rows]
            for column, field in zip(self._columns, _fields(self._columns), strict=True)
        ]
        return EventColumns(events, times, distinct_ids, insert_ids, properties, chosen)

    def _no_event(self, line: bytes) -> OutputError:
        shown = repr(line[:_MAX_SHOWN].decode("utf-8", errors="replace"))
        return OutputError(
            f"event {self._number:,} of the export has not just a name and an object of properties, so that no table "
            f"can hold it: {shown}; export as NDJSON"
        )


def _row_type(columns: Sequence[Column]) -> Any:  # noqa: ANN401 - a type made for the columns
    """Return a type with the fields of an event that become cells; each takes any value."""
    fields = {"time": "time", "distinct_id": "distinct_id", "insert_id": "$insert_id"}
    fields |= {field: column.name for field, column in zip(_fields(columns), columns, strict=True)}
    longest = max((len(name) for name in fields.values()), default=0)
    fields |= {field: field + "_" * longest for field in _odd(columns)}  # longer than any other name
    return msgspec.defstruct("Row", [(field, object, None) for field in fields], rename=fields, gc=False)


def _fields(columns: Sequence[Column]) -> Sequence[str]:
    """Return the names of the fields with chosen properties; names of properties are no names of fields."""
    return ["insert_id" if column.name == "$insert_id" else f"chosen{n}" for n, column in enumerate(columns)]


def _odd(columns: Sequence[Column]) -> Mapping[str, str]:
    """Return the properties whose names no field of a type can have, by field."""
    pairs = zip(_fields(columns), columns, strict=True)
    return {field: column.name for field, column in pairs if _ODD_NAME.search(column.name)}


def _line_type(columns: Sequence[Column]) -> Any:  # noqa: ANN401 - a type made for the columns
    fields = [("event", str), ("properties", _row_type(columns))]
    return msgspec.defstruct("Line", fields, gc=False, forbid_unknown_fields=True)


def _id(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None  # as Mixpanel reads an ID that is a number
