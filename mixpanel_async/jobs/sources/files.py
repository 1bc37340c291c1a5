"""Files as a source, read one after another."""

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Final

import msgspec

from mixpanel_async.errors import InvalidArgumentError, InvalidSettingError, SourceError
from mixpanel_async.jobs.model.chunks import Chunk, Notice, Position
from mixpanel_async.jobs.model.source_group import MAX_LISTED, Identities, identities_of
from mixpanel_async.jobs.model.source_identity import SourceIdentity
from mixpanel_async.jobs.sources.archives import ArchiveMember, close_archives
from mixpanel_async.jobs.sources.base import CheckColumns, Reader
from mixpanel_async.jobs.sources.detection import check_readable, format_by_name, format_of
from mixpanel_async.jobs.sources.discovery import find_locations
from mixpanel_async.jobs.sources.locations import STDIN, DiskFile, Location, ReadableFile
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.sources.readahead import ReadAheadFile
from mixpanel_async.jobs.sources.readers import make_reader
from mixpanel_async.jobs.sources.text_repair import repaired_chunk
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.redaction import shown

_CLOSE_SECONDS: Final = 1.0
_TABLES: Final = frozenset({"csv", "tsv", "parquet"})


class FileSource:
    """One file, or standard input.

    Args:
        file: The file; `open` opens it.
        thread: Runs blocking calls.
        options: How the file is read.
        check_columns: Called with the header of a table; raises InvalidSettingError if a column is missing.
    """

    def __init__(
        self, file: ReadAheadFile, thread: WorkerThread, options: FileOptions, check_columns: CheckColumns
    ) -> None:
        self._file = file
        self._thread = thread
        self._options = options
        self._check_columns = check_columns
        self._reader: Reader | None = None

    @property
    def read_bytes(self) -> int:
        """Bytes read, as stored."""
        return self._file.read_bytes

    @property
    def notice(self) -> str:
        """What is unusual about the file, once it was read to its end, or ""."""
        return self._file.notice

    async def open(self, start: Position) -> None:
        """Open the file, detect its format, and move to the position where reading begins.

        Raises:
            SourceError: The file cannot be read, or its format cannot be detected.
            InvalidSettingError: The table lacks a required column.
        """
        options = self._options
        await self._file.open(options.encoding)
        if options.format is None:
            check_readable(self._file.name, self._file.head, self._file.compression)
        form = format_of(self._file.location.file_name, self._file.head, options.format)
        if form == "ndjson" and options.records_path is not None and options.format is None:
            form = "json"
        self._reader = make_reader(form, self._file, self._thread, options, self._check_columns)
        await self._reader.open(start)

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records."""
        if self._reader is None:
            raise SourceError(f"{self._file.name}: the file is not open")
        return self._reader.chunks()

    async def aclose(self) -> None:
        """Close the file."""
        await self._file.aclose()


class FilesSource:
    """Files, read one after another.

    Args:
        given: Paths or URLs of files or directories, patterns, "-" for standard input, or open files.
        options: How the files are read.
        check_columns: Called with the header of each table; raises InvalidSettingError if a column is missing.
    """

    def __init__(self, given: Sequence[str | ReadableFile], options: FileOptions, check_columns: CheckColumns) -> None:
        self._thread = WorkerThread("mixpanel_async-read")
        self._given = given
        self._locations: Sequence[Location] = ()
        self._options = options
        self._check_columns = check_columns
        self._current: FileSource | None = None
        self._start = Position()
        self._done_bytes = 0
        self.names: tuple[str, ...] = ()
        self.name = "stdin" if given[0] == STDIN else shown(given[0]) if isinstance(given[0], str) else "file"
        self.total_bytes: int | None = None

    async def _find(self) -> None:
        """Find the files, on the thread, because a large or remote directory takes long to list."""
        if self._locations:
            return
        locations = await self._thread.submit(lambda: [each for one in self._given for each in find_locations(one)])
        self.names = _unique_names(locations)
        self._locations = locations
        self.name = self.names[0] if len(self.names) == 1 else f"{self.names[0]} and {len(self.names) - 1} more"

    @property
    def read_bytes(self) -> int:
        """Bytes read, as stored."""
        return self._done_bytes + (self._current.read_bytes if self._current is not None else 0)

    async def is_reading(self, path: str) -> bool:
        """Return whether a path is one of the files, also under another name.

        Raises:
            SourceError: A file is missing.
        """
        await self._find()
        return await self._thread.submit(lambda: self._is_reading(path))

    def _is_reading(self, path: str) -> bool:
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and any(file.is_same(status) for file in self._locations)

    def _file(self, index: int) -> ReadAheadFile:
        return ReadAheadFile(self._locations[index], self.names[index], self._thread)

    async def identify(self) -> Identities:
        """Return what identifies the files.

        Raises:
            InvalidArgumentError: A file cannot be read a second time.
            SourceError: A file cannot be read.
        """
        await self._find()
        is_sampled = len(self._locations) <= MAX_LISTED  # samples of 100,000 files would take minutes
        found = (_identity(location, is_sampled=is_sampled) for location in self._locations)
        return await self._thread.submit(lambda: identities_of(len(self._locations), found))

    async def open(self, start: Position) -> None:
        """Open the file of a position, at the position.

        Raises:
            SourceError: The file cannot be read.
            InvalidSettingError: The table lacks a required column.
        """
        await self._find()
        sizes = await self._thread.submit(lambda: [location.stored_bytes() for location in self._locations])
        if None not in sizes:
            self.total_bytes = sum(size or 0 for size in sizes)
        self._done_bytes = sum(size or 0 for size in sizes[: start.file])
        self._start = start
        self._current = await self._opened(start)
        # Standard input, open files and pipes can be read once; a server that tells no size may have none either.
        later = range(start.file + 1, len(sizes))
        await self._check_headers([n for n in later if self._locations[n].is_ours and sizes[n] is not None])

    async def _check_headers(self, indexes: Sequence[int]) -> None:
        """Look at the headers of the tables that are read later, so that none of them fails after others were sent.

        Raises:
            SourceError: A file cannot be read.
            InvalidSettingError: A table lacks a required column.
        """
        for index in indexes:
            form = self._options.format or format_by_name(self._locations[index].file_name)
            if form not in _TABLES:
                continue
            source = FileSource(self._file(index), self._thread, self._options, self._check_columns)
            try:
                await source.open(Position())
            except InvalidSettingError as error:
                raise InvalidSettingError(f"{self.names[index]}: {error}") from None
            finally:
                await source.aclose()

    async def _opened(self, start: Position) -> FileSource:
        source = FileSource(self._file(start.file), self._thread, self._options, self._check_columns)
        self._current = source
        await source.open(start)
        return source

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the records of all files."""
        for index in range(self._start.file, len(self._locations)):
            if index != self._start.file:
                try:
                    await self._opened(Position(index))
                except InvalidArgumentError as error:
                    raise SourceError(f"{self.names[index]}: {error}") from None
            source = self._current
            if source is None:
                raise SourceError(f"{self.name}: the file is not open")
            location = self._locations[index]
            is_begun = index == self._start.file and self._start.number
            if isinstance(location, ArchiveMember) and location.notice and not is_begun:
                yield Chunk(self.names[index], (), notices=[Notice(0, "unread_members", location.notice)])
            async with contextlib.aclosing(source.chunks()) as chunks:
                async for chunk in chunks:
                    if self._options.repair_text and chunk.lines:
                        chunk = await self._thread.submit(partial(repaired_chunk, chunk))  # noqa: PLW2901
                    yield chunk
            if notice := source.notice:
                yield Chunk(self.names[index], (), notices=[Notice(0, "trailing garbage", notice)])
            await source.aclose()
            self._done_bytes += source.read_bytes
            self._current = None

    def take(self) -> Sequence[Chunk]:
        """Return nothing: the records of a file are yielded as soon as they are read."""
        return ()

    async def aclose(self) -> None:
        """Close the open file and end the thread."""
        if self._current is not None:
            await self._current.aclose()
        members = [location for location in self._locations if isinstance(location, ArchiveMember)]
        if members:  # a read of a pipe may never return, and the thread closes nothing then
            closing = self._thread.submit(lambda: close_archives(members))
            await asyncio.wait((closing,), timeout=_CLOSE_SECONDS)
        self._thread.close()


def _identity(location: Location, *, is_sampled: bool) -> SourceIdentity:
    found = location.identify()
    if is_sampled and isinstance(location, DiskFile):
        found = msgspec.structs.replace(found, samples=location.samples())
    return found


def _unique_names(locations: Sequence[Location]) -> tuple[str, ...]:
    """Return a unique name for each file; positions and dead letters refer to files by name."""
    names: dict[str, None] = {}
    for location in locations:
        name, count = location.name, 1
        while name in names:
            count += 1
            name = f"{location.name} ({count})"
        names[name] = None
    return tuple(names)
