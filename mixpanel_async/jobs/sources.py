"""Where records come from."""

import itertools
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Final, Protocol, TypeAlias, cast

from mixpanel_async.errors import InvalidSetting, SourceError
from mixpanel_async.jobs.checkpoint import SourceIdentity
from mixpanel_async.jobs.event_rules import malformed
from mixpanel_async.jobs.files import FileOptions, FilesSource
from mixpanel_async.jobs.origins import ReadableFile
from mixpanel_async.jobs.pieces import Chunk, Misfit, Place, Row

Record: TypeAlias = Row | bytes
Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]
Path: TypeAlias = str | os.PathLike[str]
EventSource: TypeAlias = Path | Sequence[Path] | ReadableFile | Records
_CHUNK_RECORDS: Final = 500


class Source(Protocol):
    """What a job reads.

    Attributes:
        name: For people.
        names: Of its parts, as positions name them; known when it was identified or opened.
    """

    name: str
    names: tuple[str, ...]

    @property
    def read_bytes(self) -> int:
        """Bytes read, as they are stored."""

    @property
    def total_bytes(self) -> int | None:
        """Bytes that there are, or None where nobody knows."""

    async def is_reading(self, path: str) -> bool:
        """Return whether a path leads to a file that it reads.

        Raises:
            SourceError: It cannot be found.
        """

    async def identify(self) -> tuple[SourceIdentity, ...]:
        """Return what tells it from others.

        Raises:
            InvalidSetting: It cannot be read again.
        """

    async def open(self, start: Place) -> None:
        """Open it, to be read from a place.

        Raises:
            SourceError: It cannot be read.
        """

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield its records.

        Raises:
            SourceError: It is broken; what was read before counts.
        """

    def take(self) -> Sequence[Chunk]:
        """Return records that were read and not yielded yet."""

    async def aclose(self) -> None:
        """Let go of it."""


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
            InvalidSetting: Always.
        """
        raise InvalidSetting("a checkpoint needs files that can be read again; an iterable cannot")

    async def open(self, start: Place) -> None:
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
            end = Place(number=self._number)
            if is_text:
                chunks.append(_line_chunk(self.name, numbers, cast("list[bytes]", records), end))
            else:
                chunks.append(Chunk(self.name, numbers, rows=cast("list[Row]", records), end=end))
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


def _line_chunk(name: str, numbers: range, lines: list[bytes], end: Place) -> Chunk:
    """Return a chunk of lines; an empty one is none in a file, but in memory somebody meant it to be a record."""
    empty = {index for index, line in enumerate(lines) if not line or line.isspace()}
    if not empty:
        return Chunk(name, numbers, lines=lines, end=end)
    misfits = [Misfit(numbers[index], malformed("the record is empty")) for index in sorted(empty)]
    kept = [index for index in range(len(lines)) if index not in empty]
    return Chunk(
        name, [numbers[index] for index in kept], lines=[lines[index] for index in kept], misfits=misfits, end=end
    )


def _is_text(record: Record) -> bool:
    return isinstance(record, bytes)


def open_source(source: EventSource, options: FileOptions) -> FilesSource | RecordSource:
    """Return the source that a caller means.

    Raises:
        InvalidSetting: A path is empty, or options for files were given for something else.
        SourceError: The source is none.
    """
    if isinstance(source, str | os.PathLike):
        return FilesSource(_named([source]), options)
    if isinstance(source, ReadableFile):
        return FilesSource([source], options)
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return FilesSource(_named(source), options)
    if options.told is not None or options.delimiter is not None:
        raise InvalidSetting("format and delimiter are for files; an iterable yields records")
    if not isinstance(source, AsyncIterable | Iterable):
        raise SourceError(f"cannot read records from a {type(source).__name__}; give a path or an iterable")
    return RecordSource(cast("Records", source))


def _named(given: Sequence[Path]) -> list[str]:
    paths = [os.fspath(one) for one in given]
    if "" in paths:  # as a variable that is not set makes it; it would mean the current directory
        raise InvalidSetting("a path is empty; name a file, or . for the current directory")
    return paths
