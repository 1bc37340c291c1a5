"""The import loop: reads a source, validates and batches its records, and reports one outcome per record."""

import asyncio
import contextlib
import enum
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import ClientClosedError, OutputError, SourceError
from mixpanel_async.jobs.imports.batcher import Batcher, note_rejects
from mixpanel_async.jobs.model.chunks import Chunk, Encode, EncodedChunk
from mixpanel_async.jobs.model.counts import REFUSED
from mixpanel_async.jobs.model.report import ImportProgress, ImportReport
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.sources.base import Source
from mixpanel_async.jobs.sources.iterables import cancelled_within
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from mixpanel_async.jobs.state.journal import Journal
from mixpanel_async.jobs.state.settlement import Settlement
from mixpanel_async.records.values import REPAIRED_TEXT
from mixpanel_async.time_slice import Steps, TimeSlice, in_slices

if TYPE_CHECKING:  # imports sqlite3, which only exact dedupe needs
    from mixpanel_async.jobs.dedupe.disk_store import DedupeStore

_log = logging.getLogger("mixpanel_async")
_DRY_RUN = "dry_run"
_MIN_TICK_SECONDS = 0.05  # a linger time of 0 must not make the ticker spin


class Phase(enum.Enum):
    """How far the reading of the source is. Each phase is entered from the ones above it, never the other way."""

    RUNNING = enum.auto()
    STOPPING = enum.auto()  # no further chunk is read: `stop` was set, or the credentials were refused
    SOURCE_ABANDONED = enum.auto()  # the feeder was cancelled, because the source may block for ever
    EXHAUSTED = enum.auto()  # the source was read to its end


class ImportJob:
    """One run of an import.

    Two tasks share the job. The feeder reads chunks and passes them on; the ticker acts when the source or the server
    is slow: it reports progress, sends records that linger, and saves the checkpoint.

    Args:
        source: An open source.
        encode: Turns a chunk into an encoded chunk, in steps.
        engine: Delivers the records.
        lane: The lane to deliver on; None for a dry run.
        settings: Gives the linger time.
        clock: Gives the time.
        options: Options of the job.
        journal: Writes dead letters and the checkpoint.
        start: What earlier runs did.
        store: Finds duplicates at any distance; None: only `encode` finds some.
    """

    def __init__(
        self,
        source: Source,
        encode: Encode,
        *,
        engine: Engine,
        lane: Lane | None,
        settings: Settings,
        clock: Clock,
        options: JobOptions,
        journal: Journal,
        start: Checkpoint,
        store: "DedupeStore | None" = None,
    ) -> None:
        self._source = source
        self._encode = encode
        self._engine = engine
        self._clock = clock
        self._options = options
        self._tick_seconds = max(_MIN_TICK_SECONDS, settings.linger_seconds)
        self._journal = journal
        self._store = store
        # Chunks are encoded in the order of the source: dedupe keeps the first of equal events, and the position of
        # the checkpoint only advances over chunks that were entered in order.
        self._turn = asyncio.Lock()
        # One for all the steps of a chunk: each step with a slice of its own would add up to a long hold.
        self._time_slice = TimeSlice()
        self._settlement = Settlement(start.counts.tally(), start.position, journal.note_reject)
        self._resumed = start.counts.read
        self._resumed_bytes = source.read_bytes
        self._batcher = None if lane is None else Batcher(engine, lane, self._settlement, options.concurrency)
        self._started = clock.monotonic()
        self._before = engine.stats()
        self._error = ""
        self._feeder: asyncio.Task[None] | None = None
        self._phase = Phase.RUNNING
        self._is_waiting_for_source = False

    async def run(self) -> ImportReport:
        """Read and deliver everything.

        Returns:
            The report; an error of the source that ended the reading is in its `error`.
        """
        self._feeder = asyncio.create_task(self._feed(), name="mixpanel_async.import")
        ticker = asyncio.create_task(self._tick(), name="mixpanel_async.import-ticker")
        try:
            await asyncio.wait((self._feeder, ticker), return_when=asyncio.FIRST_COMPLETED)
            if ticker.done():  # it ends only by failing, and the feeder may not notice what failed
                self._abandon_source()
                await asyncio.wait((self._feeder,))
            await self._settle(self._feeder, ticker)
        finally:
            for task in (self._feeder, ticker):
                task.cancel()
            await asyncio.wait((self._feeder, ticker))
            await self._save(is_done=self._phase is Phase.EXHAUSTED and self._settlement.is_settled)
        self._report_progress()
        return self._report()

    async def _settle(self, *tasks: asyncio.Task[None]) -> None:
        """Wait for the records in flight, whatever ended the reading; then raise what ended it."""
        failures = self._failures(tasks)
        if any(isinstance(failure, ClientClosedError) for failure in failures):
            raise failures[0]
        own: list[BaseException] = []
        try:
            async with self._turn:
                await self._take_held()
        except OutputError as error:
            own.append(error)  # records that were taken before are still delivered
        if self._batcher is not None:
            await self._batcher.seal()
            await self._batcher.drained()
        for failure in [*self._failures(tasks), *own]:
            if not isinstance(failure, SourceError):
                total = self._settlement.total
                failure.add_note(f"import_events: {total.read:,} records read, {total.imported:,} imported")
                raise failure
            self._error = str(failure)

    def _failures(self, tasks: Sequence[asyncio.Task[None]]) -> list[BaseException]:
        ended = [task for task in tasks if task.done()]
        failures = [error for task in ended if not task.cancelled() and (error := task.exception())]
        # Task.cancelling() would not tell who cancelled: older libraries cancel the task that they run in.
        is_abandoned = self._phase is Phase.SOURCE_ABANDONED
        if any(task.cancelled() and not (task is self._feeder and is_abandoned) for task in ended):
            failures.append(cancelled_within(f"{self._source.name}: the source"))
        return failures

    def _abandon_source(self) -> None:
        if self._feeder is not None:
            self._phase = Phase.SOURCE_ABANDONED
            self._feeder.cancel()

    async def _feed(self) -> None:
        async with contextlib.aclosing(self._source.chunks()) as chunks:
            while self._phase is Phase.RUNNING:
                self._is_waiting_for_source = True
                try:
                    chunk = await anext(chunks, None)
                finally:
                    self._is_waiting_for_source = False
                if chunk is None:
                    self._phase = Phase.EXHAUSTED
                    return
                async with self._turn:
                    await self._take(chunk)
                self._check_stop()
                # A source that never waits must not keep the loop from sending.
                await asyncio.sleep(0)

    async def _take_held(self) -> None:
        for chunk in self._source.take():
            await self._take(chunk)

    async def _take(self, chunk: Chunk) -> None:
        encoded = await in_slices(self._encoded(chunk), self._time_slice)
        encoded.tally.changed[REPAIRED_TEXT] += chunk.repaired
        for notice in chunk.notices:
            self._settlement.note(chunk.name, notice, encoded.tally)
        for notice in encoded.notices:
            self._settlement.show(chunk.name, notice)
        if self._store is not None:
            await self._store.remove_duplicates(encoded)
        if self._batcher is not None:
            await self._batcher.add(encoded, self._time_slice)
        else:
            encoded.tally.skipped[_DRY_RUN] += len(encoded.parts)
            encoded.parts = ()
            await in_slices(note_rejects(self._settlement, encoded), self._time_slice)
            self._settlement.enter(encoded)
        if self._journal.is_full:
            await self._save()

    def _encoded(self, chunk: Chunk) -> Steps[EncodedChunk]:
        try:
            return (yield from self._encode(chunk))
        except asyncio.CancelledError:  # the steps await nothing, so the transform function raised it
            raise cancelled_within(f"{self._source.name}: the transform function") from None

    async def _save(self, *, is_done: bool = False) -> None:
        await self._journal.save(self._settlement.position, self._settlement.settled, is_done=is_done)

    async def _tick(self) -> None:
        while True:
            sealed = 0 if self._batcher is None else self._batcher.sealed
            await self._clock.sleep(self._tick_seconds)
            self._report_progress()
            self._stop_waiting_if_asked()
            await self._take_lingering_records()
            await self._send_lingering_batch(sealed)
            await self._save()

    def _stop_waiting_if_asked(self) -> None:
        """End a job that should stop while its source has nothing to give."""
        self._check_stop()
        if self._phase is Phase.STOPPING and self._is_waiting_for_source:
            self._abandon_source()

    async def _take_lingering_records(self) -> None:
        """Take the records that a slow source gave but that do not fill a chunk yet."""
        # If the lock is taken, the feeder has just taken everything and may be waiting for buffer space. Waiting for
        # it here would stop progress reports and saves for as long.
        if not self._turn.locked():
            async with self._turn:
                await self._take_held()

    async def _send_lingering_batch(self, sealed: int) -> None:
        """Send the open batch if no batch was sealed since the last tick and none waits to be admitted."""
        if self._batcher is not None and self._batcher.sealed == sealed and not self._batcher.is_putting:
            await self._batcher.seal()

    def _check_stop(self) -> None:
        stop = self._options.stop
        is_asked = self._settlement.refusal is not None or (stop is not None and stop.is_set())
        if is_asked and self._phase is Phase.RUNNING:
            self._phase = Phase.STOPPING

    def _report_progress(self) -> None:
        on_progress = self._options.on_progress
        if on_progress is None:
            return
        try:
            on_progress(self._progress())
        except (Exception, asyncio.CancelledError):
            _log.exception("on_progress raised an exception; the import continues")

    def _progress(self) -> ImportProgress:
        total, now = self._settlement.total, self._engine.stats()
        return ImportProgress(
            read=total.read,
            imported=total.imported,
            rejected=total.rejected.total(),
            duplicates=total.duplicates,
            in_flight=self._settlement.waiting,
            read_bytes=self._source.read_bytes,
            total_bytes=self._source.total_bytes,
            retries=now.retries - self._before.retries,
            rate_limited=now.rate_limited - self._before.rate_limited,
            seconds=self._clock.monotonic() - self._started,
            resumed=self._resumed,
            resumed_bytes=self._resumed_bytes,
        )

    def _report(self) -> ImportReport:
        total, refusal, now = self._settlement.total, self._settlement.refusal, self._engine.stats()
        is_refused = refusal is not None and refusal.reason == REFUSED
        report = ImportReport(
            source=self._source.name,
            read=total.read,
            imported=total.imported,
            rejected=total.rejected.total(),
            duplicates=total.duplicates,
            skipped=total.skipped.total(),
            undelivered=total.undelivered.total(),
            rejected_by=dict(total.rejected),
            skipped_by=dict(total.skipped),
            undelivered_by=dict(total.undelivered),
            changed_by={change: records for change, records in total.changed.items() if records},
            noticed_by=dict(total.noticed),
            resumed=self._resumed,
            read_bytes=self._source.read_bytes,
            sent_bytes=now.sent_bytes - self._before.sent_bytes,
            requests=now.requests - self._before.requests,
            retries=now.retries - self._before.retries,
            rate_limited=now.rate_limited - self._before.rate_limited,
            duration_seconds=self._clock.monotonic() - self._started,
            examples=list(self._settlement.examples),
            notices=list(self._settlement.notices),
            error=self._error or ("" if refusal is None or is_refused else refusal.message),
            is_stopped=self._phase in {Phase.STOPPING, Phase.SOURCE_ABANDONED} and refusal is None,
            is_refused=is_refused,
            is_dry_run=self._batcher is None,
        )
        if not report.is_balanced:
            _log.error("internal error: the counts of an import do not add up; please report this: %r", report)
        return report
