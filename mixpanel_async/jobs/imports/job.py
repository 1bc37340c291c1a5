"""The import job: reads a source, looks at every record, has the good ones delivered, and accounts for all of them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import ClientClosedError, OutputError, SourceError
from mixpanel_async.jobs.imports.batcher import Batcher
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk
from mixpanel_async.jobs.model.counts import REFUSED
from mixpanel_async.jobs.model.report import ImportProgress, ImportReport
from mixpanel_async.jobs.options import JobOptions
from mixpanel_async.jobs.sources.base import Source
from mixpanel_async.jobs.sources.iterables import cancelled_within
from mixpanel_async.jobs.state.checkpoint import Checkpoint
from mixpanel_async.jobs.state.journal import Journal
from mixpanel_async.jobs.state.settlement import Settlement
from mixpanel_async.models import Verdict

if TYPE_CHECKING:  # the standard library's database is loaded for those who use it
    from mixpanel_async.jobs.dedupe.disk_store import SeenStore

_log = logging.getLogger("mixpanel_async")
_DRY_RUN = "dry_run"


class ImportJob:
    """One run of an import.

    Args:
        source: Open already.
        encode: Makes a piece of a chunk.
        engine: Delivers.
        lane: Where to; None for a dry run.
        settings: The linger time.
        clock: Time.
        options: How to run.
        journal: Takes what is to be written.
        start: What earlier runs did.
        seen: Finds repeats at whatever distance; None: only `encode` finds some.
    """

    def __init__(
        self,
        source: Source,
        encode: Callable[[Chunk], EncodedChunk],
        *,
        engine: Engine,
        lane: Lane | None,
        settings: Settings,
        clock: Clock,
        options: JobOptions,
        journal: Journal,
        start: Checkpoint,
        seen: "SeenStore | None" = None,
    ) -> None:
        self._source = source
        self._encode = encode
        self._engine = engine
        self._clock = clock
        self._options = options
        self._tick_seconds = max(0.05, settings.linger_seconds)
        self._journal = journal
        self._seen = seen
        self._turn = asyncio.Lock()  # chunks are taken one after another, in the source's order
        self._books = Settlement(start.counts.tally(), start.place, journal.note)
        self._resumed = start.counts.read
        self._resumed_bytes = source.read_bytes
        self._outbox = None if lane is None else Batcher(engine, lane, self._books, options.concurrency)
        self._started = clock.monotonic()
        self._before = engine.stats()
        self._error = ""
        self._feeder: asyncio.Task[None] | None = None
        self._is_reading = False
        self._is_cut_off = False
        self._is_halted = False
        self._is_at_end = False

    async def run(self) -> ImportReport:
        """Read and deliver everything.

        Returns:
            What became of every record; a source that breaks off is told in it.
        """
        self._feeder = asyncio.create_task(self._feed(), name="mixpanel_async.import")
        ticker = asyncio.create_task(self._tick(), name="mixpanel_async.import-ticker")
        try:
            await asyncio.wait((self._feeder, ticker), return_when=asyncio.FIRST_COMPLETED)
            if ticker.done():  # it has no other end than a failure, which the feeder may not have met
                self._cut_off()
                await asyncio.wait((self._feeder,))
            await self._settle(self._feeder, ticker)
        finally:
            for task in (self._feeder, ticker):
                task.cancel()
            await asyncio.wait((self._feeder, ticker))
            await self._journal.save(self._books, is_done=self._is_at_end and self._books.is_settled)
        self._tell()
        return self._report()

    async def _settle(self, *tasks: asyncio.Task[None]) -> None:
        """Wait for what is on its way, whatever ended the reading; then raise that."""
        failures = self._failures(tasks)
        if any(isinstance(failure, ClientClosedError) for failure in failures):
            raise failures[0]
        own: list[BaseException] = []
        try:
            async with self._turn:
                await self._take_held()
        except OutputError as error:
            own.append(error)  # what was taken before is delivered all the same
        if self._outbox is not None:
            await self._outbox.seal()
            await self._outbox.drained()
        for failure in [*self._failures(tasks), *own]:
            if not isinstance(failure, SourceError):
                total = self._books.total
                failure.add_note(f"import_events: {total.read:,} records read, {total.imported:,} imported")
                raise failure
            self._error = str(failure)

    def _failures(self, tasks: Sequence[asyncio.Task[None]]) -> list[BaseException]:
        ended = [task for task in tasks if task.done()]
        failures = [error for task in ended if not task.cancelled() and (error := task.exception())]
        # How often a task was cancelled does not tell: older libraries cancel the task that they run in.
        if any(task.cancelled() and not (task is self._feeder and self._is_cut_off) for task in ended):
            failures.append(cancelled_within(f"{self._source.name}: the source"))
        return failures

    def _cut_off(self) -> None:
        """Leave the source, which may wait for ever."""
        if self._feeder is not None:
            self._is_cut_off = True
            self._feeder.cancel()

    async def _feed(self) -> None:
        async with contextlib.aclosing(self._source.chunks()) as chunks:
            while not self._is_halted:
                self._is_reading = True
                try:
                    chunk = await anext(chunks, None)
                finally:
                    self._is_reading = False
                if chunk is None:
                    self._is_at_end = True
                    return
                async with self._turn:
                    await self._take(chunk)
                self._check_halt()
                await asyncio.sleep(0)  # a source that never waits must not keep the loop from sending

    async def _take_held(self) -> None:
        for chunk in self._source.take():
            await self._take(chunk)

    async def _take(self, chunk: Chunk) -> None:
        try:
            piece = self._encode(chunk)
        except asyncio.CancelledError:  # nothing was waited for: it is the caller's function that raised it
            raise cancelled_within(f"{self._source.name}: the function for records") from None
        if self._seen is not None:
            await self._seen.sift(piece)
        if self._outbox is not None:
            await self._outbox.add(piece)
            await self._save_if_full()
            return
        piece.tally.skipped[_DRY_RUN] += len(piece.parts)
        piece.parts = ()
        self._books.enter(piece)
        await self._save_if_full()

    async def _save_if_full(self) -> None:
        if self._journal.is_full:
            await self._journal.save(self._books)

    async def _tick(self) -> None:
        """Tell of progress; send what lingers; notice that the job is to end while its source has nothing to give."""
        while True:
            sealed = 0 if self._outbox is None else self._outbox.sealed
            await self._clock.sleep(self._tick_seconds)
            self._tell()
            self._check_halt()
            if self._is_halted and self._is_reading:
                self._cut_off()
            if not self._turn.locked():  # else the feeder has just taken what there is, and may wait for room
                async with self._turn:
                    await self._take_held()
            if self._outbox is not None and self._outbox.sealed == sealed and not self._outbox.is_putting:
                await self._outbox.seal()
            await self._journal.save(self._books)

    def _check_halt(self) -> None:
        stop = self._options.stop
        if self._books.refusal is not None or (stop is not None and stop.is_set()):
            self._is_halted = True

    def _tell(self) -> None:
        on_progress = self._options.on_progress
        if on_progress is None:
            return
        try:
            on_progress(self._progress())
        except (Exception, asyncio.CancelledError):
            _log.exception("on_progress raised; the import goes on")

    def _progress(self) -> ImportProgress:
        total, now = self._books.total, self._engine.stats()
        return ImportProgress(
            read=total.read,
            imported=total.imported,
            rejected=total.rejected.total(),
            duplicates=total.duplicates,
            in_flight=self._books.waiting,
            read_bytes=self._source.read_bytes,
            total_bytes=self._source.total_bytes,
            retries=now.retries - self._before.retries,
            rate_limited=now.rate_limited - self._before.rate_limited,
            seconds=self._clock.monotonic() - self._started,
            resumed=self._resumed,
            resumed_bytes=self._resumed_bytes,
        )

    def _report(self) -> ImportReport:
        books, total, now = self._books, self._books.total, self._engine.stats()
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
            changed_by={what: records for what, records in total.changed.items() if records},
            resumed=self._resumed,
            read_bytes=self._source.read_bytes,
            sent_bytes=now.sent_bytes - self._before.sent_bytes,
            requests=now.requests - self._before.requests,
            retries=now.retries - self._before.retries,
            rate_limited=now.rate_limited - self._before.rate_limited,
            duration_seconds=self._clock.monotonic() - self._started,
            examples=list(books.examples),
            error=self._error or _fault_of(books.refusal),
            is_stopped=self._is_halted and not self._is_at_end and books.refusal is None,
            is_refused=books.refusal is not None and books.refusal.reason == REFUSED,
            is_dry_run=self._outbox is None,
        )
        if not report.is_balanced:
            _log.error("import_events: the books do not balance, please report this: %r", report)
        return report


def _fault_of(refusal: Verdict | None) -> str:
    """Return what is wrong where the credential is not."""
    return "" if refusal is None or refusal.reason == REFUSED else refusal.message
