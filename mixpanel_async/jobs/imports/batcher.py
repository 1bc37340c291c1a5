"""Packs encoded records into batches and routes verdicts back to the job's counters."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from mixpanel_async.engine.batch import Batch, BatchBuilder
from mixpanel_async.engine.engine import Engine
from mixpanel_async.engine.lanes import Lane
from mixpanel_async.engine.receipts import Tickets
from mixpanel_async.errors import ClientClosedError
from mixpanel_async.jobs.model.chunks import STEP_RECORDS, EncodedChunk, RejectedRecord
from mixpanel_async.models import Outcome, Verdict
from mixpanel_async.records.parsing import is_readable
from mixpanel_async.records.rejection import malformed
from mixpanel_async.time_slice import Steps, TimeSlice, in_slices

C = TypeVar("C")
_REFUSED: Final = "refused"
_NEVER: Final = float("inf")  # the deadline of a batch that the engine has not admitted
_UNREADABLE: Final = malformed("not valid JSON for Mixpanel; check for numbers that are too large")


class OutcomeSink(Protocol[C]):
    """Receives chunks and the outcomes of their records. C is what the sink knows a chunk by."""

    def enter(self, chunk: EncodedChunk) -> C:
        """Count a chunk in; return what its records are known by from then on."""

    def note_reject(self, name: str, reject: RejectedRecord) -> None:
        """Report a record that was not delivered, before `settle` counts it."""

    def settle(self, pending: C, verdict: Verdict, numbers: Sequence[int]) -> None:
        """Count the outcome of some records of a chunk."""

    def source_name(self, pending: C) -> str:
        """Return the name of the source of a chunk."""


def note_rejects(sink: OutcomeSink[C], chunk: EncodedChunk) -> Steps[None]:
    """Report the records that an encoder rejected, in steps; call this before the chunk is entered."""
    for index, reject in enumerate(chunk.rejects):
        sink.note_reject(chunk.name, reject)
        if index % STEP_RECORDS == 0:
            yield


class _InFlight:
    """One of the batches in flight. The engine may split a batch; it is over when all of its records have settled."""

    __slots__ = ("waiting",)

    def __init__(self, records: int) -> None:
        self.waiting = records


class JobTickets(Generic[C]):
    """The records of a batch as a few ranges of numbers: an object for each record would cost more than the record.

    Args:
        segments: For each chunk that has records in the batch, the chunk and the records' numbers.
        in_flight: Counts the records of the batch as it was put.
        batcher: Receives the outcomes.
    """

    __slots__ = ("_batcher", "_in_flight", "_segments")

    def __init__(
        self, segments: Sequence[tuple[C, Sequence[int]]], in_flight: _InFlight, batcher: "Batcher[C]"
    ) -> None:
        self._segments = segments
        self._in_flight = in_flight
        self._batcher = batcher

    def settle(self, parts: Sequence[bytes], verdict: Verdict, exceptions: Mapping[int, Verdict]) -> None:
        """Hand the outcomes to the sink."""
        sink = self._batcher.sink
        start = 0
        for pending, numbers in self._segments:
            end = start + len(numbers)
            own = sorted(index for index in exceptions if start <= index < end)
            for index in range(start, end) if verdict.outcome.is_failure else own:
                one = exceptions.get(index, verdict)
                if one.outcome.is_failure:
                    reject = RejectedRecord(numbers[index - start], one, parts[index])
                    sink.note_reject(sink.source_name(pending), reject)
            for index in own:
                sink.settle(pending, exceptions[index], (numbers[index - start],))
            gone = frozenset(own)
            # Without exceptions, which is nearly always, the numbers are passed on as the range that they are.
            rest = [n for index, n in enumerate(numbers, start) if index not in gone] if own else numbers
            if rest:
                sink.settle(pending, verdict, rest)
            start = end
        self._segments = ()
        self._batcher.note_settled(self._in_flight, len(parts))

    def find_faults(self, parts: Sequence[bytes], verdict: Verdict) -> Mapping[int, Verdict]:
        """Return verdicts for records that are not valid JSON, if a request was refused as a whole.

        The fast path does not decode a whole line: a number such as 1e999 is found only here.
        """
        if verdict.reason != _REFUSED:
            return {}
        return {index: _UNREADABLE for index, part in enumerate(parts) if not is_readable(part)}

    def select(self, indices: Sequence[int]) -> Tickets:
        """Return the tickets of some records, in that order."""
        every = [(pending, number) for pending, numbers in self._segments for number in numbers]
        segments: list[tuple[C, list[int]]] = []
        for pending, number in (every[index] for index in indices):
            if not segments or segments[-1][0] is not pending:
                segments.append((pending, []))
            segments[-1][1].append(number)
        return JobTickets(segments, self._in_flight, self._batcher)


class Batcher(Generic[C]):
    """Packs records into batches that are as full as the limits allow, and hands them to the engine.

    Args:
        engine: Delivers the batches.
        lane: The lane to deliver on.
        sink: Receives chunks and outcomes.
        max_batches: Maximum number of batches in flight, or None for as many as the buffer holds.

    Attributes:
        sink: Receives chunks and outcomes.
        sealed: Number of batches made.
    """

    def __init__(self, engine: Engine, lane: Lane, sink: OutcomeSink[C], max_batches: int | None = None) -> None:
        self.sink = sink
        self._engine = engine
        self._lane = lane
        self._max_batches = max_batches
        self._builder: BatchBuilder[tuple[C, Sequence[int]]] = BatchBuilder(
            lane.spec.max_records, lane.max_bytes, self._tickets
        )
        self._batches = 0
        self._puts = 0
        self.sealed = 0
        self._changed = asyncio.Event()

    def _tickets(self, segments: Sequence[tuple[C, Sequence[int]]]) -> Tickets:
        self.sealed += 1
        return JobTickets(segments, _InFlight(sum(len(numbers) for _, numbers in segments)), self)

    async def add(self, chunk: EncodedChunk, time_slice: TimeSlice | None = None) -> None:
        """Add the records of a chunk; wait while the buffer is full.

        Args:
            chunk: The chunk.
            time_slice: The slice of the task that encoded it; None: a new one.
        """
        await in_slices(note_rejects(self.sink, chunk), time_slice)
        pending = self.sink.enter(chunk)
        if chunk.replaced:
            self._engine.note_replaced_tokens(self._lane.spec.path, len(chunk.replaced))
        self._builder.max_bytes = self._lane.max_bytes  # smaller since the last time if the server answered 413
        for batch in self._builder.extend(
            chunk.parts, lambda start, end: (pending, chunk.numbers[start:end]), frozenset(chunk.unsafe)
        ):
            await self._put(batch)

    async def seal(self) -> None:
        """Send the open batch, full or not."""
        for batch in self._builder.seal():
            await self._put(batch)

    async def drained(self) -> None:
        """Wait until every batch has its outcomes."""
        while self._batches:
            self._changed.clear()
            await self._changed.wait()

    def note_settled(self, in_flight: _InFlight, records: int) -> None:
        """Count records of a batch that have their outcomes."""
        in_flight.waiting -= records
        if not in_flight.waiting:
            self._batches -= 1
            self._changed.set()

    @property
    def is_putting(self) -> bool:
        """Whether a batch waits to be admitted."""
        return self._puts > 0

    async def _put(self, batch: Batch) -> None:
        self._puts += 1
        try:
            await self._put_in_turn(batch)
        finally:
            self._puts -= 1

    async def _put_in_turn(self, batch: Batch) -> None:
        while self._max_batches is not None and self._batches >= self._max_batches:
            self._changed.clear()
            await self._changed.wait()
        self._batches += 1
        try:
            await self._engine.put(self._lane, batch)
        except BaseException as error:
            # A caller that waits for buffer space may be admitted and cancelled in the same turn of the loop. Then
            # the batch has a deadline, belongs to the engine, and the engine settles it.
            if batch.deadline == _NEVER:
                reason = "closed" if isinstance(error, ClientClosedError) else "cancelled"
                batch.tickets.settle(batch.parts, Verdict(Outcome.DROPPED, reason, "", str(error)), {})
            raise
