"""JSON array reader."""

from collections.abc import AsyncGenerator

from mixpanel_async.codecs.json_array import JsonArrayError, JsonArraySplitter
from mixpanel_async.codecs.lines import BYTE_ORDER_MARK, MAX_LINE_BYTES
from mixpanel_async.errors import SourceError
from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.time_slice import in_slices


class JsonArrayReader:
    """Reads one JSON array of records, element by element; elements are numbered from 1.

    Args:
        file: An open file.
    """

    def __init__(self, file: ReadAheadFile) -> None:
        self._file = file
        self._start = Position()

    async def open(self, start: Position) -> None:
        """Remember where reading begins; an array can only be read from its beginning, so `chunks` skips."""
        self._start = start

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the elements."""
        splitter = JsonArraySplitter(MAX_LINE_BYTES)
        number, is_first = 0, True
        while block := await self._file.read():
            if is_first:
                block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
            try:
                elements = await in_slices(splitter.feed_in_steps(block))
            except JsonArrayError as error:
                raise self._broken(number, error) from None
            skipped = max(0, min(len(elements), self._start.number - number))
            first = number + skipped + 1
            number += len(elements)
            if skipped < len(elements):
                end = Position(self._start.file, number)
                yield Chunk(self._file.name, range(first, number + 1), lines=elements[skipped:], end=end)
        try:
            splitter.close()
        except JsonArrayError as error:
            raise self._broken(number, error) from None

    def _broken(self, number: int, error: JsonArrayError) -> SourceError:
        return SourceError(f"{self._file.name}: invalid JSON after element {number:,}: {error}")
