"""Iterables and async iterables of records."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Final, TypeAlias, cast

from mixpanel_async.errors import InvalidSettingError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord, Position, RejectedRecord
from mixpanel_async.jobs.model.source_identity import SourceIdentity
from mixpanel_async.records.rejection import malformed

Record: TypeAlias = FlatRecord | bytes


Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]


_CHUNK_RECORDS: Final = 500


class RecordSource:
    """An iterable or async iterable of mappings, or of their JSON as bytes.

    It runs in the event loop: what blocks there blocks everything.

    Args:
        records: The records.
    """

    name = "record"
    names: tuple[str, ...] = ("record",)
    read_bytes = 0
    total_bytes: int | None = None

    def __init__(self, records: Records) -> None:
        self._records = records
        self._held: list[Record] = []
        self._number = 0

    async def is_reading(self, path: str) -> bool:  # noqa: ARG002 - as of any other
        """Records in memory are in no file."""
        return False

    async def identify(self) -> tuple[SourceIdentity, ...]:
        """Records in memory have no identity.

        Raises:
            InvalidSettingError: Always.
        """
        raise InvalidSettingError("a checkpoint needs files that can be read again; an iterable cannot")

    async def open(self, start: Position) -> None:
        """There is nothing to open."""

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records, some hundreds at a time."""
        if isinstance(self._records, AsyncIterable):
            async for record in self._records:
                self._held.append(record)
                if len(self._held) >= _CHUNK_RECORDS:
                    for chunk in self.take():
                        yield chunk
        else:
            for record in self._records:
                self._held.append(record)
                if len(self._held) >= _CHUNK_RECORDS:
                    for chunk in self.take():
                        yield chunk
        for chunk in self.take():
            yield chunk

    def take(self) -> Sequence[Chunk]:
        """Return what was read and not yielded yet: a source that pauses does not hold back what it gave before."""
        chunks = []
        held, self._held = self._held, []
        has_text = any(issubclass(kind, bytes) for kind in set(map(type, held)))
        for is_text, group in itertools.groupby(held, key=_is_text) if has_text else ((False, held),) if held else ():
            records = list(group)
            first = self._number + 1
            self._number += len(records)
            numbers = range(first, self._number + 1)
            end = Position(number=self._number)
            if is_text:
                chunks.append(_line_chunk(self.name, numbers, cast("list[bytes]", records), end))
            else:
                chunks.append(Chunk(self.name, numbers, rows=cast("list[FlatRecord]", records), end=end))
        return chunks

    async def aclose(self) -> None:
        """Close the records where they are an async generator, which otherwise would stop in its middle for good."""
        await close_generator(self._records)


async def close_generator(records: object) -> None:
    """Close an async generator; leave anything else alone."""
    if isinstance(records, AsyncGenerator):
        await records.aclose()


def cancelled_within(who: str) -> SourceError:
    """Return the error of what was cancelled by nobody outside of it.

    Args:
        who: It, and the source, for people.
    """
    return SourceError(f"{who} raised CancelledError: something that it waited for was cancelled")


def _line_chunk(name: str, numbers: range, lines: list[bytes], end: Position) -> Chunk:
    """Return a chunk of lines; an empty one is none in a file, but in memory somebody meant it to be a record."""
    empty = {index for index, line in enumerate(lines) if not line or line.isspace()}
    if not empty:
        return Chunk(name, numbers, lines=lines, end=end)
    rejects = [RejectedRecord(numbers[index], malformed("the record is empty")) for index in sorted(empty)]
    kept = [index for index in range(len(lines)) if index not in empty]
    return Chunk(
        name, [numbers[index] for index in kept], lines=[lines[index] for index in kept], rejects=rejects, end=end
    )


def _is_text(record: Record) -> bool:
    return isinstance(record, bytes)
