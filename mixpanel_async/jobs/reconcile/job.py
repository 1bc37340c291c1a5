"""Reads a source, exports the same days, compares the two, and exports again while events may still arrive."""

import asyncio
import contextlib
import pathlib
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from mixpanel_async.engine.context import Context
from mixpanel_async.errors import InvalidRecordError, MixpanelError
from mixpanel_async.jobs.atomic_write import AtomicFile
from mixpanel_async.jobs.exports.event_reader import EventReader
from mixpanel_async.jobs.exports.fetch import pause_after
from mixpanel_async.jobs.exports.line_check import EventBlock
from mixpanel_async.jobs.exports.options import ExportOptions
from mixpanel_async.jobs.model.chunks import Encode, EncodedChunk, Position
from mixpanel_async.jobs.reconcile.comparison import Comparison
from mixpanel_async.jobs.reconcile.findings import Findings, report_of
from mixpanel_async.jobs.reconcile.options import ReconcileOptions, ReconcileProgress
from mixpanel_async.jobs.reconcile.report import EventDifference, ReconcileReport
from mixpanel_async.jobs.reconcile.rows import RowFile
from mixpanel_async.jobs.reconcile.selection import (
    Selection,
    Tallies,
    day_text,
    export_rows,
    source_rows,
)
from mixpanel_async.jobs.sources.base import Source
from mixpanel_async.jobs.worker_thread import WorkerThread
from mixpanel_async.session.messages import RateWait
from mixpanel_async.time_slice import TimeSlice, in_slices

_MAX_REQUESTS: Final = 12  # for all days; Mixpanel takes 60 in an hour, and what differs is exported again
_FIRST_PAUSE_SECONDS: Final = 5.0
_MAX_PAUSE_SECONDS: Final = 120.0
_MAX_UNREADABLE: Final = 5


class ReconcileJob:
    """One comparison.

    Args:
        context: The parts of the client.
        reader: Reads the events of the project.
        source: The source, which is not open yet.
        encode: Encodes records as an import does.
        selection: Which events are compared, and by what.
        options: Options of the comparison.
        directory: Directory for temporary files.
        thread: Does what blocks.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        context: Context,
        reader: EventReader,
        source: Source,
        encode: Encode,
        selection: Selection,
        options: ReconcileOptions,
        directory: pathlib.Path,
        thread: WorkerThread,
    ) -> None:
        self._session = context.session
        self._clock = context.clock
        self._max_retries = context.settings.max_call_retries
        self._reader = reader
        self._source = source
        self._encode = encode
        self._selection = selection
        self._options = options
        self._directory = directory
        self._thread = thread
        self._tallies = Tallies()
        self._ranges = selection.days.parts(_MAX_REQUESTS)
        self._counts: list[tuple[int, Sequence[EventDifference]]] = [(0, ())] * len(self._ranges)
        self._started = context.clock.monotonic()
        self._source_events = 0
        self._exported = 0

    async def run(self) -> ReconcileReport:
        """Read, export and compare; export again what differs until the time is over."""
        await self._read_source()
        deadline = self._clock.monotonic() + self._options.wait_seconds
        wanted = list(range(len(self._ranges)))
        exports, pause = 0, _FIRST_PAUSE_SECONDS
        while True:
            exports += 1
            self._exported = 0
            for index in wanted:
                await self._export_range(index)
            report, days = await self._compare()
            left = deadline - self._clock.monotonic()
            if report.is_settled or left <= 0:
                return msgspec.structs.replace(
                    report, exports=exports, duration_seconds=self._clock.monotonic() - self._started
                )
            self._show("waiting")
            await self._clock.sleep(min(pause, left))
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            wanted = [index for index, days_of in enumerate(self._ranges) if days_of.has_any(days)]

    async def _read_source(self) -> None:
        await self._source.open(Position())
        file = await self._thread.submit(partial(RowFile, self._directory / "source.parquet"))
        try:
            time_slice = TimeSlice()
            async with contextlib.aclosing(self._source.chunks()) as chunks:
                async for chunk in chunks:
                    encoded = await in_slices(self._encode(chunk), time_slice)
                    self._count(encoded)
                    await self._thread.submit(partial(self._add_source, file, encoded))
                    self._source_events = file.count
                    self._show("reading")
        finally:
            await asyncio.shield(self._thread.submit(file.close))

    def _count(self, encoded: EncodedChunk) -> None:
        self._tallies.skipped += encoded.tally.skipped.total()
        rejected = encoded.tally.rejected.total() + encoded.tally.undelivered.total()
        for reject in encoded.rejects[:rejected]:
            self._tallies.reject(
                f"{encoded.name}:{reject.number}", _words(reject.verdict.field, reject.verdict.message)
            )
        self._tallies.rejected += rejected - min(rejected, len(encoded.rejects))

    def _add_source(self, file: RowFile, encoded: EncodedChunk) -> None:
        file.add(source_rows(encoded.name, encoded.numbers, encoded.parts, self._selection, self._tallies))

    async def _export_range(self, index: int) -> None:
        days = self._ranges[index]
        async for attempt in self._session.retrying("export.events", self._delay_after):
            with attempt:
                await self._export_days(index, day_text(days.first), day_text(days.last))
                return

    def _delay_after(self, error: MixpanelError, attempt: int) -> float | None:
        pause = pause_after(error, attempt, self._max_retries, self._clock)
        if pause is not None:
            self._show("waiting")
        return pause

    def _note_wait(self, wait: RateWait | None) -> None:
        if wait is not None:
            self._show("waiting")

    async def _export_days(self, index: int, first: str, last: str) -> None:
        wanted = ExportOptions(event=list(self._options.events) or None, where=self._options.where, time_in_ms=True)
        wanted["on_bad_line"] = "keep"
        file = await self._thread.submit(partial(RowFile, self._file(index)))
        before, bad = self._exported, list[EventDifference]()
        number = unreadable = 0
        try:
            # As a job: it waits for its rate limits as long as it takes.
            whole = self._reader.blocks(first, last, wanted, self._note_wait)
            async with contextlib.aclosing(whole) as blocks:
                async for block in blocks:
                    found = await self._thread.submit(partial(self._add_export, file, block, number + 1))
                    number += block.events
                    unreadable += len(found)
                    bad += found[: _MAX_UNREADABLE - len(bad)]
                    self._exported = before + file.count
                    self._show("exporting")
        except BaseException:
            self._exported = before
            raise
        finally:
            await asyncio.shield(self._thread.submit(file.close))
        self._counts[index] = (unreadable, bad)

    def _add_export(self, file: RowFile, block: EventBlock, number: int) -> Sequence[EventDifference]:
        bad = [_unreadable(one.line, one.reason) for one in block.bad_lines]
        lines = block.lines.removesuffix(b"\n").split(b"\n") if block.events else []
        try:
            file.add(export_rows(lines, number, self._selection))
        except InvalidRecordError:
            for line in lines:
                try:
                    file.add(export_rows([line], number, self._selection))
                except InvalidRecordError as error:
                    bad.append(_unreadable(line, str(error)))
        return bad

    def _file(self, index: int) -> pathlib.Path:
        return self._directory / f"export-{index}.parquet"

    async def _compare(self) -> tuple[ReconcileReport, Sequence[int]]:
        self._show("comparing")
        files = [self._file(index) for index in range(len(self._ranges))]
        make = partial(Comparison, self._directory, [self._directory / "source.parquet"], files)
        comparison = await self._thread.submit(make)
        try:
            return await self._thread.submit(partial(self._compared, comparison))
        except asyncio.CancelledError:
            comparison.interrupt()
            raise
        finally:
            await asyncio.shield(self._thread.submit(comparison.close))

    def _compared(self, comparison: Comparison) -> tuple[ReconcileReport, Sequence[int]]:
        output = None if self._options.output is None else AtomicFile(pathlib.Path(self._options.output))
        try:
            findings = Findings(self._selection, None if output is None else output.write)
            comparison.find()
            findings.check(comparison)
            comparison.finish()
            findings.list_others(comparison)
            for _, bad in self._counts:
                for one in bad:
                    findings.add(one)
            if output is not None:
                output.commit()
        except BaseException:
            if output is not None:
                output.discard()
            raise
        report = report_of(comparison, self._source.name, self._selection, self._tallies, findings.examples)
        report = msgspec.structs.replace(
            report,
            unreadable=sum(unreadable for unreadable, _ in self._counts),
            allows_unexpected=self._options.allow_unexpected,
        )
        return report, comparison.differing_days()

    def _show(self, stage: str) -> None:
        if self._options.on_progress is None:
            return
        self._options.on_progress(
            ReconcileProgress(
                stage=stage,
                source_events=self._source_events,
                export_events=self._exported,
                read_bytes=self._source.read_bytes,
                total_bytes=self._source.total_bytes,
                seconds=self._clock.monotonic() - self._started,
            )
        )


def _unreadable(line: bytes, reason: str) -> EventDifference:
    return EventDifference(kind="unreadable", message=f"{reason}: {line[:80]!r}")


def _words(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message
