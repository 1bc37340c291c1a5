"""Iterables and async iterables of records."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Final, TypeAlias, cast

from mixpanel_async.errors import InvalidArgumentError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, FlatRecord, Position, RejectedRecord
from mixpanel_async.jobs.model.source_group import Identities
from mixpanel_async.records.rejection import malformed

Record: TypeAlias = FlatRecord | bytes


Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]


_CHUNK_RECORDS: Final = 500


class RecordSource:
    """An iterable or async iterable of mappings, or of their JSON as bytes.

    It runs on the event loop: an iterable that blocks, blocks the loop.

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

    async def is_reading(self, path: str) -> bool:  # noqa: ARG002 - required by the protocol
        """Return False: the records are not read from a file."""
        return False

    async def identify(self) -> Identities:
        """Refuse a checkpoint.

        Raises:
            InvalidArgumentError: Always, because an iterable cannot be read again.
        """
        raise InvalidArgumentError("checkpoint is invalid: an iterable cannot be read again; import from files")

    async def open(self, start: Position) -> None:
        """Do nothing: an iterable needs no opening."""

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records in chunks of up to 500."""
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
        """Return records that were read and not yielded yet, so that a pause of the source does not hold them back."""
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
        """Close an async generator; otherwise its `finally` blocks would not run."""
        await close_generator(self._records)


async def close_generator(records: object) -> None:
    """Close an async generator; leave anything else alone."""
    if isinstance(records, AsyncGenerator):
        await records.aclose()


def cancelled_within(who: str) -> SourceError:
    """Return the error for a CancelledError that the source itself raised.

    Args:
        who: What raised it, for the message.
    """
    return SourceError(f"{who} raised CancelledError, although the import was not cancelled")


def _line_chunk(name: str, numbers: range, lines: list[bytes], end: Position) -> Chunk:
    """Return a chunk of lines. A blank line of a file is skipped, but an empty record of an iterable is an error."""
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
