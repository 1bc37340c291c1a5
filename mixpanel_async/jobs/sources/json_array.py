"""Reader of JSON arrays, of objects in any layout, and of lists inside objects."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import Final

from mixpanel_async.codecs.json_array import JsonArrayError, feed_in_steps
from mixpanel_async.codecs.json_stream import JsonStreamSplitter
from mixpanel_async.codecs.lines import BYTE_ORDER_MARK, MAX_LINE_BYTES
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.sources.tail import TAIL_BYTES, Tail, check_mark
from mixpanel_async.time_slice import ThreadTurns

_CHUNK_ELEMENTS: Final = 4096


class JsonArrayReader:
    """Reads JSON values, each of which is a record or an array of records; records are numbered from 1.

    Args:
        file: An open file.
        path: Names of the fields that lead to the list of records; empty: the values are the records.
    """

    def __init__(self, file: ReadAheadFile, path: Sequence[str] = ()) -> None:
        self._file = file
        self._path = path
        self._start = Position()
        self._tail = Tail()

    async def open(self, start: Position) -> None:
        """Remember where reading begins; an array can only be read from its beginning, so `chunks` skips."""
        self._start = start

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the elements."""
        splitter = JsonStreamSplitter(MAX_LINE_BYTES, self._path)
        number, is_first = 0, True
        self._tail = Tail()
        while block := await self._file.read():
            if is_first:
                block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
            steps = feed_in_steps(splitter.feed, block)
            while elements := await self._some(steps, number):
                if chunk := self._chunk(elements, number):
                    yield chunk
                number += len(elements)
        try:
            elements = splitter.close()
        except JsonArrayError as error:
            raise self._broken(number, error) from None
        if elements and (chunk := self._chunk(elements, number)):
            yield chunk

    def _chunk(self, elements: Sequence[bytes], number: int) -> Chunk | None:
        """Return the elements after the position where reading begins.

        Raises:
            InvalidArgumentError: What is before the position has changed.
        """
        skipped = max(0, min(len(elements), self._start.number - number))
        self._take(elements[:skipped])
        if skipped and number + skipped == self._start.number:
            check_mark(self._file.name, self._tail.mark(), self._start.mark)
        if skipped == len(elements):
            return None
        self._take(elements[skipped:])
        last = number + len(elements)
        numbers = range(number + skipped + 1, last + 1)
        end = Position(self._start.file, last, mark=self._tail.mark())
        return Chunk(self._file.name, numbers, lines=elements[skipped:], end=end)

    def _take(self, elements: Sequence[bytes]) -> None:
        # Every element has a byte at least, so that these are enough of them.
        self._tail.add(b"".join(elements[-TAIL_BYTES:]))

    async def _some(self, steps: Iterator[list[bytes]], number: int) -> list[bytes]:
        try:
            return await self._file.on_thread(partial(_next_elements, steps))
        except JsonArrayError as error:
            raise self._broken(number, error) from None

    def _broken(self, number: int, error: JsonArrayError) -> SourceError:
        return SourceError(f"{self._file.name}: invalid JSON after element {number:,}: {error}")


def _next_elements(steps: Iterator[list[bytes]]) -> list[bytes]:
    """Return some thousand elements, or all that are left."""
    elements: list[bytes] = []
    turns = ThreadTurns()
    for found in steps:
        elements += found
        if len(elements) >= _CHUNK_ELEMENTS:
            break
        turns.give_way()
    return elements
