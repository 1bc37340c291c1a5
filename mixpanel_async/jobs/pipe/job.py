"""The pipe: records of an endless source in, acknowledgements in the source's order out."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import Final, TypeAlias

from mixpanel_async.clock import Clock
from mixpanel_async.config import Settings
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.errors import AccessRefusedError, MixpanelError
from mixpanel_async.jobs.imports.batcher import Batcher
from mixpanel_async.jobs.model.chunks import Chunk, EncodedChunk
from mixpanel_async.jobs.model.counts import ACCESS_REASONS, REFUSED
from mixpanel_async.jobs.model.report import Ack
from mixpanel_async.jobs.pipe.ordered_acks import PipeBooks
from mixpanel_async.jobs.sources.iterables import Record, RecordSource, cancelled_within, close_generator
from mixpanel_async.models import Outcome, Verdict

Item: TypeAlias = Record | tuple[object, Record]
PipeSource: TypeAlias = AsyncIterable[Item] | Iterable[Item]
_MIN_TICK_SECONDS: Final = 0.01
_UNAUTHORIZED: Final = 401


class Pipe:
    """One run of a pipe.

    Args:
        source: Yields records, or pairs of a position and a record.
        encode: Makes a piece of a chunk.
        engine: Delivers.
        lane: Where to.
        settings: The linger time.
        clock: Time.
        max_batches: Batches on their way at once, or None.
        max_unacknowledged: Records read and not acknowledged at once.
    """

    def __init__(
        self,
        source: PipeSource,
        encode: Callable[[Chunk], EncodedChunk],
        *,
        engine: Engine,
        lane: Lane,
        settings: Settings,
        clock: Clock,
        max_batches: int | None,
        max_unacknowledged: int,
    ) -> None:
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()  # chunks are taken one after another, in the source's order
        self._offsets: deque[object] = deque()
        self._source = RecordSource(self._records(source))
        self._encode = encode
        self._clock = clock
        self._tick_seconds = max(_MIN_TICK_SECONDS, settings.linger_seconds)
        self._books = PipeBooks(self._changed)
        self._outbox = Batcher(engine, lane, self._books, max_batches)
        self._max_unacknowledged = max_unacknowledged
        self._read = 0
        self._is_closing = False

    async def acks(self) -> AsyncGenerator[Ack]:
        """Yield an acknowledgement for each record, in their order.

        Raises:
            AccessRefusedError: The credential is refused.
            SourceError: The source raised CancelledError, and was not cancelled from here.
            MixpanelError: A record was not delivered, for no fault of its own.
        """
        feeder = asyncio.create_task(self._feed(), name="mixpanel_async.pipe")
        ticker = asyncio.create_task(self._tick(), name="mixpanel_async.pipe-ticker")
        for task in (feeder, ticker):
            task.add_done_callback(lambda _task: self._changed.set())
        try:
            while True:
                self._changed.clear()
                for verdict in self._books.ready():
                    yield self._acknowledged(verdict)
                if ticker.done():
                    ticker.result()
                if feeder.done() and self._books.is_settled:
                    feeder.result()
                    return
                await self._changed.wait()
        finally:
            self._is_closing = True
            for task in (feeder, ticker):
                task.cancel()
            await asyncio.wait((feeder, ticker))
            await self._source.aclose()

    def _acknowledged(self, verdict: Verdict) -> Ack:
        offset = self._offsets.popleft()
        self._room.set()
        ack = Ack(offset, verdict)
        is_rejected = ack.is_rejected and verdict.reason not in ACCESS_REASONS
        if verdict.outcome is Outcome.REJECTED and verdict.reason == REFUSED:
            raise AccessRefusedError(verdict.message, status=_UNAUTHORIZED, operation="pipe")
        if not (ack.is_delivered or is_rejected or ack.is_skipped or verdict.outcome is Outcome.DUPLICATE):
            raise MixpanelError(f"the record at {offset!r} was not delivered: {verdict.message}")
        return ack

    async def _records(self, source: PipeSource) -> AsyncGenerator[Record]:
        """Yield the records alone, and keep their positions; read no further ahead than was agreed."""
        try:
            if isinstance(source, AsyncIterable):
                async for item in source:
                    yield self._noted(item)
                    await self._wait_for_room()
            else:
                for item in source:
                    yield self._noted(item)
                    await self._wait_for_room()
        finally:
            await close_generator(source)

    def _noted(self, item: Item) -> Record:
        self._read += 1
        if isinstance(item, tuple):
            offset, record = item
        else:
            offset, record = self._read, item
        self._offsets.append(offset)
        return record

    async def _wait_for_room(self) -> None:
        while len(self._offsets) >= self._max_unacknowledged:
            self._room.clear()
            await self._room.wait()

    async def _feed(self) -> None:
        failure: Exception | None = None
        try:
            async with contextlib.aclosing(self._source.chunks()) as chunks:
                async for chunk in chunks:
                    async with self._turn:
                        await self._outbox.add(self._encode(chunk))
                    await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._is_closing:
                raise
            failure = cancelled_within("the source")
        except Exception as error:
            failure = error
        await self._flush()
        if failure is not None:
            raise failure

    async def _flush(self) -> None:
        await self._take_held()
        await self._outbox.seal()

    async def _take_held(self) -> None:
        async with self._turn:
            for chunk in self._source.take():
                await self._outbox.add(self._encode(chunk))

    async def _tick(self) -> None:
        """Send what lingers: a source that pauses must not hold back what it gave before."""
        while True:
            sealed = self._outbox.sealed
            await self._clock.sleep(self._tick_seconds)
            if not self._turn.locked():  # else the feeder has just taken what there is, and may wait for room
                await self._take_held()
            if self._outbox.sealed == sealed and not self._outbox.is_putting:
                await self._outbox.seal()
