"""Exports days into a directory: one file a day, and a manifest that says what they are."""

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from mixpanel_async.jobs.exports.fetch import Fetched, Fetcher
from mixpanel_async.jobs.exports.manifest import (
    MANIFEST_NAME,
    Contents,
    DayEntry,
    Manifest,
    is_kept,
    is_leftover,
    read_manifest,
)
from mixpanel_async.jobs.exports.outputs.files import Folder, OutputFile
from mixpanel_async.jobs.exports.progress import ExportMeter
from mixpanel_async.jobs.exports.ranges import is_over
from mixpanel_async.jobs.worker_thread import WorkerThread, made_on


class DayOptions(msgspec.Struct, frozen=True):
    """How the days of a directory are exported.

    Attributes:
        timezone: Name of the zone in which days end, or None.
        zone: That zone.
        lookback_days: Days after the end of a day in which late events may arrive.
        overwrite: Whether all days are exported again.
        concurrency: Days that are exported at once.
    """

    timezone: str | None
    zone: dt.tzinfo
    lookback_days: int
    overwrite: bool
    concurrency: int


class DayFile(msgspec.Struct):
    """The file of a day.

    Attributes:
        day: The day.
        name: Its name in the directory.
        is_kept: Whether it stays as it is.
        is_known: Whether an earlier export of the day is in the manifest.
        fetched: What arrived, once it is complete.
    """

    day: dt.date
    name: str
    is_kept: bool
    is_known: bool
    fetched: Fetched | None = None


class DirectoryExport:
    """Exports days into a directory.

    Args:
        folder: The directory.
        contents: What the days are exports of.
        options: How they are exported.
        fetcher: Fetches a day.
        meter: Counts the progress.
    """

    def __init__(
        self, folder: Folder, contents: Contents, options: DayOptions, fetcher: Fetcher, meter: ExportMeter
    ) -> None:
        self._folder = folder
        self._contents = contents
        self._options = options
        self._fetcher = fetcher
        self._meter = meter
        self._manifest = Manifest(contents=contents)
        self._turn = threading.Lock()  # of the threads that replace the manifest

    async def run(self, days: Sequence[dt.date]) -> Sequence[DayFile]:
        """Export the days that are missing or not final; return the files of all days.

        Raises:
            InvalidArgumentError: The directory holds another export, or another process is writing it.
            MixpanelError: A day did not arrive, or cannot be written. The days before it stay.
        """
        thread = WorkerThread("mixpanel_async-export")
        release = self._folder.release
        try:
            async with made_on(thread, self._folder.create, lambda _: release()):
                files = await thread.submit(partial(self._plan, days))
                self._meter.skipped = sum(file.is_kept for file in files)
                self._meter.total_files = len(files) - self._meter.skipped
                await self._fetch_all(iter([file for file in files if not file.is_kept]))
            await asyncio.shield(thread.submit(release))
        finally:
            thread.close()
        return files

    def name_of(self, day: dt.date) -> str:
        """Return the name of the file of a day."""
        return f"{day}.{self._contents.format}"

    def read_manifest(self, sizes: dict[str, int]) -> Manifest:
        """Return the manifest of the directory, or a new one. Blocks.

        Args:
            sizes: Sizes of its files, by name; those of files that change are updated.

        Raises:
            InvalidArgumentError: The directory holds another export.
        """
        return read_manifest(self._folder.name, self._folder.read(MANIFEST_NAME), sizes, self._contents)

    def _plan(self, days: Sequence[dt.date]) -> Sequence[DayFile]:
        """Read the manifest and decide what becomes of each day. Blocks."""
        folder, options = self._folder, self._options
        sizes = dict(folder.sizes())
        # What a killed run left. It is in the way of nothing, but holds events, and its day may be final meanwhile.
        for name in filter(is_leftover, sizes):
            folder.remove(name)
        found = self.read_manifest(sizes)
        self._manifest = msgspec.structs.replace(found, timezone=options.timezone)
        files = []
        for day in days:
            name = self.name_of(day)
            entry = found.days.get(day.isoformat())
            keeps = not options.overwrite and is_kept(
                entry, day, name, sizes.get(name), options.zone, options.lookback_days
            )
            files.append(DayFile(day, name, keeps, entry is not None))
        return files

    async def _fetch_all(self, files: Iterator[DayFile]) -> None:
        """Fetch days, several at once, in their order; the first error ends all."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._options.concurrency):
                    group.create_task(self._fetch_some(files))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def _fetch_some(self, files: Iterator[DayFile]) -> None:
        thread = WorkerThread("mixpanel_async-export")
        try:
            for file in files:
                day = file.day.isoformat()
                commit = partial(self._commit, file)
                file.fetched = await self._fetcher.to_output(
                    thread, day, day, partial(self._folder.open, file.name), commit
                )
        finally:
            thread.close()

    async def _commit(self, file: DayFile, thread: WorkerThread, output: OutputFile, fetched: Fetched) -> None:
        await thread.submit(partial(self._replace, file, output, fetched))

    def _replace(self, file: DayFile, output: OutputFile, fetched: Fetched) -> None:
        """Replace the file of a day and its entry. Blocks."""
        day = file.day.isoformat()
        at = dt.datetime.fromtimestamp(fetched.at, dt.UTC)
        written = fetched.written
        entry = DayEntry(
            file=file.name,
            rows=written.events,
            bytes=written.stored_bytes,
            sha256=written.sha256,
            exported_at=at,
            is_over=is_over(file.day, at, self._options.zone),
        )
        with self._turn:
            if day in self._manifest.days:
                # Without its entry first: killed in between, the next run must not take the new file for the old one.
                self._save(self._manifest.without(day))
            output.commit()
            self._save(self._manifest.with_day(day, entry))

    def _save(self, manifest: Manifest) -> None:
        output = self._folder.open(MANIFEST_NAME)
        try:
            output.write(manifest.encode())
            output.commit()
        except BaseException:
            output.discard()
            raise
        self._manifest = manifest


def _first(errors: BaseException) -> BaseException:
    """Return the first error of a group of groups."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors
