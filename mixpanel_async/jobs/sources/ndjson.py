"""NDJSON reader."""

from collections.abc import AsyncGenerator

from mixpanel_async.codecs.lines import Lines, LineSplitter
from mixpanel_async.jobs.model.chunks import Chunk, Position, RejectedRecord
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.sources.tail import Tail, check_mark
from mixpanel_async.records.rejection import malformed


class NdjsonReader:
    """Reads NDJSON.

    Args:
        file: An open file.
    """

    def __init__(self, file: ReadAheadFile) -> None:
        self._file = file
        self._start = Position()
        self._tail = Tail()

    async def open(self, start: Position) -> None:
        """Move to the position where reading begins."""
        self._start = start
        before = await self._file.skip(start.offset)
        self._tail = Tail(before)
        check_mark(self._file.name, self._tail.mark(), start.mark)

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the lines."""
        splitter = LineSplitter(self._start.number)
        offset = self._start.offset
        while block := await self._file.read():
            offset += len(block)
            for found in splitter.feed(block):
                # What is held belongs to this block: a line that began before it has ended in it.
                tail = self._tail.before(block, len(block) - splitter.held_bytes)
                yield self._chunk(found, offset - splitter.held_bytes, tail)
            self._tail.add(block)
        found = splitter.close()
        if found.lines or found.too_long:
            yield self._chunk(found, offset, self._tail)

    def _chunk(self, found: Lines, offset: int, tail: Tail) -> Chunk:
        last = found.first + len(found.lines)
        rejects = [
            RejectedRecord(number, malformed(f"the line is {size:,} bytes long; is this NDJSON?"))
            for number, size in found.too_long
        ]
        end = Position(self._start.file, last - 1, offset, tail.mark())
        return Chunk(self._file.name, range(found.first, last), lines=found.lines, rejects=rejects, end=end)
