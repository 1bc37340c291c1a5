"""Exports of events to files, streams and directories."""

import asyncio
import datetime as dt
import os
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Unpack, cast

from mixpanel_async.actions._core.params import Date, date_range, texts
from mixpanel_async.clock import Clock
from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.exports.directory import DirectoryExport
from mixpanel_async.jobs.exports.event_reader import EventReader
from mixpanel_async.jobs.exports.fetch import Fetched, Fetcher
from mixpanel_async.jobs.exports.manifest import MANIFEST_NAME, Contents, written_contents
from mixpanel_async.jobs.exports.options import ExportOptions, FileExportOptions
from mixpanel_async.jobs.exports.outputs.files import OutputFile, WritableFile
from mixpanel_async.jobs.exports.outputs.formats import OutputFormat
from mixpanel_async.jobs.exports.outputs.place import is_folder, open_folder, open_parent
from mixpanel_async.jobs.exports.outputs.writer import OutputPlan
from mixpanel_async.jobs.exports.profiles import ProfileExport
from mixpanel_async.jobs.exports.progress import ExportMeter
from mixpanel_async.jobs.exports.ranges import days_between
from mixpanel_async.jobs.exports.report import ExportReport
from mixpanel_async.jobs.exports.run import Exported, ExportRun, day_options, output_plan
from mixpanel_async.jobs.state.checkpoint import token_fingerprint
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.session import Session

_OWN: Final = FileExportOptions.__annotations__.keys() - ExportOptions.__annotations__.keys()


class FileExport(ProfileExport):
    """Exports events to files.

    Args:
        session: Sends the requests.
        clock: Gives the time, and the jitter between attempts.
        max_retries: How often a file is requested again after a truncated reply, or a page after a 429.
    """

    def __init__(self, session: Session, clock: Clock, max_retries: int) -> None:
        super().__init__(session, clock, max_retries)
        self._reader = EventReader(session)

    async def to_file(
        self,
        path: str | os.PathLike[str] | WritableFile,
        from_date: Date,
        to_date: Date,
        **options: Unpack[FileExportOptions],
    ) -> ExportReport:
        """Write events to a file, or to a directory with a file for each day.

        The format is that of the suffix: `.ndjson`, `.jsonl` or `.csv`, also with `.gz` or `.zst` after it, or
        `.parquet`. What was exported can be imported as it is: NDJSON has the lines that Mixpanel sent, CSV and Parquet
        have them in the column `properties`. A file appears under its name only when it is complete; an existing one is
        not replaced without `overwrite`. A truncated reply is requested again from its start.

        A directory has a file for each day and `_manifest.json`, which says what they are exports of. The same call
        resumes an export that ended early: it requests the days that are missing, and those that were exported before
        late events can have arrived (`lookback_days`). A directory that holds an export with other options, or of
        another project, is refused. Each day is one of the 60 requests an hour that Mixpanel allows; when they are used
        up, the export waits.

        Args:
            path: A file; a directory, existing or with a slash at its end; or an open file in binary mode. A path may
                be a URL such as `s3://bucket/events.parquet`: it needs the extra `remote` and the driver of the store.
            from_date: First day, inclusive: in UTC, or in the project's time zone for projects created before 2023.
            to_date: Last day, inclusive.
            **options: See `FileExportOptions`: event, where, limit, time_in_ms, is_gzip, on_bad_line,
                idle_timeout_seconds, min_bytes_per_second, timeout_seconds, project_id, format, columns, overwrite,
                lookback_days, timezone, concurrency, on_progress.

        Raises:
            TruncatedReplyError: The export ended early in every attempt; into an open file there is only one.
            UnreadableEventError: A line in the middle is not an event, and `on_bad_line` is `"raise"`.
            OutputError: A file exists already or cannot be written, or its format cannot hold an event.
            MissingExtraError: The format needs a package that is not installed.
            ApiError: Mixpanel refused the request.
            TransportError: The reply did not start, or the connection broke, in every attempt.
            InvalidArgumentError: An option is invalid, the suffix is unknown, or the directory holds another export.

        Example:
            ```python
            report = await mp.export.to_file("january.parquet", "2026-01-01", "2026-01-31")
            report = await mp.export.to_file("events/", "2026-01-01", "2026-01-31", format="parquet")
            ```

        Reference: https://developer.mixpanel.com/reference/raw-event-export
        """
        unknown = options.keys() - FileExportOptions.__annotations__
        if unknown:
            raise InvalidArgumentError(f"export: unknown option {', '.join(sorted(unknown))}; see FileExportOptions")
        first, last = date_range(from_date, to_date)
        target = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        is_directory = isinstance(target, str) and await asyncio.to_thread(is_folder, target)
        if isinstance(target, str) and is_directory:
            options = await asyncio.to_thread(_as_before, target, options)
        plan = output_plan(target, options, is_directory=is_directory)
        meter = ExportMeter(self._clock, options.get("on_progress"))
        run = ExportRun(plan, day_options(options), options.get("limit"), meter)
        contents = self._contents(first, last, options, plan)
        await asyncio.to_thread(plan.check)
        fetcher = self._fetcher(options, run)
        if not isinstance(target, str):
            return await self._to_stream(fetcher, target, first, last, run)
        if is_directory:
            return await self._to_directory(fetcher, target, days_between(first, last), contents, run)
        return await self._to_one(fetcher, target, first, last, run)

    def _fetcher(self, options: FileExportOptions, run: ExportRun) -> Fetcher:
        own = cast("ExportOptions", {name: value for name, value in options.items() if name not in _OWN})
        decode = run.plan.decoder()
        return Fetcher(
            self._session,
            self._clock,
            lambda first, last, on_wait: self._reader.blocks(first, last, own, on_wait, decode),
            run.plan,
            run.meter,
            on_bad_line=options.get("on_bad_line", "raise"),
            max_retries=self._max_retries,
        )

    def _contents(self, first: str, last: str, options: FileExportOptions, plan: OutputPlan) -> Contents:
        """Return what an export is of; checks the options of the request on the way."""
        names = ("event", "where", "limit", "time_in_ms", "project_id")
        given = cast("dict[str, Any]", {name: options.get(name) for name in names})
        query = dict(self._reader.raw.request(first, last, **given).query)
        session = self._session
        project = query.get("project_id") or ("" if session.project_id is None else str(session.project_id))
        secrets = [] if project else [*session.secrets()]
        return Contents(
            project=project or (f"of credential {token_fingerprint(secrets[0])}" if secrets else ""),
            server=session.address("data"),
            event=tuple(sorted(set(texts("event", query.get("event"), may_be_empty=True) or ()))),
            where=query.get("where", ""),
            limit=options.get("limit"),
            time_in_ms=plan.time_in_ms,
            format=plan.kind.name,
            columns=tuple(map(str, plan.columns)),
        )

    async def _to_directory(
        self, fetcher: Fetcher, path: str, days: Sequence[dt.date], contents: Contents, run: ExportRun
    ) -> ExportReport:
        folder = await asyncio.to_thread(open_folder, path)
        files = await DirectoryExport(folder, contents, run.days, fetcher, run.meter).run(days)
        return run.report(
            [Exported(file.day.isoformat(), file.day, file.fetched) for file in files if file.fetched is not None],
            files=[folder.path(file.name) for file in files if not file.is_kept],
            skipped=[folder.path(file.name) for file in files if file.is_kept],
            refetched=[folder.path(file.name) for file in files if file.is_known and not file.is_kept],
        )

    async def _to_one(self, fetcher: Fetcher, path: str, first: str, last: str, run: ExportRun) -> ExportReport:
        folder, name = await asyncio.to_thread(open_parent, path)
        open_file = partial(folder.open, name, overwrite=run.days.overwrite)
        thread = WorkerThread("mixpanel_async-export")
        try:
            fetched = await fetcher.to_output(thread, first, last, open_file, _commit)
        finally:
            thread.close()
        return run.report([Exported.of(first, last, fetched)], files=[folder.path(name)])

    async def _to_stream(
        self, fetcher: Fetcher, file: WritableFile, first: str, last: str, run: ExportRun
    ) -> ExportReport:
        thread = WorkerThread("mixpanel_async-export")
        try:
            fetched = await fetcher.to_stream(thread, first, last, file)
        finally:
            thread.close()
        return run.report([Exported.of(first, last, fetched)], files=[])


def _as_before(path: str, options: FileExportOptions) -> FileExportOptions:
    """Return the options with the format and columns of the export that a directory holds, where none are given."""
    try:
        found = written_contents(open_folder(path).read(MANIFEST_NAME))
    except OutputError:
        return options  # the export itself says so
    if found is None:
        return options
    whole: FileExportOptions = {**options}
    whole["format"] = options.get("format") or cast("OutputFormat", found.format)
    whole["columns"] = options.get("columns") or found.columns
    return whole


async def _commit(thread: WorkerThread, file: OutputFile, fetched: Fetched) -> None:
    del fetched
    await thread.submit(file.commit)
