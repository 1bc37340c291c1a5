"""JSON array reader."""

from collections.abc import AsyncGenerator
from typing import Final

from mixpanel_async.codecs.json_array import ArraySplitter
from mixpanel_async.codecs.lines import MAX_LINE_BYTES
from mixpanel_async.errors import SourceError, TruncatedReplyError
from mixpanel_async.jobs.model.chunks import Chunk, Position
from mixpanel_async.jobs.sources.readahead import ReadAheadFile

_BOM: Final = b"\xef\xbb\xbf"


class JsonArrayReader:
    """One JSON array of records, element by element; their numbers count from 1.

    Args:
        file: Open already.
    """

    def __init__(self, file: ReadAheadFile) -> None:
        self._file = file
        self._start = Position()

    async def open(self, start: Position) -> None:
        """There is no way to an element but over those before it."""
        self._start = start

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the elements."""
        splitter = ArraySplitter(MAX_LINE_BYTES)
        number, is_first = 0, True
        while block := await self._file.read():
            if is_first:
                block, is_first = block.removeprefix(_BOM), False
            try:
                found = splitter.feed(block)
            except ValueError as error:
                raise self._broken(number, str(error)) from None
            gone = max(0, min(len(found), self._start.number - number))
            first = number + gone + 1
            number += len(found)
            if gone < len(found):
                place = Position(self._start.file, number)
                yield Chunk(self._file.name, range(first, number + 1), lines=found[gone:], end=place)
        try:
            splitter.close()
        except TruncatedReplyError:
            raise self._broken(number, "it ends before it is closed") from None

    def _broken(self, number: int, problem: str) -> SourceError:
        problem = problem.replace("the reply's", "the").replace("the reply", "it")
        return SourceError(f"{self._file.name}: the JSON array is broken behind element {number:,}: {problem}")
