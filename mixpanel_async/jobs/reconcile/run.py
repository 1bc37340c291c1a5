"""Builds the source and the encoder of a comparison, and runs it."""

import asyncio
import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import AsyncIterator

from mixpanel_async.actions._core.params import Date, date_range
from mixpanel_async.engine.context import Context
from mixpanel_async.errors import InvalidArgumentError, OutputError
from mixpanel_async.jobs.encoding.mappings import Transform
from mixpanel_async.jobs.exports.event_reader import EventReader
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.mapping.timestamps import read_zone
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.reconcile.job import ReconcileJob
from mixpanel_async.jobs.reconcile.options import ReconcileOptions
from mixpanel_async.jobs.reconcile.record import local_time
from mixpanel_async.jobs.reconcile.report import ReconcileReport
from mixpanel_async.jobs.reconcile.rows import lake_module
from mixpanel_async.jobs.reconcile.selection import (
    DayRange,
    Selection,
    day_number,
)
from mixpanel_async.jobs.run import event_encoding, event_tokens
from mixpanel_async.jobs.sources.open import EventSource, open_source
from mixpanel_async.jobs.sources.options import FileOptions
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.redaction import shown


async def reconcile(
    context: Context,
    source: EventSource,
    from_date: Date,
    to_date: Date,
    *,
    options: ReconcileOptions,
    files: FileOptions,
    mapping: RecordMapping | None,
    transform: Transform | None,
) -> ReconcileReport:
    """Run `AsyncMixpanel.reconcile`."""
    for module in ("duckdb", "pyarrow", "pyarrow.parquet"):
        await asyncio.to_thread(lake_module, module, "reconcile")
    first, last = date_range(from_date, to_date)
    zone = (
        None if options.project_timezone in {None, "UTC"} else read_zone(options.project_timezone, "project_timezone")
    )
    selection = Selection(
        DayRange(day_number(first), day_number(last)),
        frozenset(options.events),
        frozenset(options.ignore),
        None if zone is None else local_time(zone),
    )
    encoding = event_encoding(context, mapping, event_tokens(context, JobOptions()), transform=transform, window=0)
    opened = open_source(source, files, encoding.check_columns, encoding.columns)
    try:
        if options.output is not None and await opened.is_reading(str(options.output)):
            raise InvalidArgumentError(
                f"{shown(str(options.output))} is invalid: the source is this file; name another"
            )
        reader = EventReader(context.session)
        async with _directory(options) as directory, _thread() as thread:
            job = ReconcileJob(context, reader, opened, encoding.encode, selection, options, directory, thread)
            return await job.run()
    finally:
        await opened.aclose()


@contextlib.asynccontextmanager
async def _directory(options: ReconcileOptions) -> AsyncIterator[pathlib.Path]:
    parent = None if options.temp_dir is None else str(options.temp_dir)
    try:
        path = await asyncio.to_thread(tempfile.mkdtemp, prefix="mixpanel-reconcile-", dir=parent)
    except OSError as error:
        raise OutputError(f"cannot write temporary files to {parent}: {error.strerror or error}") from None
    try:
        yield pathlib.Path(path)
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, path, ignore_errors=True))


@contextlib.asynccontextmanager
async def _thread() -> AsyncIterator[WorkerThread]:
    thread = WorkerThread("mixpanel_async-reconcile")
    try:
        yield thread
        # What was submitted may still use the files.
    finally:
        await asyncio.shield(thread.submit(lambda: None))
        thread.close()
