"""Outputs of text: NDJSON and CSV. Blocks."""

import csv
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from mixpanel_async.jobs.exports.outputs.columns import Column
from mixpanel_async.jobs.exports.outputs.compression import TextStream
from mixpanel_async.jobs.exports.outputs.rows import DecodedLine, RowReader
from mixpanel_async.jobs.model.exported_tables import TABLE_COLUMNS

_LINE_END: Final = b"\r\n"
_DAY_MS: Final = 86_400_000


class LineOutput:
    """NDJSON: the lines as Mixpanel sent them.

    Args:
        stream: The text stream.
    """

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream

    def add(self, lines: bytes, rows: Sequence[DecodedLine] | None) -> None:
        """Write whole lines."""
        del rows
        self._stream.write(lines)

    def end(self) -> None:
        """Write the end."""
        self._stream.end()

    def abandon(self) -> None:
        """Do nothing: the text is not going to be used."""


class CsvOutput:
    """CSV with the columns of an event table; lines end in CR LF, as RFC 4180 has it.

    Args:
        stream: The text stream.
        columns: Chosen properties.
        time_in_ms: Whether `time` is in milliseconds and not in seconds.
    """

    def __init__(self, stream: TextStream, columns: Sequence[Column], *, time_in_ms: bool) -> None:
        self._stream = stream
        self._reader = RowReader(columns, time_in_ms=time_in_ms)
        self._as_text: Sequence[Callable[[object], object]] = [_WRITTEN.get(one.type, _same) for one in columns]
        header = [*TABLE_COLUMNS, *(column.name for column in columns)]
        stream.write("".join(_rows_of([header])).encode())

    def add(self, lines: bytes, rows: Sequence[DecodedLine] | None) -> None:
        """Write the events of whole lines.

        Raises:
            OutputError: A table cannot hold a line.
        """
        found = self._reader.read(lines, rows)
        shown = {time: _iso_time(time) for time in set(found.times)}
        times = [shown[time] for time in found.times]
        heads = _rows_of(zip(found.events, times, found.distinct_ids, found.insert_ids, strict=True))
        # Every text of properties has quotes. To double them here is four times as fast as the csv module.
        texts = [b',"%b"' % text.replace(b'"', b'""') for text in found.properties]
        tails = [_LINE_END] * len(texts)
        if found.chosen:
            cells = [list(map(convert, cells)) for convert, cells in zip(self._as_text, found.chosen, strict=True)]
            tails = [b",%b" % tail.encode() for tail in _rows_of(zip(*cells, strict=True))]
        parts = chain.from_iterable(
            zip([head.encode()[: -len(_LINE_END)] for head in heads], texts, tails, strict=True)
        )
        self._stream.write(b"".join(parts))

    def end(self) -> None:
        """Write the end."""
        self._stream.end()

    def abandon(self) -> None:
        """Do nothing: the text is not going to be used."""


class _Rows(list[str]):
    """A file that keeps each row."""

    def write(self, row: str) -> None:
        """Keep a row; the csv module writes one at a time."""
        self.append(row)


def _rows_of(rows: Iterable[Sequence[object]]) -> Sequence[str]:
    """Return rows as CSV, each with its line end."""
    found = _Rows()
    csv.writer(found, lineterminator=_LINE_END.decode()).writerows(rows)
    return found


def _iso_time(milliseconds: object) -> str | None:
    if not isinstance(milliseconds, int):
        return None
    day, rest = divmod(milliseconds, _DAY_MS)
    seconds, millis = divmod(rest, 1000)
    return f"{_date(day)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}Z"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    year, month, of_month = time.gmtime(day * 86_400)[:3]
    return f"{year:04}-{month:02}-{of_month:02}"


def _same(value: object) -> object:
    return value


def _json_boolean(value: object) -> str | None:
    return None if value is None else "true" if value else "false"


_WRITTEN: Final[dict[str, Callable[[object], object]]] = {"time": _iso_time, "boolean": _json_boolean}
