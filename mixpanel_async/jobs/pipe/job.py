"""Pipe: delivers records of an endless source and yields acknowledgements in the order of the source."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import Final, TypeAlias

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import AccessRefusedError, MixpanelError
from mixpanel_async.jobs.imports.batcher import Batcher
from mixpanel_async.jobs.model.chunks import Chunk, Encode
from mixpanel_async.jobs.model.counts import ACCESS_REASONS, REFUSED
from mixpanel_async.jobs.model.report import Ack
from mixpanel_async.jobs.pipe.ordered_acks import OrderedAcks
from mixpanel_async.jobs.sources.iterables import Record, RecordSource, cancelled_within, close_generator
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.time_slice import TimeSlice, in_slices

Item: TypeAlias = Record | tuple[object, Record]
PipeSource: TypeAlias = AsyncIterable[Item] | Iterable[Item]
_MIN_TICK_SECONDS: Final = 0.01  # a linger time of 0 must not make the ticker spin
_UNAUTHORIZED: Final = 401


class Pipe:
    """One run of a pipe.

    Args:
        source: Yields records, or pairs of a position and a record.
        encode: Turns a chunk into an encoded chunk, in steps.
        engine: Delivers the records.
        lane: The lane to deliver on.
        settings: Gives the linger time.
        clock: Gives the time.
        max_batches: Maximum number of batches in flight, or None.
        max_unacknowledged: Maximum number of records that were read and not acknowledged.
    """

    def __init__(
        self,
        source: PipeSource,
        encode: Encode,
        *,
        engine: Engine,
        lane: Lane,
        settings: Settings,
        clock: Clock,
        max_batches: int | None,
        max_unacknowledged: int,
    ) -> None:
        self._changed = asyncio.Event()
        self._acknowledged = asyncio.Event()
        # Verdicts are matched with positions by their order, so chunks are encoded in the order of the source.
        self._turn = asyncio.Lock()
        self._offsets: deque[object] = deque()
        self._source = RecordSource(self._records(source))
        self._encode = encode
        self._clock = clock
        self._tick_seconds = max(_MIN_TICK_SECONDS, settings.linger_seconds)
        self._acks = OrderedAcks(self._changed)
        self._batcher = Batcher(engine, lane, self._acks, max_batches)
        self._max_unacknowledged = max_unacknowledged
        self._read = 0
        self._is_closing = False

    async def acks(self) -> AsyncGenerator[Ack[object]]:
        """Yield an acknowledgement for each record, in order.

        Raises:
            AccessRefusedError: The credential is refused.
            SourceError: The source raised CancelledError although this task was not cancelled.
            MixpanelError: A valid record was not delivered.
        """
        # The feeder runs ahead of the acknowledgements, up to max_unacknowledged; otherwise every record would wait for
        # the reply to the one before it.
        feeder = asyncio.create_task(self._feed(), name="mixpanel_async.pipe")
        ticker = asyncio.create_task(self._tick(), name="mixpanel_async.pipe-ticker")
        for task in (feeder, ticker):
            task.add_done_callback(lambda _task: self._changed.set())
        try:
            while True:
                self._changed.clear()
                for verdict in self._acks.ready():
                    yield self._ack(verdict)
                if ticker.done():
                    ticker.result()
                if feeder.done() and self._acks.is_settled:
                    feeder.result()
                    return
                await self._changed.wait()
        finally:
            self._is_closing = True
            for task in (feeder, ticker):
                task.cancel()
            await asyncio.wait((feeder, ticker))
            await self._source.aclose()

    def _ack(self, verdict: Verdict) -> Ack[object]:
        offset = self._offsets.popleft()
        self._acknowledged.set()
        ack = Ack(offset, verdict)
        is_rejected = ack.is_rejected and verdict.reason not in ACCESS_REASONS
        if verdict.outcome is Outcome.REJECTED and verdict.reason == REFUSED:
            raise AccessRefusedError(verdict.message, status=_UNAUTHORIZED, operation="pipe")
        if not (ack.is_delivered or is_rejected or ack.is_skipped or verdict.outcome is Outcome.DUPLICATE):
            raise MixpanelError(f"the record at {offset!r} was not delivered: {verdict.message}")
        return ack

    async def _records(self, source: PipeSource) -> AsyncGenerator[Record]:
        """Yield the records without their positions, at most `max_unacknowledged` ahead."""
        try:
            if isinstance(source, AsyncIterable):
                async for item in source:
                    yield self._split(item)
                    await self._wait_for_acks()
            else:
                for item in source:
                    yield self._split(item)
                    await self._wait_for_acks()
        finally:
            await close_generator(source)

    def _split(self, item: Item) -> Record:
        """Store the position of a record, and return the record."""
        self._read += 1
        if isinstance(item, tuple):
            offset, record = item
        else:
            offset, record = self._read, item
        self._offsets.append(offset)
        return record

    async def _wait_for_acks(self) -> None:
        while len(self._offsets) >= self._max_unacknowledged:
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def _feed(self) -> None:
        failure: Exception | None = None
        try:
            async with contextlib.aclosing(self._source.chunks()) as chunks:
                async for chunk in chunks:
                    async with self._turn:
                        await self._take(chunk)
                    # A source that never waits must not keep the loop from sending.
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            # Cancelled by `acks`, or by something that the source awaited, which is an error of the source.
            if self._is_closing:
                raise
            failure = cancelled_within("the source")
        except Exception as error:
            failure = error
        await self._take_held()
        await self._batcher.seal()
        if failure is not None:
            raise failure

    async def _take_held(self) -> None:
        async with self._turn:
            for chunk in self._source.take():
                await self._take(chunk)

    async def _take(self, chunk: Chunk) -> None:
        time_slice = TimeSlice()
        await self._batcher.add(await in_slices(self._encode(chunk), time_slice), time_slice)

    async def _tick(self) -> None:
        """Send records that linger: a source that pauses must not hold back the records before the pause."""
        while True:
            sealed = self._batcher.sealed
            await self._clock.sleep(self._tick_seconds)
            # If the lock is taken, the feeder has just taken everything and may be waiting for buffer space.
            if not self._turn.locked():
                await self._take_held()
            if self._batcher.sealed == sealed and not self._batcher.is_putting:
                await self._batcher.seal()
